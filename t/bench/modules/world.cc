// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/modules/world.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace cucache::bench {
namespace {

constexpr size_t kMaxThreads = 64;
constexpr size_t kScratchBytes = 128 * 1024;

// Starts memcached with the options that its own command line would take.
void StartPeer(const Shape& shape) {
  static std::vector<std::string> words;
  static std::vector<char*> argv;
  const std::string path =
      "/tmp/cucache-bench-" + std::to_string(getpid()) + ".sock";
  words = {"memcached",
           "-u",
           "root",
           "-s",
           path,
           "-m",
           std::to_string(shape.megabytes),
           "-t",
           std::to_string(shape.workers)};
  if (shape.huge_pages) words.push_back("-L");
  if (shape.hashpower != 0) {
    words.insert(words.end(),
                 {"-o", "hashpower=" + std::to_string(shape.hashpower)});
  }
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  PeerStart(static_cast<int>(words.size()), argv.data(), path.c_str());
  unlink(path.c_str());
}

uint64_t KilobytesOf(const char* field) {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  while (rollup >> word) {
    uint64_t kilobytes;
    if (word == field && rollup >> kilobytes) return kilobytes;
  }
  return 0;
}

const char* Flat(const Key* keys) { return keys->bytes; }

}  // namespace

void Fail(const std::string& what) {
  std::fprintf(stderr, "modules_bench: %s\n", what.c_str());
  std::exit(1);
}

char* ScratchFor(unsigned thread) {
  static char* const memory = new char[kMaxThreads * kScratchBytes]();
  return memory + thread * kScratchBytes;
}

uint64_t ResidentBytes() { return KilobytesOf("Rss:") << 10; }
uint64_t HugeBytes() { return KilobytesOf("AnonHugePages:") << 10; }

Pair::Pair(const Shape& shape) {
  if (has_peer()) {
    StartPeer(shape);
    for (unsigned i = 0; i < shape.workers; ++i) {
      workers_.push_back(PeerWorker(static_cast<int>(i)));
    }
  }
  ours_ =
      std::make_unique<Ours>(shape.megabytes, shape.huge_pages, shape.workers);
}

void Pair::AddPeer(std::vector<Side>* sides,
                   std::function<void(void*, const Key*, size_t)> run) {
  if (!has_peer()) return;
  sides->push_back({Who::kMemcached,
                    [this, run](unsigned thread, const Key* keys, size_t n) {
                      PeerEnter(workers_[thread]);
                      run(workers_[thread], keys, n);
                      PeerLeave();
                    }});
}

void Pair::Fill(Who who, uint64_t first, uint64_t n, size_t value_bytes) {
  const std::string value(value_bytes, 'v');
  std::vector<Key> keys(kChunk);
  size_t failed = 0;
  for (uint64_t i = 0; i < n; i += keys.size()) {
    const size_t size = std::min<uint64_t>(keys.size(), n - i);
    for (size_t k = 0; k < size; ++k) keys[k] = Key(first + i + k);
    if (who == Who::kCucache) {
      failed += ours_->Set(0, keys.data(), size, value);
    } else {
      PeerEnter(workers_[0]);
      failed += PeerSet(workers_[0], Flat(keys.data()), kKeyBytes, size,
                        value.data(), value_bytes);
      PeerLeave();
    }
  }
  if (failed == 0) return;
  (who == Who::kCucache ? failed_sets_ : peer_failed_sets_) += failed;
  std::fprintf(stderr, "%s failed %zu of %llu sets\n",
               kSideNames[static_cast<size_t>(who)], failed,
               static_cast<unsigned long long>(n));
}

void Pair::AwaitGrowth() {
  // memcached looks once a second whether it should grow.
  for (int quiet = 0; quiet < 12; ++quiet) {
    if (ours_->cache().figures().hash_is_expanding != 0) quiet = 0;
    if (has_peer() && PeerExpanding() != 0) quiet = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void Pair::FillAll(uint64_t n, size_t value_bytes) {
  if (has_peer()) Fill(Who::kMemcached, 0, n, value_bytes);
  Fill(Who::kCucache, 0, n, value_bytes);
  AwaitGrowth();
}

std::vector<Side> Pair::Get(size_t value_bytes, size_t hits_per_key) {
  std::vector<Side> sides;
  const auto check = [hits_per_key](size_t hits, size_t n) {
    if (hits != n * hits_per_key) Fail("a get found what it should not");
  };
  sides.push_back(
      {Who::kCucache, [=, this](unsigned thread, const Key* keys, size_t n) {
         check(ours_->Get(thread, keys, n, ScratchFor(thread), value_bytes), n);
       }});
  AddPeer(&sides, [=](void* worker, const Key* keys, size_t n) {
    char value[1024];
    check(PeerGet(worker, Flat(keys), kKeyBytes, n, value, value_bytes), n);
  });
  return sides;
}

// memcached has no batches: it looks one key up after the other.
std::vector<Side> Pair::GetBatch(size_t batch, size_t value_bytes) {
  std::vector<Side> sides = Get(value_bytes);
  sides[0].run = [=, this](unsigned thread, const Key* keys, size_t n) {
    if (ours_->GetBatch(thread, keys, n, batch, ScratchFor(thread),
                        value_bytes) != n) {
      Fail("a batch missed");
    }
  };
  return sides;
}

std::vector<Side> Pair::Set(size_t value_bytes) {
  const std::string value(value_bytes, 'w');
  std::vector<Side> sides;
  sides.push_back(
      {Who::kCucache, [=, this](unsigned thread, const Key* keys, size_t n) {
         failed_sets_ += ours_->Set(thread, keys, n, value);
       }});
  AddPeer(&sides, [=, this](void* worker, const Key* keys, size_t n) {
    peer_failed_sets_ +=
        PeerSet(worker, Flat(keys), kKeyBytes, n, value.data(), value.size());
  });
  return sides;
}

}  // namespace cucache::bench
