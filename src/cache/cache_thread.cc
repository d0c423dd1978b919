// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/cache_thread.h"

#include <glog/logging.h>

#include <algorithm>

#include "cache/cache.h"

namespace cucache {

CacheThread::CacheThread(Cache& cache, ThreadStats& stats)
    : cache_(cache),
      stats_(stats),
      epoch_(cache.epochs_),
      events_(cache.events_) {
  cache_.AddThread(this);
}

CacheThread::~CacheThread() { cache_.RemoveThread(this); }

void CacheThread::Offline() {
  place_.Forget();
  if (limbo_weight() >= kCollectWeight) {
    epoch_.Quiescent();
    Advance();
  }
  if (locked_takes_ != 0) [[unlikely]] {
    if (has_hand()) EmptyHand();
    locked_takes_ = 0;
  }
  epoch_.Offline();
}

// Stamped before the epoch moves, so that the grace period begins with this
// one.
void CacheThread::Advance() {
  SpinLockGuard lock(mu_);
  locked_limbo().Stamp(cache_.epochs_);
  cache_.epochs_.TryAdvance();
  CollectLocked();
}

ItemCounters& CacheThread::Count(const Item* item) {
  return (*counters_)[static_cast<size_t>(cache_.RowOf(item)) * kQueues +
                      static_cast<size_t>(cache_.slabs_->QueueOf(item))];
}

void CacheThread::TakeCounts(Gate::Counts* sums) {
  const auto take = [](const Counter& counter, uint64_t* taken, uint64_t* sum) {
    const uint64_t now = counter.value();
    *sum += now - *taken;
    *taken = now;
  };
#define CUCACHE_TAKE(name) take(newcomers_.name, &taken_.name, &sums->name);
  CUCACHE_NEWCOMER_COUNTERS(CUCACHE_TAKE)
#undef CUCACHE_TAKE
  take(stats_.get_hits, &taken_.hits, &sums->hits);
}

char* CacheThread::TakeChunk(int c, Queue q, size_t leave) {
  Slabs& slabs = *cache_.slabs_;
  SpinLockGuard lock(mu_);
  Magazine& m = (*magazines_)[PageRow(c, q)];
  const size_t batch = cache_.MagazineBatch(c);
  while (m.n == 0) {
    m.n = static_cast<uint32_t>(slabs.Take(c, q, m.chunks, batch));
    // Of a page of two chunks others may have taken both by the time we are
    // back.
    if (m.n == 0 && !slabs.OpenPage(c, q, leave)) return nullptr;
  }
  return m.chunks[--m.n];
}

char* CacheThread::TakeFromMagazine(uint16_t row) {
  SpinLockGuard lock(mu_);
  Magazine& m = (*magazines_)[row];
  if (m.n == 0) return nullptr;
  char* const chunk = m.chunks[--m.n];
  if (++locked_takes_ >= kTakesBeforeHand) FillHand(row, m);
  return chunk;
}

// Not while there are chunks of another row in it.
void CacheThread::FillHand(uint16_t row, Magazine& m) {
  if (m.n == 0 || hand_size_.load(std::memory_order_relaxed) != 0) return;
  const uint32_t n = std::min(kHand, m.n);
  m.n -= n;
  std::copy_n(m.chunks + m.n, n, hand_.begin());
  hand_row_.store(row, std::memory_order_relaxed);
  hand_size_.store(n, std::memory_order_relaxed);
}

void CacheThread::EmptyHand() {
  SpinLockGuard lock(mu_);
  const uint32_t n = hand_size_.load(std::memory_order_relaxed);
  for (uint32_t i = 0; i < n; ++i) PutChunk(hand_[i]);
  if (drained_count_ != 0) FlushDrained();
  hand_size_.store(0, std::memory_order_relaxed);
  hand_row_.store(kNoRow, std::memory_order_relaxed);
  recalled_.store(false, std::memory_order_relaxed);
}

// A page that has begun to drain unnoticed is no harm: its chunks are
// recalled after that (H1).
void CacheThread::GiveBack(Item* item) {
  const Page& page = cache_.slabs_->page(cache_.slabs_->PageOf(item));
  const uint32_t n = hand_size_.load(std::memory_order_relaxed);
  if (item->chunked() || n == kHand ||
      page.row.load(std::memory_order_relaxed) !=
          hand_row_.load(std::memory_order_relaxed) ||
      page.state.load(std::memory_order_relaxed) != PageState::kOpen) {
    return FreeOwned(item);
  }
  hand_[n] = reinterpret_cast<char*>(item);
  hand_size_.store(n + 1, std::memory_order_relaxed);
}

inline void CacheThread::PutChunk(char* chunk) {
  const Page& page = cache_.slabs_->page(cache_.slabs_->PageOf(chunk));
  if (page.state.load(std::memory_order_relaxed) != PageState::kOpen) {
    drained_[drained_count_++] = chunk;
    if (drained_count_ == drained_.size()) FlushDrained();
    return;
  }
  Magazine& m = (*magazines_)[page.row.load(std::memory_order_relaxed)];
  const int c = page.slab_class.load(std::memory_order_relaxed);
  uint32_t n = m.n;
  if (n == cache_.MagazineSize(c)) n = Spill(m);
  m.chunks[n] = chunk;
  m.n = n + 1;
}

// Half of a magazine that is full goes back: those that came first. How many
// are left.
uint32_t CacheThread::Spill(Magazine& m) {
  const uint32_t n = (m.n + 1) / 2;
  cache_.slabs_->Give(m.chunks, n);
  m.n -= n;
  std::move(m.chunks + n, m.chunks + n + m.n, m.chunks);
  return m.n;
}

void CacheThread::FlushDrained() {
  cache_.slabs_->Give(drained_.data(), drained_count_);
  drained_count_ = 0;
}

void CacheThread::RetireSlowly(Item* item) {
  SpinLockGuard lock(mu_);
  // While we waited somebody may have made room.
  if (limbo_.Add(item)) return;
  locked_limbo().Grow();
  CHECK(limbo_.Add(item));
}

void CacheThread::Collect() {
  SpinLockGuard lock(mu_);
  CollectLocked();
}

void CacheThread::CollectLocked() {
  locked_limbo().FreePassed(cache_.epochs_,
                            [this](Item* item)
                                NO_THREAD_SAFETY_ANALYSIS { FreeNow(item); });
  if (drained_count_ != 0) FlushDrained();
}

inline void CacheThread::FreeNow(Item* item) {
  if (item->HasState(Item::kPinned | Item::kChunked)) [[unlikely]] {
    if (!cache_.pins_.MayFree(item)) return;
    FreeInPieces(item);
  }
  PutChunk(reinterpret_cast<char*>(item));
}

// The pieces; the item itself is left.
void CacheThread::FreeInPieces(Item* item) {
  if (!item->chunked()) return;
  const size_t n = cache_.PieceCount(item->value_length);
  for (size_t i = 0; i < n; ++i) {
    Piece* const piece = item->piece(i);
    piece->state.store(0, std::memory_order_relaxed);
    PutChunk(reinterpret_cast<char*>(piece));
  }
}

void CacheThread::FreeOwned(Item* item) {
  SpinLockGuard lock(mu_);
  FreeNow(item);
  if (drained_count_ != 0) FlushDrained();
}

// One that was never used stays without memory.
void CacheThread::GiveAll(Magazine& m) {
  if (m.n == 0) return;
  cache_.slabs_->Give(m.chunks, m.n);
  m.n = 0;
}

void CacheThread::RecallClass(int c) {
  SpinLockGuard lock(mu_);
  recalled_.store(true, std::memory_order_relaxed);
  for (const Queue q : {Queue::kProbation, Queue::kMain}) {
    GiveAll((*magazines_)[PageRow(c, q)]);
  }
}

void CacheThread::LeaveTo(std::deque<Limbo::Rest>* orphans) {
  EmptyHand();
  SpinLockGuard lock(mu_);
  CollectLocked();
  if (has_limbo()) orphans->push_back(locked_limbo().TakeAll(cache_.epochs_));
  for (Magazine& m : *magazines_) GiveAll(m);
}

void CacheThread::Recall(PageIndex page, int c, Queue q) {
  Slabs& slabs = *cache_.slabs_;
  SpinLockGuard lock(mu_);
  const bool in_hand =
      hand_row_.load(std::memory_order_relaxed) == PageRow(c, q);
  if (in_hand) recalled_.store(true, std::memory_order_relaxed);
  Magazine& m = (*magazines_)[PageRow(c, q)];
  char** end = std::partition(m.chunks, m.chunks + m.n, [&](const char* chunk) {
    return slabs.PageOf(chunk) != page;
  });
  slabs.Give(end, static_cast<size_t>(m.chunks + m.n - end));
  m.n = static_cast<uint32_t>(end - m.chunks);
}

}  // namespace cucache
