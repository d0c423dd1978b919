// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// cucache without sockets: a cache with its maintenance thread, and workers
// that do what a worker does between two waits for events. A pass of a worker
// is 20 requests (-R), after which it holds no item (quiescence).
//
// Thread safety: each worker by one thread at a time.

#ifndef CUCACHE_T_BENCH_MODULES_OURS_H_
#define CUCACHE_T_BENCH_MODULES_OURS_H_

#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/settings.h"
#include "cache/cache.h"
#include "cache/cache_thread.h"
#include "command/executor.h"
#include "proto/session.h"
#include "t/bench/modules/keys.h"
#include "t/unit/session_fixture.h"

namespace cucache::bench {

// Replies go nowhere.
class DropOutput : public Output {
 public:
  DropOutput() : buffer_(2 * kMaxRoom + 64) { Reset(); }
  void AppendValue(Item* item, size_t offset = 0) override {
    total_ += item->value_length - offset;
  }
  // Length of what was written since the last call.
  size_t Take() {
    Flush();
    return std::exchange(total_, 0);
  }

 protected:
  void Flush() override {
    total_ += static_cast<size_t>(at_ - buffer_.data());
    Reset();
  }

 private:
  void Reset() {
    at_ = buffer_.data();
    end_ = at_ + 2 * kMaxRoom;
  }
  std::vector<char> buffer_;
  size_t total_ = 0;
};

class Ours {
 public:
  static constexpr size_t kPass = 20;

  Ours(uint64_t megabytes, bool huge_pages, unsigned workers);
  ~Ours();
  Ours(const Ours&) = delete;
  Ours& operator=(const Ours&) = delete;

  Cache& cache() { return cache_; }
  uint64_t items() { return cache_.figures().curr_items; }

  // All keys one after the other. Returns hits.
  size_t Get(unsigned worker, const Key* keys, size_t n, char* value,
             size_t value_bytes);
  // The same, but each key waits for the value of the one before (whose first
  // byte has to be ASCII).
  size_t GetSerial(unsigned worker, const Key* keys, size_t n);
  // As Get, looked up `batch` at a time.
  size_t GetBatch(unsigned worker, const Key* keys, size_t n, size_t batch,
                  char* value, size_t value_bytes);
  // Returns failures.
  size_t Set(unsigned worker, const Key* keys, size_t n,
             std::string_view value);
  size_t Delete(unsigned worker, const Key* keys, size_t n);
  size_t Increment(unsigned worker, const Key* keys, size_t n);
  // Items that are never linked.
  size_t Allocate(unsigned worker, const Key* keys, size_t n,
                  uint32_t value_bytes);
  // What a connection sends, as it arrives in the worker's buffer. Returns the
  // length of the replies.
  size_t Process(unsigned worker, Session& session, const char* bytes,
                 size_t n);
  std::unique_ptr<Session> Connect(unsigned worker) {
    return std::make_unique<Session>(workers_[worker]->executor);
  }

 private:
  struct Worker {
    Worker(Cache& cache, Settings& settings)
        : control(stats),
          thread(cache, stats),
          executor(cache, thread, settings, control) {}
    ThreadStats stats;
    LoneControl control;
    CacheThread thread;
    Executor executor;
    DropOutput output;
  };
  template <class Operation>
  size_t Passes(unsigned worker, size_t n, Operation&& operation);

  Settings settings_;
  Clock clock_;
  Cache cache_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace cucache::bench

#endif  // CUCACHE_T_BENCH_MODULES_OURS_H_
