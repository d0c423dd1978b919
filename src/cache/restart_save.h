// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Writes all live items of a cache into a file of restart_format.h: those of
// main first, then those of probation, in each the oldest first. So if it is
// read into less memory, what would have gone first is evicted on the way.
//
// Thread safety: none. Nobody else uses the cache, its maintenance thread has
// ended. Memory: one block.

#ifndef CUCACHE_CACHE_RESTART_SAVE_H_
#define CUCACHE_CACHE_RESTART_SAVE_H_

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "cache/cache.h"
#include "cache/restart_format.h"

namespace cucache {

class RestartSaver {
 public:
  struct Options {
    restart::Moment moment = restart::Moment::Now();
    // Memory goes back to the system once it is written, so that a file in
    // memory (tmpfs) does not need as much again. The cache is of no use
    // afterwards.
    bool release = false;
  };

  // `fd`: open for writing, empty.
  RestartSaver(Cache& cache, int fd, const Options& options);
  // False, with errno, if it could not be written.
  [[nodiscard]] bool Save();

  uint64_t items() const { return trailer_.items; }
  uint64_t bytes() const { return trailer_.bytes; }
  uint64_t file_bytes() const { return offset_; }

 private:
  bool WriteHeader();
  bool SavePage(PageIndex p);
  bool SaveItem(const Item& item);
  bool SaveLarge(const Item& item, const restart::Record& record);
  restart::Record Describe(const Item& item) const;
  bool WriteTrailer();

  // --- Blocks. ---
  size_t room() const { return restart::kBlockBytes - used_; }
  void Put(const void* bytes, size_t n);
  // Ends the block with what was put.
  bool EndBlock(restart::BlockKind kind);
  bool Write(const void* bytes, size_t n);

  static void Release(char* from, size_t bytes);
  void ReleaseValue(const Item& item);

  Cache& cache_;
  const int fd_;
  const Options options_;
  const RelTime now_;
  const std::chrono::steady_clock::time_point start_;
  uint64_t file_id_ = 0;
  // A BlockHeader and its payload, to be written at once.
  std::unique_ptr<char[]> block_;
  size_t used_ = 0;  // of the payload
  restart::Trailer trailer_ = {};
  uint64_t offset_ = 0, synced_ = 0;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_RESTART_SAVE_H_
