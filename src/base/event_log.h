// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Where every layer says what happened, for those who watch. (Counterpart: the
// workers' half of logger.c and the macro LOGGER_LOG.)
//
// A thread owns an EventBuffer and writes events into it as small records; one
// consumer, the logger thread of net/watch, takes them out and makes lines of
// them. When a buffer is full its events are dropped and counted: no worker
// ever waits.
//
// What it costs when nobody watches is one relaxed load of a word that nobody
// writes, alone on its cache line:
//   if (buffer.Wants(kWatchFetchers)) buffer.Write({...}, key);
//
// Thread safety: Wants and Write by the buffer's owner; the rest by anyone,
// but Drain by one thread at a time. Lock order: mu_ is a leaf.

#ifndef CUCACHE_BASE_EVENT_LOG_H_
#define CUCACHE_BASE_EVENT_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/locks.h"
#include "base/ring.h"
#include "base/stats.h"

namespace cucache {

// What can be watched; bits.
enum EventKind : uint32_t {
  kWatchFetchers = 1 << 0,
  kWatchMutations = 1 << 1,
  kWatchDeletions = 1 << 2,
  kWatchEvictions = 1 << 3,
  kWatchConnEvents = 1 << 4,
  kWatchSysEvents = 1 << 5,
  kWatchRawCmds = 1 << 6,  // accepted, and never raised, as in memcached
};

// Fields that have no meaning for a kind are 0.
struct Event {
  enum class Type : uint8_t {
    kItemGet,
    kItemStore,
    kDeleted,
    kEviction,
    kText,  // the payload is the line behind the gid
  };
  EventKind kind;
  Type type = Type::kText;
  uint8_t slab_class = 0;
  bool fetched = false;           // eviction
  const char* status = nullptr;   // a literal
  const char* command = nullptr;  // a literal
  uint32_t size = 0;              // bytes of the value
  int64_t ttl = 0;                // seconds
  uint32_t idle = 0;              // eviction: seconds since the last access
  int fd = 0;                     // filled by Write
  uint64_t gid = 0;               // filled by Write; grows with time
  int64_t time_us = 0;            // filled by Write; wall clock
};

// The line that a watcher sees, line feed and all. `payload` is the key, or
// the text.
std::string FormatEvent(const Event& event, std::string_view payload);

class EventBuffer;

class EventLog {
 public:
  static constexpr int kMaxWatchers = 20;

  // worker_buffer: bytes of each EventBuffer.
  explicit EventLog(size_t worker_buffer) : worker_buffer_(worker_buffer) {}
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Does anybody watch one of these kinds?
  bool Wants(uint32_t kinds) const {
    return (wanted_.load(std::memory_order_relaxed) & kinds) != 0;
  }
  void set_wanted(uint32_t kinds) {
    wanted_.store(kinds, std::memory_order_relaxed);
  }
  // The events from now on have a greater one.
  uint64_t last_gid() const { return gid_.load(std::memory_order_relaxed); }

  // A place among the watchers; false when there are too many.
  [[nodiscard]] bool ReserveWatcher();
  void ReleaseWatcher() { watchers_.fetch_sub(1, std::memory_order_relaxed); }

  using Visitor = std::function<void(const Event&, std::string_view payload)>;
  // Takes out what the buffers hold; returns how many events that were.
  size_t Drain(const Visitor& visit) EXCLUDES(mu_);

  struct Figures {
    uint64_t worker_dropped = 0, worker_written = 0;
    uint64_t watcher_skipped = 0, watcher_sent = 0, watchers = 0;
  };
  Figures figures() const EXCLUDES(mu_);
  // Of lines, by the logger thread alone.
  Counter& watcher_skipped() { return watcher_skipped_; }
  Counter& watcher_sent() { return watcher_sent_; }

 private:
  friend class EventBuffer;

  void Add(EventBuffer* buffer) EXCLUDES(mu_);
  void Remove(EventBuffer* buffer) EXCLUDES(mu_);

  alignas(64) std::atomic<uint32_t> wanted_{0};
  alignas(64) std::atomic<uint64_t> gid_{0};
  alignas(64) const size_t worker_buffer_;
  std::atomic<int> watchers_{0};
  Counter watcher_skipped_, watcher_sent_;
  mutable Mutex mu_;
  std::vector<EventBuffer*> buffers_ GUARDED_BY(mu_);
  // Of threads that have ended.
  uint64_t old_written_ GUARDED_BY(mu_) = 0;
  uint64_t old_dropped_ GUARDED_BY(mu_) = 0;
};

class EventBuffer {
 public:
  explicit EventBuffer(EventLog& log) : log_(log), ring_(log.worker_buffer_) {
    log_.Add(this);
  }
  ~EventBuffer() { log_.Remove(this); }
  EventBuffer(const EventBuffer&) = delete;
  EventBuffer& operator=(const EventBuffer&) = delete;

  bool Wants(uint32_t kinds) const { return log_.Wants(kinds); }
  // Whose commands the next events come from; 0: no client's.
  void set_fd(int fd) { fd_ = fd; }
  int fd() const { return fd_; }
  // Longer payloads are cut off.
  void Write(Event event, std::string_view payload);

 private:
  friend class EventLog;
  static constexpr size_t kMaxPayload = 512;

  EventLog& log_;
  Ring ring_;
  Counter written_, dropped_;
  int fd_ = 0;
};

}  // namespace cucache

#endif  // CUCACHE_BASE_EVENT_LOG_H_
