// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Sparse pages: where clients free chunks faster than their class fills them
// again, pages would be held by a few items each until their turn to be
// drained comes, and others would leave for want of memory that nobody uses.
// (Counterpart: slab_automove.c takes pages from classes with more than two
// and a half pages of free chunks, and slabs_mover.c moves what is in them.)

#include <algorithm>
#include <array>
#include <utility>

#include "cache/cache.h"
#include "cache/cache_thread.h"
#include "cache/eviction.h"

namespace cucache {

namespace {

// What a class and queue keeps of its free chunks: a page's worth, or this part
// of all chunks, because what comes and goes leaves so many free at a time.
constexpr size_t kFreeShare = 32;
// Pages that FindSparse() finds at a time.
constexpr size_t kMostSparse = 4096;
// For so long a page that did not become empty is left alone. Seconds.
constexpr RelTime kPause = 30;

}  // namespace

// Are there free chunks for the items of any one page in the others (V5)?
bool Eviction::HasSpare(uint16_t row) const {
  const Slabs& slabs = *cache_.slabs_;
  const int c = row / kQueues;
  const auto q = static_cast<Queue>(row % kQueues);
  const size_t page = slabs.chunks_per_page(c);
  const size_t all = slabs.class_pages(c, q) * page;
  return slabs.FreeChunks(c, q) >= page + std::max(page, all / kFreeShare) &&
         compaction_rests_[row].load(std::memory_order_relaxed) !=
             cache_.clock_.now();
}

bool Eviction::MayCompact(const Page& page) const {
  if (page.state.load(std::memory_order_acquire) != PageState::kOpen) {
    return false;
  }
  const RelTime reopened = page.reopened.load(std::memory_order_relaxed);
  return reopened == 0 || cache_.clock_.now() - reopened >= kPause;
}

// What is found may be out of date when its turn comes; StartSparse() looks
// again.
void Eviction::FindSparse() {
  const Slabs& slabs = *cache_.slabs_;
  const RelTime now = cache_.clock_.now();
  if (found_none_ == now) return;
  {
    MutexLock lock(victim_lock_);
    if (!next_sparse_.empty()) return;
  }
  std::array<bool, kPageRows> spare{};
  bool any = false;
  for (int c = 1; c <= slabs.classes(); ++c) {
    for (const Queue q : {Queue::kProbation, Queue::kMain}) {
      const uint16_t row = PageRow(c, q);
      any |= spare[row] = HasSpare(row);
    }
  }
  if (!any) return;
  std::vector<std::pair<size_t, PageIndex>> found;  // bytes in use, page
  for (PageIndex p = 0; p < slabs.touched_pages(); ++p) {
    const Page& page = slabs.page(p);
    if (!spare[page.row.load(std::memory_order_relaxed)]) continue;
    const int c = page.slab_class.load(std::memory_order_relaxed);
    const uint32_t used = page.used.load(std::memory_order_relaxed);
    if (used >= slabs.chunks_per_page(c) || !MayCompact(page)) continue;
    found.emplace_back(size_t{used} * slabs.chunk_size(c), p);
  }
  if (found.empty()) found_none_ = now;
  std::sort(found.begin(), found.end());
  MutexLock lock(victim_lock_);
  for (size_t i = std::min(found.size(), kMostSparse); i > 0; --i) {
    next_sparse_.push_back(found[i - 1].second);
  }
}

void Eviction::FinishSparse() {
  if (sparse_.page == kNoPage) return;
  const Page& page = cache_.slabs_->page(sparse_.page);
  const bool gave_up =
      page.state.load(std::memory_order_acquire) == PageState::kOpen &&
      page.openings.load(std::memory_order_relaxed) == sparse_.openings;
  if (!gave_up) {
    compacted_pages_.fetch_add(1, std::memory_order_relaxed);
    compaction_credit_.fetch_add(1, std::memory_order_relaxed);
  }
  Finish(&sparse_);
}

bool Eviction::StartSparse() {
  FinishSparse();
  while (!next_sparse_.empty()) {
    const PageIndex p = next_sparse_.back();
    next_sparse_.pop_back();
    const Page& page = cache_.slabs_->page(p);
    if (!MayCompact(page) ||
        !HasSpare(page.row.load(std::memory_order_relaxed)) ||
        !StartPage(p, &sparse_)) {
      continue;
    }
    sparse_.aim = Aim::kCompact;
    compaction_budget_.store(kCompactionCopies * cache_.slabs_->page_size(),
                             std::memory_order_relaxed);
    ++in_flight_;
    in_flight_stamp_ = cache_.epochs_.Stamp();
    return true;
  }
  return false;
}

bool Eviction::Compact(CacheThread& t, size_t bytes, size_t pages) {
  return DrainRanges(t, bytes, pages, Asker::kCompaction);
}

// False: it stays where it is, for want of room or because it is too large.
bool Eviction::MoveAside(CacheThread& t, Item* item, uint64_t hash) {
  const auto bytes = static_cast<int64_t>(cache_.ChunkBytes(item));
  if (compaction_budget_.fetch_sub(bytes, std::memory_order_relaxed) < bytes) {
    return false;
  }
  const auto credit = compaction_credit_.load(std::memory_order_relaxed);
  const int most = item->chunked() ? static_cast<int>(credit / 2) : 0;
  int pages = most;
  Item* copy = cache_.CopyAside(t, *item, &pages);
  compaction_credit_.fetch_sub(2 * (most - pages), std::memory_order_relaxed);
  if (copy == nullptr) return false;
  t.moved_bytes_ += copy->value_length;
  if (cache_.ReplaceMoved(t, hash, item, copy, 0)) {
    t.Count(item).compacted.Add();
  } else {
    cache_.Free(t, copy);
  }
  return true;
}

}  // namespace cucache
