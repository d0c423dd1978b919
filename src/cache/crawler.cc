// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/crawler.h"

#include <sched.h>

#include <algorithm>

#include "cache/cache.h"
#include "cache/cache_thread.h"

namespace cucache {

bool Crawler::Step(CacheThread& t, size_t chunks) {
  // Somebody else is at it: nobody waits for a crawl while on line.
  if (!lock_.TryLock()) return false;
  const bool more = StepLocked(t, chunks);
  lock_.Unlock();
  return more;
}

void Crawler::FinishRound(CacheThread& t) {
  const uint8_t oldest = oldest_generation();
  while (running() && oldest_generation() == oldest) {
    if (!Step(t, 4096)) sched_yield();
    // The caller holds no item here, and others wait for it.
    t.Reclaim();
  }
}

bool Crawler::StepLocked(CacheThread& t, size_t chunks) {
  size_t looked = 0;
  while (looked < chunks) {
    if (!in_page_ && !FindDuePage() && !FinishPass()) return false;
    if (in_page_) looked += Look(t, chunks - looked);
  }
  return true;
}

// Goes on to the next page that may have something dead.
bool Crawler::FindDuePage() {
  const Slabs& slabs = *cache_.slabs_;
  const RelTime now = cache_.clock_.now();
  for (const PageIndex end = slabs.touched_pages(); page_ < end; ++page_) {
    const Page& page = slabs.page(page_);
    if (page.state.load(std::memory_order_acquire) == PageState::kClosed) {
      continue;
    }
    if (full_ || page.earliest_expiry.load(std::memory_order_relaxed) <= now) {
      in_page_ = true;
      chunk_ = 0;
      page_earliest_ = ~RelTime{0};
      // X1. An item that gets an expiry from now on lowers it again.
      cache_.slabs_->page(page_).earliest_expiry.store(
          ~RelTime{0}, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_seq_cst);
      return true;
    }
  }
  return false;
}

// All pages were seen. True if another pass begins at once.
bool Crawler::FinishPass() {
  if (full_) {
    done_.store(round_, std::memory_order_release);
    oldest_generation_.store(generation_, std::memory_order_release);
  }
  page_ = 0;
  const uint64_t wanted = wanted_.load(std::memory_order_acquire);
  full_ = wanted != done_.load(std::memory_order_relaxed);
  if (!full_) return false;
  round_ = wanted;
  generation_ = cache_.generation_.load(std::memory_order_acquire);
  starts_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

size_t Crawler::Look(CacheThread& t, size_t chunks) {
  Slabs& slabs = *cache_.slabs_;
  Page& page = slabs.page(page_);
  // In this order (S7).
  const bool open =
      page.state.load(std::memory_order_acquire) != PageState::kClosed;
  const uint32_t end = page.fresh.load(std::memory_order_acquire);
  size_t looked = 1;
  for (; open && chunk_ < end && looked < chunks; ++chunk_, ++looked) {
    Item* item = reinterpret_cast<Item*>(slabs.Chunk(page_, chunk_));
    const uint8_t state = item->state.load(std::memory_order_acquire);
    if ((state & Item::kLinked) == 0 || (state & Item::kPiece) != 0) continue;
    ItemCounters& counters = t.Count(item);
    counters.crawler_checked.Add();
    if (cache_.Check(item) != Finding::kAlive &&
        cache_.RemoveDead(t, cache_.Hash(item->key()), item)) {
      counters.crawler_reclaimed.Add();
      continue;
    }
    // Alive, or gone already, or dead and only about to be published (X1).
    const RelTime at = item->exptime.load(std::memory_order_relaxed);
    if (at != 0) page_earliest_ = std::min(page_earliest_, at);
  }
  if (!open || chunk_ >= end) {
    cache_.LowerEarliest(page, page_earliest_);
    in_page_ = false;
    ++page_;
  }
  return looked;
}

}  // namespace cucache
