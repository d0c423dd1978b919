// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A walk over all live keys that misses none which is there all the time,
// however often it is overwritten (Cache::Walk goes over pages, where an
// overwrite moves a key to another place). For dumps. (Counterpart:
// lru_crawler with `hash`.)
//
// Thread safety: one thread at a time, which is on line in each call. Items are
// valid until its next quiescent state; nothing is held in between.

#ifndef CUCACHE_CACHE_KEY_WALK_H_
#define CUCACHE_CACHE_KEY_WALK_H_

#include <cstddef>

#include "cache/assoc.h"
#include "cache/cache.h"

namespace cucache {

class KeyWalk {
 public:
  // Items of one call of Next().
  static constexpr size_t kMost = kSlotsPerBucket;

  explicit KeyWalk(Cache& cache) : cache_(cache), walk_(*cache.assoc_) {}

  // False: too many walks are under way; this one can do nothing.
  bool valid() const { return walk_.valid(); }

  // The next few items, possibly none. True while there is more.
  [[nodiscard]] bool Next(Item** items, size_t* n) {
    size_t found = 0;
    const Assoc::Walk::Step step = walk_.Next(items, &found);
    *n = 0;
    for (size_t i = 0; i < found; ++i) {
      if (cache_.Check(items[i]) == Finding::kAlive) items[(*n)++] = items[i];
    }
    return step != Assoc::Walk::Step::kDone;
  }

 private:
  Cache& cache_;
  Assoc::Walk walk_;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_KEY_WALK_H_
