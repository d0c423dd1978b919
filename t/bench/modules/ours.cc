// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/modules/ours.h"

#include <glog/logging.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace cucache::bench {
namespace {

Settings SettingsFor(uint64_t megabytes, bool huge_pages) {
  Settings settings;
  settings.maxbytes = megabytes << 20;
  settings.large_pages = huge_pages;
  return settings;
}

}  // namespace

Ours::Ours(uint64_t megabytes, bool huge_pages, unsigned workers)
    : settings_(SettingsFor(megabytes, huge_pages)), cache_(settings_, clock_) {
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(cache_, settings_));
  }
  std::string error;
  CHECK(cache_.StartMaintenance(&error)) << error;
}

Ours::~Ours() {
  cache_.StopMaintenance();
  workers_.clear();
}

// Calls operation(worker, i) for each i, with a quiescent state after every
// pass, off line before and after.
template <class Operation>
size_t Ours::Passes(unsigned worker, size_t n, Operation&& operation) {
  Worker& w = *workers_[worker];
  size_t count = 0;
  w.thread.Online();
  for (size_t i = 0; i < n;) {
    const size_t end = std::min(n, i + kPass);
    for (; i < end; ++i) count += operation(w, i) ? 1 : 0;
    w.thread.Quiescent();
  }
  w.thread.Offline();
  return count;
}

size_t Ours::Get(unsigned worker, const Key* keys, size_t n, char* value,
                 size_t value_bytes) {
  const RelTime now = clock_.now();
  return Passes(worker, n, [&](Worker& w, size_t i) {
    const std::string_view key = keys[i].view();
    Item* const item = cache_.Find(w.thread, cache_.Hash(key), key);
    if (item == nullptr) return false;
    item->Touch(now);
    std::memcpy(value, item->data(), value_bytes);
    // Every value is copied, the compiler may not keep only the last.
    asm volatile("" : : "r"(value) : "memory");
    return true;
  });
}

size_t Ours::GetSerial(unsigned worker, const Key* keys, size_t n) {
  const RelTime now = clock_.now();
  size_t wait = 0;
  return Passes(worker, n, [&](Worker& w, size_t i) {
    const Key key = keys[i + wait];
    Item* const item =
        cache_.Find(w.thread, cache_.Hash(key.view()), key.view());
    if (item == nullptr) return false;
    item->Touch(now);
    wait = static_cast<unsigned char>(*item->data()) & 0x80;
    return true;
  });
}

size_t Ours::GetBatch(unsigned worker, const Key* keys, size_t n, size_t batch,
                      char* value, size_t value_bytes) {
  CacheThread& thread = workers_[worker]->thread;
  const RelTime now = clock_.now();
  Lookup lookups[Assoc::kLookupGroup];
  size_t hits = 0;
  thread.Online();
  for (size_t first = 0; first < n; first += batch) {
    const size_t end = std::min(first + batch, n);
    char* to = value;
    // In groups, as the protocols do it.
    for (size_t at = first; at < end; at += Assoc::kLookupGroup) {
      const size_t size = std::min(Assoc::kLookupGroup, end - at);
      const Cache::Locator locate(cache_);
      for (size_t i = 0; i < size; ++i) {
        lookups[i].key = keys[at + i].view();
        locate(&lookups[i]);
      }
      cache_.Gather(lookups, size);
      for (size_t i = 0; i < size; ++i, to += value_bytes) {
        Item* const item = cache_.Settle(lookups[i]);
        if (item == nullptr || cache_.Check(item) != Finding::kAlive) continue;
        item->Touch(now);
        std::memcpy(to, item->data(), value_bytes);
        ++hits;
      }
    }
    asm volatile("" : : "r"(value) : "memory");
    thread.Quiescent();
  }
  thread.Offline();
  return hits;
}

size_t Ours::Set(unsigned worker, const Key* keys, size_t n,
                 std::string_view value) {
  return Passes(worker, n, [&](Worker& w, size_t i) {
    const std::string_view key = keys[i].view();
    // As the protocols do it.
    Request request;
    request.key = key;
    request.hash = w.executor.Hash(key);
    request.value_length = static_cast<uint32_t>(value.size());
    if (w.executor.SetAtOnce(request, value.data()) != nullptr) return false;
    Item* item;
    if (w.executor.Reserve(request, &item) != Status::kStored) return true;
    std::memcpy(item->mutable_data(), value.data(), value.size());
    Result result;
    w.executor.Store(request, item, &result);
    return result.status != Status::kStored;
  });
}

size_t Ours::Delete(unsigned worker, const Key* keys, size_t n) {
  return Passes(worker, n, [&](Worker& w, size_t i) {
    bool found = false;
    const std::string_view key = keys[i].view();
    (void)cache_.Update(w.thread, cache_.Hash(key), key, [&](Item* old) {
      found = old != nullptr;
      return Cache::Decision{Cache::Action::kRemove};
    });
    return found;
  });
}

size_t Ours::Increment(unsigned worker, const Key* keys, size_t n) {
  return Passes(worker, n, [&](Worker& w, size_t i) {
    Request request;
    request.key = keys[i].view();
    Result result;
    w.executor.Arithmetic(request, &result);
    return result.status == Status::kHit;
  });
}

size_t Ours::Allocate(unsigned worker, const Key* keys, size_t n,
                      uint32_t value_bytes) {
  return Passes(worker, n, [&](Worker& w, size_t i) {
    ItemShape shape;
    shape.key = keys[i].view();
    shape.hash = cache_.Hash(shape.key);
    shape.value_length = value_bytes;
    Item* item;
    if (cache_.Allocate(w.thread, shape, &item) != AllocateStatus::kOk) {
      return true;
    }
    cache_.Free(w.thread, item);
    return false;
  });
}

size_t Ours::Process(unsigned worker, Session& session, const char* bytes,
                     size_t n) {
  Worker& w = *workers_[worker];
  w.thread.Online();
  for (size_t done = 0; done < n;) {
    int budget = 200;  // nobody else waits
    const Session::Step step =
        session.Process(bytes + done, n - done, w.output, &budget);
    w.thread.Quiescent();
    done += step.consumed;
    if (step.next != Session::Next::kYield) break;
  }
  w.thread.Offline();
  return w.output.Take();
}

}  // namespace cucache::bench
