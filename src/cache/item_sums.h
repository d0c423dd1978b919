// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Sums of the ItemCounters of all threads, per class and queue; of a gauge the
// largest.

#ifndef CUCACHE_CACHE_ITEM_SUMS_H_
#define CUCACHE_CACHE_ITEM_SUMS_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/stats.h"
#include "cache/cache_thread.h"

namespace cucache {

struct ItemSum {
#define CUCACHE_DECLARE(name) uint64_t name = 0;
  CUCACHE_ITEM_COUNTERS(CUCACHE_DECLARE)
#undef CUCACHE_DECLARE

  void Add(const ItemCounters& c) {
    const uint64_t time = std::max(evicted_time, c.evicted_time.value());
#define CUCACHE_ADD(name) name += c.name.value();
    CUCACHE_ITEM_COUNTERS(CUCACHE_ADD)
#undef CUCACHE_ADD
    evicted_time = time;
  }
  void Add(const ItemSum& s) {
    const uint64_t time = std::max(evicted_time, s.evicted_time);
#define CUCACHE_ADD(name) name += s.name;
    CUCACHE_ITEM_COUNTERS(CUCACHE_ADD)
#undef CUCACHE_ADD
    evicted_time = time;
  }
  // `stats reset`: events begin at 0 again; what is there stays.
  void SubtractEvents(const ItemSum& base) {
    const ItemSum now = *this;
#define CUCACHE_SUBTRACT(name) name = CountedSince(base.name, name);
    CUCACHE_ITEM_COUNTERS(CUCACHE_SUBTRACT)
#undef CUCACHE_SUBTRACT
    linked = now.linked;
    unlinked = now.unlinked;
    linked_bytes = now.linked_bytes;
    unlinked_bytes = now.unlinked_bytes;
    linked_chunk_bytes = now.linked_chunk_bytes;
    unlinked_chunk_bytes = now.unlinked_chunk_bytes;
    evicted_time = now.evicted_time;
  }
  // Another thread may have unlinked what its own has not yet counted as
  // linked.
  uint64_t items() const { return linked > unlinked ? linked - unlinked : 0; }
  uint64_t bytes() const {
    return linked_bytes > unlinked_bytes ? linked_bytes - unlinked_bytes : 0;
  }
  uint64_t chunk_bytes() const {
    return linked_chunk_bytes > unlinked_chunk_bytes
               ? linked_chunk_bytes - unlinked_chunk_bytes
               : 0;
  }
};

struct ItemSums {
  std::array<std::array<ItemSum, kQueues>, kClassRows> of;

  // Those of one thread.
  void Add(const std::array<ItemCounters, kCounterRows>& counters) {
    for (size_t row = 0; row < counters.size(); ++row) {
      of[row / kQueues][row % kQueues].Add(counters[row]);
    }
  }
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_ITEM_SUMS_H_
