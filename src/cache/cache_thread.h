// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What one thread needs to use the cache: its place in the epochs, free chunks
// at hand (magazines, after Bonwick and Adams, "Magazines and Vmem", USENIX
// '01), items that wait for their grace period (limbo), a lease of CAS ids,
// and counters. (Counterpart: LIBEVENT_THREAD's lru_bump_buf, item locks, slab
// locks.)
//
// Thread safety: the public methods by the owning thread only. Magazines and
// limbo have a lock, which the owner takes nearly always uncontended, so that
// others can take back what an idle thread holds (Collect, Recall). A
// thread that takes many chunks of one row gets some of them into its hand,
// where only it can reach them, without the lock.
// Lock order: mu_ of at most one thread, then the locks of Slabs, Pins and
// EpochDomain.
//
// Invariant H1: a chunk in a hand goes back before its thread goes off line,
// and at the first quiescent state after somebody recalled chunks. So a
// hand holds others up no longer than an item does that the thread reads.

#ifndef CUCACHE_CACHE_CACHE_THREAD_H_
#define CUCACHE_CACHE_CACHE_THREAD_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>

#include "base/epoch.h"
#include "base/event_log.h"
#include "base/locks.h"
#include "base/stats.h"
#include "base/zeroed.h"
#include "cache/assoc.h"
#include "cache/gate.h"
#include "cache/item.h"
#include "cache/limbo.h"
#include "cache/slabs.h"

namespace cucache {

class Cache;

// Each thread has these for each row (Cache::RowOf) and queue. What there is
// now is a difference, as of `linked` and `unlinked`.
#define CUCACHE_ITEM_COUNTERS(X)                            \
  X(stored)               /* items linked by a command */   \
  X(linked)               /* items */                       \
  X(unlinked)             /* items */                       \
  X(linked_bytes)         /* what they asked for */         \
  X(unlinked_bytes)       /* the same */                    \
  X(linked_chunk_bytes)   /* what large values take */      \
  X(unlinked_chunk_bytes) /* the same */                    \
  X(evicted)              /* unexpired items thrown out */  \
  X(evicted_nonzero)      /* ... that had an expiry */      \
  X(evicted_unfetched)    /* ... that nobody had read */    \
  X(evicted_active)       /* ... with a mark */             \
  X(evicted_time)         /* gauge: idle of the last one */ \
  X(reclaimed)            /* dead items unlinked */         \
  X(expired_unfetched)    /* ... that nobody had read */    \
  X(crawler_reclaimed)    /* ... found by the crawler */    \
  X(crawler_checked)      /* items the crawler looked at */ \
  X(outofmemory)          /* allocations refused */         \
  X(direct_reclaims)      /* stores that had to evict */    \
  X(moves_to_main)        /* from probation */              \
  X(moves_within_main)    /* reinserted */                  \
  X(compacted)            /* moved out of a sparse page */  \
  X(moved_pieces)         /* of large values, by moves */

// Rows of counters: a PageRow() of small items, and more behind them.
inline constexpr size_t kCounterRows = size_t{kClassRows} * kQueues;

struct ItemCounters {
#define CUCACHE_DECLARE(name) Counter name;
  CUCACHE_ITEM_COUNTERS(CUCACHE_DECLARE)
#undef CUCACHE_DECLARE
};

class CacheThread {
 public:
  CacheThread(Cache& cache, ThreadStats& stats);
  ~CacheThread();
  CacheThread(const CacheThread&) = delete;
  CacheThread& operator=(const CacheThread&) = delete;

  // See base/epoch.h. Online() before the first use of the cache; Quiescent()
  // whenever no item is held; Offline() before sleeping.
  void Online() { epoch_.Online(); }
  void Offline();
  void Quiescent() {
    place_.Forget();
    epoch_.Quiescent();
    if (recalled_.load(std::memory_order_relaxed)) EmptyHand();
    if (limbo_weight() >= kCollectWeight) Advance();
  }
  // The same, and frees at once what may be freed, however little: for a thread
  // that needs memory, or sees to it that there is some. Moves the epoch on
  // also if this thread has nothing to free: others may.
  void Reclaim() {
    place_.Forget();
    epoch_.Quiescent();
    if (has_hand()) EmptyHand();
    Advance();
  }
  bool online() const { return epoch_.online(); }

  ThreadStats& stats() { return stats_; }
  EventBuffer& events() { return events_; }

 private:
  friend class Cache;
  friend class Crawler;
  friend class Eviction;

  static constexpr uint32_t kMagazine = 64;
  static constexpr size_t kMagazineBytes = 4096;
  struct Magazine {
    uint32_t n;
    char* chunks[kMagazine];
  };
  // The hand takes so many chunks at once, when as many were taken with the
  // lock since the thread came on line: below that the way back would cost
  // more.
  static constexpr uint32_t kHand = 16, kTakesBeforeHand = 4;
  static constexpr uint16_t kNoRow = 0xffff;
  // Weight of the limbo from which on its owner tries to free it. Less is left
  // to a later turn, or, when the owner sleeps, to the maintenance thread:
  // advancing the epoch writes lines that all threads have in common.
  static constexpr size_t kCollectWeight = 16;

