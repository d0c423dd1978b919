// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/stats.h"

namespace cucache {

void StatsSum::Add(const ThreadStats& stats) {
#define CUCACHE_ADD(name) name += stats.name.value();
  CUCACHE_THREAD_COUNTERS(CUCACHE_ADD)
#undef CUCACHE_ADD
  for (int c = 0; c < kClassRows; ++c) {
#define CUCACHE_ADD(name) slab[c].name += stats.slab[c].name.value();
    CUCACHE_CLASS_COUNTERS(CUCACHE_ADD)
#undef CUCACHE_ADD
  }
}

void StatsSum::Subtract(const StatsSum& baseline) {
#define CUCACHE_SUBTRACT(name) name = CountedSince(baseline.name, name);
  CUCACHE_THREAD_COUNTERS(CUCACHE_SUBTRACT)
#undef CUCACHE_SUBTRACT
  for (int c = 0; c < kClassRows; ++c) {
#define CUCACHE_SUBTRACT(name) \
  slab[c].name = CountedSince(baseline.slab[c].name, slab[c].name);
    CUCACHE_CLASS_COUNTERS(CUCACHE_SUBTRACT)
#undef CUCACHE_SUBTRACT
  }
}

}  // namespace cucache
