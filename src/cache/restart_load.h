// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Reads a file of restart_format.h into a cache. Nothing of it may be served
// before Load() has said kLoaded: items are linked block by block, and whether
// the file is complete shows at its end. After anything else the cache has to
// be thrown away.
//
// Threads take turns in reading blocks, in their order, and check and insert
// them side by side. Memory: one block each. A thread that waits for its turn
// is off line, because the one that has it may wait for a grace period.
//
// Thread safety: one thread calls; it starts the others and waits for them.
// Lock order: turn_, then what the cache takes; fail_lock_ is a leaf.

#ifndef CUCACHE_CACHE_RESTART_LOAD_H_
#define CUCACHE_CACHE_RESTART_LOAD_H_

#include <atomic>
#include <functional>
#include <string>

#include "base/locks.h"
#include "cache/cache.h"
#include "cache/restart_format.h"

namespace cucache {

class RestartLoader {
 public:
  enum class Status : uint8_t {
    kLoaded,
    kForeign,   // not a file of ours
    kUnusable,  // one of ours, but torn, damaged, or of another format
    kStopped,   // options.stop; the file is as it was
  };
  struct Options {
    restart::Moment now = restart::Moment::Now();
    int threads = 1;
    std::function<bool()> stop = [] { return false; };
    // The file stands in memory (tmpfs): what was read is cut out of it, so
    // that it does not need as much again. It cannot be read twice then.
    bool release = false;
  };

  // `fd`: open for reading, for writing as well with `release`.
  RestartLoader(int fd, const Options& options);

  // First. kLoaded: so far it is good.
  [[nodiscard]] Status ReadHeader();
  // About how many items there are.
  uint64_t expected_items() const { return header_.items; }
  std::string writer() const;
  // Into a cache that is empty and that nobody else uses, but for its
  // maintenance thread.
  [[nodiscard]] Status Load(Cache& cache);

  // What is wrong.
  const std::string& why() const { return why_; }
  RestartFigures figures() const;

 private:
  struct Pending;
  class Inserter;

  Status Fail(Status status, const std::string& why);
  // Of block number n, unless it is negative.
  void FailBlock(const char* why, const restart::BlockHeader& block);
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

  void Begin();
  void RunThread();
  bool Turn(Inserter& inserter, char* payload);
  bool ReadBlock(restart::BlockHeader* header, char* payload) REQUIRES(turn_);
  bool Verify(const restart::BlockHeader& header, const char* payload);
  void LoadLarge(Inserter& inserter, const restart::BlockHeader& first,
                 char* payload) REQUIRES(turn_);
  void ReadTrailer(const restart::BlockHeader& header, const char* payload)
      REQUIRES(turn_);
  bool ReadAt(uint64_t offset, char* to, size_t n);
  void ReleaseRange(uint64_t offset, size_t n);

  const int fd_;
  const Options options_;
  uint64_t file_bytes_ = 0;
  restart::FileHeader header_ = {};
  Cache* cache_ = nullptr;
  // Of Load: how long the items have been away, and the time now.
  uint64_t away_ = 0;
  RelTime now_ = 0;
  bool flushed_ = false;  // all of them, by a flush_all that came due

  Mutex turn_;
  uint64_t offset_ GUARDED_BY(turn_) = 0;
  uint64_t next_block_ GUARDED_BY(turn_) = 0;
  uint64_t chain_ GUARDED_BY(turn_) = 0;
  bool at_end_ GUARDED_BY(turn_) = false;
  restart::Trailer trailer_ GUARDED_BY(turn_) = {};

  // Sums of the threads, relaxed: read when they have ended.
  std::atomic<uint64_t> records_{0}, bytes_{0}, expired_{0}, dropped_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> released_{false};
  Mutex fail_lock_;
  Status status_ GUARDED_BY(fail_lock_) = Status::kLoaded;
  std::string why_;
  uint64_t millis_ = 0, save_millis_ = 0;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_RESTART_LOAD_H_