  // A chunk that is at hand, or nullptr.
  char* TakeAtHand(uint16_t row) {
    const uint32_t n = hand_size_.load(std::memory_order_relaxed);
    if (n == 0 || hand_row_.load(std::memory_order_relaxed) != row) {
      return TakeFromMagazine(row);
    }
    hand_size_.store(n - 1, std::memory_order_relaxed);
    return hand_[n - 1];
  }
  char* TakeFromMagazine(uint16_t row) EXCLUDES(mu_);
  void FillHand(uint16_t row, Magazine& magazine) REQUIRES(mu_);
  void GiveAll(Magazine& magazine) REQUIRES(mu_);
  // H1.
  bool has_hand() const {
    return hand_row_.load(std::memory_order_relaxed) != kNoRow;
  }
  void EmptyHand() EXCLUDES(mu_);
  // An item of the owner's that nobody else ever saw.
  void GiveBack(Item* item) EXCLUDES(mu_);
  // A chunk, or nullptr when no page may be opened (it leaves `leave` pages
  // unopened).
  char* TakeChunk(int c, Queue q, size_t leave);
  // Memory of an item that is not linked, or of a piece whose state is 0, and
  // that nobody can hold any more.
  void PutChunk(char* chunk) REQUIRES(mu_);
  uint32_t Spill(Magazine& magazine) REQUIRES(mu_);
  // Unlinked items: freed when their grace period is over.
  CUCACHE_ALWAYS_INLINE void Retire(Item* item) {
    if (!limbo_.Add(item)) [[unlikely]]
      RetireSlowly(item);
  }
  void RetireSlowly(Item* item) EXCLUDES(mu_);
  // Tries to move the epoch on, and frees what may be freed.
  void Advance();
  void FreeNow(Item* item) REQUIRES(mu_);
  void FreeInPieces(Item* item) REQUIRES(mu_);
  // The same for an item that nobody sees any more. Any thread.
  void FreeOwned(Item* item) EXCLUDES(mu_);
  // Frees what may be freed. Any thread.
  void Collect() EXCLUDES(mu_);
  // Gives back the magazine's chunks of a page that is drained. Any thread.
  void Recall(PageIndex page, int c, Queue q) EXCLUDES(mu_);
  // Gives back all chunks of a class at hand. Any thread.
  void RecallClass(int c) EXCLUDES(mu_);
  void CollectLocked() REQUIRES(mu_);
  void FlushDrained() REQUIRES(mu_);
  // True with this probability, evenly spread (a Weyl sequence).
  bool Chance(double probability) {
    draw_ += 0x9e3779b97f4a7c15u;
    return static_cast<double>(draw_ >> 11) < probability * 0x1p53;
  }
  // For what needs its lock.
  Limbo& locked_limbo() REQUIRES(mu_) { return limbo_; }
  bool has_limbo() const { return !limbo_.empty(); }
  size_t limbo_size() const { return limbo_.size(); }
  size_t limbo_weight() const { return limbo_.weight(); }
  ItemCounters& Count(const Item* item);
  // Adds what it has counted since the last time. One thread at a time, any.
  void TakeCounts(Gate::Counts* sums);
  // The thread goes: its chunks go back, its limbo to others.
  void LeaveTo(std::deque<Limbo::Rest>* orphans);

  Cache& cache_;
  ThreadStats& stats_;
  EpochParticipant epoch_;
  EventBuffer events_;
  uint64_t next_cas_ = 0, end_cas_ = 0;
  Gate::Counters newcomers_;
  // Where the key of the last Allocate() stood, to be used by the Update() that
  // follows in the same stretch between two quiescent states (I8).
  Assoc::Place place_;
  // Bytes this thread should drain, because it took memory from the reserve.
  size_t debt_ = 0;
  uint64_t draw_ = 0;
  // Of items that this thread unlinked to gain room.
  size_t evicted_bytes_ = 0;
  // Of values that it copied to keep them.
  size_t moved_bytes_ = 0;
  // How long the next allocation may wait for a grace period.
  std::chrono::milliseconds patience_{0};
  std::chrono::steady_clock::time_point last_refusal_{};

  // The hand: chunks of one row. Written by the owner; others look at how many
  // there are.
  std::array<char*, kHand> hand_;
  std::atomic<uint32_t> hand_size_{0};
  std::atomic<uint16_t> hand_row_{kNoRow};
  // Since the thread came on line: chunks taken with the lock.
  uint32_t locked_takes_ = 0;
  // Others recalled chunks. Written with mu_ held.
  std::atomic<bool> recalled_{false};

  SpinLock mu_;
  Zeroed<std::array<Magazine, kPageRows>> magazines_ PT_GUARDED_BY(mu_);
  Limbo limbo_;
  // Chunks of draining pages on their way back, gathered to save locks.
  std::array<char*, 32> drained_ GUARDED_BY(mu_);
  size_t drained_count_ GUARDED_BY(mu_) = 0;
  // What TakeCounts() has taken.
  Gate::Counts taken_;

  Zeroed<std::array<ItemCounters, kCounterRows>> counters_;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_CACHE_THREAD_H_
