// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/event_log.h"

#include <cstdio>
#include <cstring>
#include <ctime>

#include "base/strings.h"

namespace cucache {
namespace {

constexpr int64_t kMicros = 1000000;

int64_t WallMicros() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return static_cast<int64_t>(ts.tv_sec) * kMicros + ts.tv_nsec / 1000;
}

class Line {
 public:
  explicit Line(const Event& event) {
    // memcached does not pad the microseconds, which makes .42 of .000042.
    char stamp[64];
    std::snprintf(stamp, sizeof(stamp), "ts=%lld.%06lld gid=%llu",
                  static_cast<long long>(event.time_us / kMicros),
                  static_cast<long long>(event.time_us % kMicros),
                  static_cast<unsigned long long>(event.gid));
    text_ = stamp;
  }
  Line& Add(std::string_view name, std::string_view value) {
    text_.append(" ").append(name).append("=").append(value);
    return *this;
  }
  Line& Add(std::string_view name, const char* value) {
    return Add(name, std::string_view(value == nullptr ? "na" : value));
  }
  Line& Add(std::string_view name, int64_t value) {
    return Add(name, std::string_view(std::to_string(value)));
  }
  Line& Raw(std::string_view text) {
    text_.append(" ").append(text);
    return *this;
  }
  std::string End() {
    text_.append("\n");
    return std::move(text_);
  }

 private:
  std::string text_;
};

}  // namespace

std::string FormatEvent(const Event& e, std::string_view payload) {
  Line line(e);
  switch (e.type) {
    case Event::Type::kItemGet:
      return line.Add("type", "item_get")
          .Add("key", UriEncode(payload))
          .Add("status", e.status)
          .Add("clsid", int64_t{e.slab_class})
          .Add("cfd", int64_t{e.fd})
          .Add("size", int64_t{e.size})
          .End();
    case Event::Type::kItemStore:
      return line.Add("type", "item_store")
          .Add("key", UriEncode(payload))
          .Add("status", e.status)
          .Add("cmd", e.command)
          .Add("ttl", e.ttl)
          .Add("clsid", int64_t{e.slab_class})
          .Add("cfd", int64_t{e.fd})
          .Add("size", int64_t{e.size})
          .End();
    case Event::Type::kDeleted:
      return line.Add("type", "deleted")
          .Add("key", UriEncode(payload))
          .Add("cmd", e.command)
          .Add("clsid", int64_t{e.slab_class})
          .Add("size", int64_t{e.size})
          .End();
    case Event::Type::kEviction:
      return line.Add("type", "eviction")
          .Add("key", UriEncode(payload))
          .Add("fetch", e.fetched ? "yes" : "no")
          .Add("ttl", e.ttl)
          .Add("la", int64_t{e.idle})
          .Add("clsid", int64_t{e.slab_class})
          .Add("size", int64_t{e.size})
          .End();
    case Event::Type::kText:
      break;
  }
  return line.Raw(payload).End();
}

// --- EventLog. ---

bool EventLog::ReserveWatcher() {
  int n = watchers_.load(std::memory_order_relaxed);
  while (n < kMaxWatchers) {
    if (watchers_.compare_exchange_weak(n, n + 1, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void EventLog::Add(EventBuffer* buffer) {
  MutexLock lock(mu_);
  buffers_.push_back(buffer);
}

void EventLog::Remove(EventBuffer* buffer) {
  MutexLock lock(mu_);
  old_written_ += buffer->written_.value();
  old_dropped_ += buffer->dropped_.value();
  std::erase(buffers_, buffer);
}

size_t EventLog::Drain(const Visitor& visit) {
  size_t count = 0;
  MutexLock lock(mu_);
  for (EventBuffer* buffer : buffers_) {
    count += buffer->ring_.Drain([&](std::string_view record) {
      Event event;
      std::memcpy(&event, record.data(), sizeof(event));
      visit(event, record.substr(sizeof(event)));
    });
  }
  return count;
}

EventLog::Figures EventLog::figures() const {
  Figures f;
  f.watcher_skipped = watcher_skipped_.value();
  f.watcher_sent = watcher_sent_.value();
  f.watchers = static_cast<uint64_t>(watchers_.load(std::memory_order_relaxed));
  MutexLock lock(mu_);
  f.worker_written = old_written_;
  f.worker_dropped = old_dropped_;
  for (const EventBuffer* buffer : buffers_) {
    f.worker_written += buffer->written_.value();
    f.worker_dropped += buffer->dropped_.value();
  }
  return f;
}

// --- EventBuffer. ---

void EventBuffer::Write(Event event, std::string_view payload) {
  event.fd = fd_;
  event.gid = log_.gid_.fetch_add(1, std::memory_order_relaxed) + 1;
  event.time_us = WallMicros();
  const std::string_view head(reinterpret_cast<const char*>(&event),
                              sizeof(event));
  if (ring_.Push(head, payload.substr(0, kMaxPayload))) {
    written_.Add();
  } else {
    dropped_.Add();
  }
}

}  // namespace cucache
