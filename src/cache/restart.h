// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Warm restart (-e): the items of one run of the server are those of the next.
// (Counterpart: restart.c, which keeps the memory of the slabs in FILE and
// repairs its pointers. Here an orderly end writes the items into FILE, and
// the next start reads them: any -m, -t or version will do, an access costs
// nothing more, and a crash leaves no half-written memory behind.)
//
// Order of calls, all before or after everybody else:
//   Claim    before anything is read; the server may wait here for another one
//   Load     makes the cache, and fills it
//   Consume  before the first command: FILE is gone for good
//   Save     after the last one
// What may be on the disk between is in memory_file.h, the bytes of the file
// in restart_format.h; memory.md has why it is this way.
//
// Thread safety: one thread.

#ifndef CUCACHE_CACHE_RESTART_H_
#define CUCACHE_CACHE_RESTART_H_

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/settings.h"
#include "cache/cache.h"
#include "cache/memory_file.h"

namespace cucache {

class WarmRestart {
 public:
  // stop(): somebody asks for the end of the server; what takes long looks.
  WarmRestart(std::string path, std::function<bool()> stop);
  WarmRestart(const WarmRestart&) = delete;
  WarmRestart& operator=(const WarmRestart&) = delete;

  // False, and why in *error: FILE cannot be used, the server must not start.
  [[nodiscard]] bool Claim(std::string* error);
  // A cache whose maintenance thread runs; with the items, or cold if they
  // cannot be had, which the log says. nullptr: as Claim().
  std::unique_ptr<Cache> Load(Settings& settings, Clock& clock,
                              std::string* error);
  // stop() came while Claim() or Load() were at work: FILE is as it was, and
  // stays so. The server is to end.
  bool stopped() const { return stopped_; }
  [[nodiscard]] bool Consume(std::string* error);
  // FILE is gone, and what it held is in the cache and nowhere else.
  bool only_in_cache() const { return only_in_cache_; }
  // The cache is of no use afterwards. False: the log says why, and there is
  // no FILE.
  [[nodiscard]] bool Save(Cache& cache);

 private:
  std::unique_ptr<Cache> LoadFrom(int fd, const std::string& distrust,
                                  Settings& settings, Clock& clock,
                                  std::string* error);
  void SayCold(const std::string& why);

  MemoryFile file_;
  const std::function<bool()> stop_;
  bool stopped_ = false;
  bool ours_ = false;  // FILE must go before anything is served
  bool loaded_ = false;
  bool only_in_cache_ = false;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_RESTART_H_
