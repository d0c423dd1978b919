// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Counters per prefix of a key (what stands before the first delimiter), when
// `stats detail on` asks for them. (Counterpart: stats_prefix.c.)
//
// Memory: at most kMaxPrefixes prefixes. Keys without a delimiter, new prefixes
// beyond that number, and those that a line cannot hold, are not counted.
//
// Thread safety: any thread; one mutex, which is a leaf. Callers look at
// Settings::detail_enabled first, so that it costs nothing while it is off.

#ifndef CUCACHE_COMMAND_STATS_PREFIX_H_
#define CUCACHE_COMMAND_STATS_PREFIX_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/locks.h"

namespace cucache {

class StatsPrefix {
 public:
  static constexpr size_t kMaxPrefixes = 1 << 16;

  void RecordGet(std::string_view key, char delimiter, bool hit);
  void RecordSet(std::string_view key, char delimiter);
  void RecordDelete(std::string_view key, char delimiter);

  // "PREFIX <prefix> get <n> hit <n> set <n> del <n>" per prefix, and END.
  std::string Dump() const;
  void Clear();

 private:
  struct Counts {
    uint64_t gets = 0, hits = 0, sets = 0, deletes = 0;
  };
  Counts* Find(std::string_view key, char delimiter) REQUIRES(mu_);

  mutable Mutex mu_;
  std::map<std::string, Counts, std::less<>> prefixes_ GUARDED_BY(mu_);
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_STATS_PREFIX_H_
