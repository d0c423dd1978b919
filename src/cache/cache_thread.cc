// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/cache_thread.h"

#include <algorithm>

#include "cache/cache.h"

namespace cucache {

namespace {

// Retired items that share one stamp, and so one fence.
constexpr size_t kStampBatch = 16;
// Weight of the limbo from which on its owner looks after it once more before
// it sleeps. Less is left to the next turn, or to the maintenance thread:
// advancing the epoch and collecting cost as much as a sixth of a set.
constexpr size_t kCollectWeight = 16;

}  // namespace

CacheThread::CacheThread(Cache& cache, ThreadStats& stats)
    : cache_(cache),
      stats_(stats),
      epoch_(cache.epochs_),
      events_(cache.events_) {
  for (auto& queues : magazines_) {
    for (Magazine& m : queues) m.n = 0;
  }
  cache_.AddThread(this);
}

CacheThread::~CacheThread() { cache_.RemoveThread(this); }

void CacheThread::Offline() {
  if (limbo_weight_.load(std::memory_order_relaxed) >= kCollectWeight) {
    Quiescent();
  }
  epoch_.Offline();
}

void CacheThread::Quiescent() {
  epoch_.Quiescent();
  if (!has_limbo()) return;
  cache_.epochs_.TryAdvance();
  Collect();
}

ItemCounters& CacheThread::Count(const Item* item) {
  const Slabs& slabs = *cache_.slabs_;
  return counters_[slabs.ClassOf(item)][static_cast<int>(slabs.QueueOf(item))];
}

char* CacheThread::TakeChunk(int c, Queue q, size_t leave) {
  Slabs& slabs = *cache_.slabs_;
  SpinLockGuard lock(mu_);
  Magazine& m = magazines_[c][static_cast<int>(q)];
  if (m.n == 0) {
    const size_t batch = cache_.MagazineBatch(c);
    m.n = static_cast<uint32_t>(slabs.Take(c, q, m.chunks, batch));
    if (m.n == 0 && slabs.OpenPage(c, q, leave)) {
      m.n = static_cast<uint32_t>(slabs.Take(c, q, m.chunks, batch));
    }
    if (m.n == 0) return nullptr;
  }
  return m.chunks[--m.n];
}

void CacheThread::PutChunk(char* chunk) {
  Slabs& slabs = *cache_.slabs_;
  const Page& page = slabs.page(slabs.PageOf(chunk));
  reinterpret_cast<Item*>(chunk)->state.store(0, std::memory_order_relaxed);
  if (page.state.load(std::memory_order_relaxed) != PageState::kOpen) {
    drained_[drained_count_++] = chunk;
    if (drained_count_ == drained_.size()) FlushDrained();
    return;
  }
  const int c = page.slab_class.load(std::memory_order_relaxed);
  Magazine& m =
      magazines_[c]
                [static_cast<int>(page.queue.load(std::memory_order_relaxed))];
  const size_t keep = cache_.MagazineBatch(c);
  // A magazine of one is one for all threads together already too much.
  if (m.n >= (keep == 1 ? 1 : 2 * keep)) {
    slabs.Give(m.chunks, keep);
    m.n -= static_cast<uint32_t>(keep);
    std::move(m.chunks + keep, m.chunks + keep + m.n, m.chunks);
  }
  m.chunks[m.n++] = chunk;
}

void CacheThread::FlushDrained() {
  cache_.slabs_->Give(drained_.data(), drained_count_);
  drained_count_ = 0;
}

void CacheThread::Retire(Item* item) {
  SpinLockGuard lock(mu_);
  limbo_.push_back({item, 0});
  limbo_size_.store(limbo_.size() - limbo_head_, std::memory_order_relaxed);
  limbo_weight_.store(
      limbo_weight_.load(std::memory_order_relaxed) + LimboWeight(*item),
      std::memory_order_relaxed);
  if (++unstamped_ >= kStampBatch) StampRetired();
}

void CacheThread::StampRetired() {
  if (unstamped_ == 0) return;
  const uint64_t stamp = cache_.epochs_.Stamp();
  for (auto it = limbo_.end() - static_cast<ptrdiff_t>(unstamped_);
       it != limbo_.end(); ++it) {
    it->stamp = stamp;
  }
  unstamped_ = 0;
}

void CacheThread::Collect() {
  SpinLockGuard lock(mu_);
  CollectLocked();
}

void CacheThread::CollectLocked() {
  StampRetired();
  size_t weight = limbo_weight_.load(std::memory_order_relaxed);
  while (limbo_head_ < limbo_.size() &&
         cache_.epochs_.Passed(limbo_[limbo_head_].stamp)) {
    Item* item = limbo_[limbo_head_++].item;
    weight -= LimboWeight(*item);
    if (cache_.pins_.MayFree(item)) FreeNow(item);
  }
  TrimLimbo();
  if (drained_count_ != 0) FlushDrained();
  limbo_size_.store(limbo_.size() - limbo_head_, std::memory_order_relaxed);
  limbo_weight_.store(weight, std::memory_order_relaxed);
}

// Forgets the entries that are gone, when that moves few of the others.
void CacheThread::TrimLimbo() {
  if (limbo_head_ < limbo_.size() / 2) return;
  limbo_.erase(limbo_.begin(),
               limbo_.begin() + static_cast<ptrdiff_t>(limbo_head_));
  limbo_head_ = 0;
}

void CacheThread::FreeNow(Item* item) {
  if (item->chunked()) {
    const size_t n = cache_.PieceCount(item->value_length);
    for (size_t i = 0; i < n; ++i) {
      PutChunk(reinterpret_cast<char*>(item->piece(i)));
    }
  }
  PutChunk(reinterpret_cast<char*>(item));
}

void CacheThread::FreeOwned(Item* item) {
  SpinLockGuard lock(mu_);
  FreeNow(item);
  if (drained_count_ != 0) FlushDrained();
}

void CacheThread::RecallClass(int c) {
  SpinLockGuard lock(mu_);
  for (Magazine& m : magazines_[static_cast<size_t>(c)]) {
    cache_.slabs_->Give(m.chunks, m.n);
    m.n = 0;
  }
}

void CacheThread::LeaveTo(std::deque<Retired>* orphans) {
  SpinLockGuard lock(mu_);
  CollectLocked();
  orphans->insert(orphans->end(),
                  limbo_.begin() + static_cast<ptrdiff_t>(limbo_head_),
                  limbo_.end());
  limbo_.clear();
  limbo_head_ = 0;
  for (auto& queues : magazines_) {
    for (Magazine& m : queues) {
      cache_.slabs_->Give(m.chunks, m.n);
      m.n = 0;
    }
  }
}

void CacheThread::Recall(PageIndex page, int c, Queue q) {
  Slabs& slabs = *cache_.slabs_;
  SpinLockGuard lock(mu_);
  Magazine& m = magazines_[c][static_cast<int>(q)];
  char** end = std::partition(m.chunks, m.chunks + m.n, [&](const char* chunk) {
    return slabs.PageOf(chunk) != page;
  });
  slabs.Give(end, static_cast<size_t>(m.chunks + m.n - end));
  m.n = static_cast<uint32_t>(end - m.chunks);
}

}  // namespace cucache
