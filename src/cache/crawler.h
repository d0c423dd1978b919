// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Finds dead items, so that their memory is free within seconds of their
// expiry and not when somebody asks for them. (Counterpart: crawler.c.) It
// walks pages, not lists: each page knows a lower bound of when its next item
// expires, so that pages in which nothing can be dead are not looked at.
//
// Invariant X1: no item in a page expires before the page's earliest_expiry.
//   Whoever gives a linked item an expiry lowers it (Cache::NoteExpiry); the
//   crawler raises it before it looks at the page, and lowers it again for
//   what it finds alive.
//
// Thread safety: any thread that is on line; one that finds another at work
// does nothing.

#ifndef CUCACHE_CACHE_CRAWLER_H_
#define CUCACHE_CACHE_CRAWLER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/locks.h"
#include "cache/slabs.h"

namespace cucache {

class Cache;
class CacheThread;

class Crawler {
 public:
  explicit Crawler(Cache& cache) : cache_(cache) {}

  // Looks at about `chunks` chunks. False when there is nothing more to do for
  // now.
  bool Step(CacheThread& t, size_t chunks);

  // Asks for one round over all pages (after a flush; `lru_crawler crawl`).
  void RequestRound() { wanted_.fetch_add(1, std::memory_order_release); }
  bool running() const {
    return done_.load(std::memory_order_relaxed) !=
           wanted_.load(std::memory_order_relaxed);
  }
  uint64_t starts() const { return starts_.load(std::memory_order_relaxed); }

  // Works until the oldest generation is gone (or no round is wanted).
  void FinishRound(CacheThread& t);

  // The oldest generation of which there may be items.
  uint8_t oldest_generation() const {
    return oldest_generation_.load(std::memory_order_acquire);
  }

 private:
  bool StepLocked(CacheThread& t, size_t chunks) REQUIRES(lock_);
  bool FindDuePage() REQUIRES(lock_);
  bool FinishPass() REQUIRES(lock_);
  size_t Look(CacheThread& t, size_t chunks) REQUIRES(lock_);

  Cache& cache_;
  Mutex lock_;
  PageIndex page_ GUARDED_BY(lock_) = 0;
  uint32_t chunk_ GUARDED_BY(lock_) = 0;
  RelTime page_earliest_ GUARDED_BY(lock_) = 0;
  bool in_page_ GUARDED_BY(lock_) = false;
  // What this pass is for: rounds up to this one, as of this generation.
  bool full_ GUARDED_BY(lock_) = false;
  uint64_t round_ GUARDED_BY(lock_) = 0;
  uint8_t generation_ GUARDED_BY(lock_) = 1;

  std::atomic<uint64_t> wanted_{0}, done_{0}, starts_{0};
  std::atomic<uint8_t> oldest_generation_{1};
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_CRAWLER_H_
