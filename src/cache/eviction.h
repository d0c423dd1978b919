// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Which item leaves next: S3-FIFO (Yang et al., SOSP '23) over pages instead of
// items. (Counterpart: the segmented LRU of items.c, and slab_automove.c, which
// is not needed: an emptied page is free for any class.)
//
// Every open page stands in one of two global FIFO queues, whatever its
// class. New items go into pages of probation. When memory is short, the
// oldest page of probation is drained if probation has more than its share,
// otherwise the oldest of main:
//   in probation  an item that was read moves to main without its marks; the
//                 others leave, and their fingerprints go to the ghost
//   in main       an item with a mark moves to the end of main with one mark
//                 less; the others leave
// Sizes count (as in GDSF and LHD; here as the square root, which is mild):
// what is of use is hits per byte. An item weighs the square root of its size
// relative to the mean, between 1/4 and 2, and in main its weight is what a
// round costs it in marks: a large item needs up to two, a small one often
// gives none and stays without any. A small item leaves probation unread with
// a probability of its weight. Items of one size weigh 1 exactly. In probation
// a large item that was read is promoted like any other.
// A newcomer whose fingerprint is in the ghost starts in main, unless sizes are
// growing and it is one of the large ones (gate.h). Moving an item
// is copying it and replacing it in the table: readers do not notice. So a
// drained page becomes empty, and that is all that "moving a page between
// classes" needs.
//
// Before anything leaves, sparse pages are compacted (compaction.cc): where
// clients deleted much, or much expired, the emptiest pages are emptied into
// the free chunks of other pages of their class and queue. In a cache where
// only eviction frees memory there are none.
//
// Invariants:
//   V1 Every page that is open, and only such, is in a queue, unless it is
//      the one that is being drained. (PageOpened and PageClosed come with the
//      class lock held.) A page that is compacted keeps its place, for the case
//      that it does not become empty.
//   V2 A page that drains but does not become empty is a straggler: a client
//      was filling a chunk of it, or one is pinned. The maintenance thread
//      drains it again, and opens it again if that did not help; it opens it
//      at once if few of its chunks are used (ReopenNearlyEmpty). Whoever links
//      a large item opens the item's pages again, if they became the oldest
//      while a client was filling them. Out of the queue they would stay, while
//      everything else leaves for those that come after.
//   V3 What is drained becomes free only when a grace period is over, and that
//      may take long if a reader is stalled. So no more pages are drained than
//      are wanted now: pages in flight, and large values that left, count as
//      free until their grace period is over.
//   V4 An item that is too large to be copied and has marks stays where it is:
//      each of its pages goes, as it is, to the end of its queue, and the item
//      loses a mark when its head comes by. So it leaves after as many rounds
//      as others, or when a quarter of the memory was passed by like this and
//      too little has left meanwhile: readers who set marks faster than they
//      are taken keep nobody from finding a victim.
//   V5 Compaction evicts nothing and takes no marks. It takes a page only if
//      there are free chunks for all that is in it in other pages of its class
//      and queue, and another page's worth, or a 32nd of all, besides. Whatever
//      becomes of that meanwhile, it ends with a page less, or with that page
//      open where it was and left alone for a while (`reopened`). It copies at
//      most four pages for that, and opens none, but for parts of large values
//      that stand in other classes: half as many as it gains, and 32 each
//      second. So there are fewer pages in the end, and what it filled is
//      compacted again only when clients have freed as much again.
//
// Thread safety: any thread that is on line. Lock order: victim_lock_, the
// cache's list of threads, a CacheThread's lock, a class's lock, queue_lock_.

#ifndef CUCACHE_CACHE_EVICTION_H_
#define CUCACHE_CACHE_EVICTION_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/locks.h"
#include "cache/gate.h"
#include "cache/ghost.h"
#include "cache/slabs.h"

namespace cucache {

class Cache;
class CacheThread;

class Eviction : public PageObserver {
 public:
  explicit Eviction(Cache& cache);

  void PageOpened(PageIndex page, Queue queue) override;
  void PageClosed(PageIndex page) override;

  // Drains about `bytes` of chunks of sparse pages, or else the oldest pages,
  // as far as pages are wanted (V3). Returns false if there was nothing to do.
  bool Drain(CacheThread& t, size_t bytes);
  // The same with sparse pages only, while fewer than `pages` are free.
  bool Compact(CacheThread& t, size_t bytes, size_t pages);
  // Looks for sparse pages, if there are none left of those it found before.
  // Maintenance thread only.
  void FindSparse();
  // How many were emptied.
  uint64_t compacted_pages() const {
    return compacted_pages_.load(std::memory_order_relaxed);
  }
  // For an allocation that waits already: drains a page more than V3 allows,
  // at most one every few milliseconds.
  void DrainMore(CacheThread& t);

  // Evicts about `bytes` of items, one after another, while fewer than `pages`
  // are free.
  void EvictBytes(CacheThread& t, size_t bytes, size_t pages);

  // Drains the oldest page with items of a number (cache/class_numbers.h; any
  // if 0) ahead of its turn; `slabs reassign`. With `keep` nothing leaves that
  // can be moved. The number of the page's class, 0 if there is no such page.
  int DrainPageOf(CacheThread& t, int number, bool keep);

  // Looks again at pages which did not become empty.
  void DrainStragglers(CacheThread& t);

  // V2. A large item has just been linked.
  void Filled(const Item& item);

  // All pages that may hold items, in about the order in which they would be
  // drained, main before probation. Exact only when nobody else is at work.
  std::vector<PageIndex> PagesOldestFirst() EXCLUDES(queue_lock_);

  // The queue in which a newcomer starts that takes so many bytes, in chunks of
  // `mean`.
  Queue QueueFor(uint64_t hash, size_t bytes, size_t mean,
                 Gate::Counters* newcomers) {
    newcomers->stored.Add();
    newcomers->bytes.Add(mean);
    const uint64_t age = ghost_.Forget(hash);
    return age == 0 ? Queue::kProbation : gate_.QueueFor(bytes, age, newcomers);
  }
  void PrefetchGhost(uint64_t hash) const { ghost_.Prefetch(hash); }
  // Fits the ghost to the number of items. Maintenance thread only.
  void FitGhost(size_t items);
  void ClearGhost() { ghost_.Clear(); }
  size_t ghost_bytes() const { return ghost_.bytes(); }

  // Age in seconds of the oldest page of each class, 0 if there is none.
  void OldestAges(Queue q, RelTime now,
                  std::array<RelTime, kMaxSlabClasses>* ages);

  // Share of the pages that probation may have.
  static constexpr double kProbationShare = 0.07;
  // Bytes that may be reinserted into main for each byte that leaves it.
  static constexpr int64_t kReinsertionFactor = 16;
  // Pages that may be copied to gain one (V5), and halves of pages that may be
  // opened each second.
  static constexpr int64_t kCompactionCopies = 4, kCompactionCredit = 64;
  // Bytes of large items that may stay for each byte that leaves.
  static constexpr int64_t kStayFactor = 4;
  // An item's weight is within these. The least is what lets every page gain
  // something when it is drained, whatever the sizes.
  static constexpr double kLeastWeight = 0.25, kMostWeight = 2;
  // That of an item of so many bytes when the mean is `mean`.
  static double Weigh(double bytes, double mean);

 private:
  struct PageList {
    PageIndex head = kNoPage, tail = kNoPage;
  };
  // What a page is drained for.
  enum class Aim : uint8_t {
    kEvict,
    kKeep,     // what could leave is moved, too
    kCompact,  // V5
  };
  // What asks for chunks to drain.
  enum class Asker : uint8_t {
    kCompaction,  // takes sparse pages only
    kReserve,     // refills the reserve, in batches
    kStore,  // stores a large value: one by one, until there is room for it
  };
  // Chunks [begin, end) of a page that is being drained; of that use of the
  // page, which may end while a range of it waits (S7).
  struct Range {
    PageIndex page;
    uint32_t begin, end;
    uint32_t openings;
    Queue queue;
    Aim aim = Aim::kEvict;
  };

  void Append(PageIndex p, Queue q) REQUIRES(queue_lock_);
  void Unlink(PageIndex p) REQUIRES(queue_lock_);
  PageIndex PopOldest(Queue q) EXCLUDES(queue_lock_);
  bool HasItemsOf(PageIndex p, int number) const;
  bool PopIfQueued(PageIndex p) EXCLUDES(queue_lock_);
  Queue QueueToDrain() const;
  bool StartPage(PageIndex p, Range* range) REQUIRES(victim_lock_);
  bool NextVictim() REQUIRES(victim_lock_);
  bool PagesWanted(size_t pages, Asker asker) REQUIRES(victim_lock_);
  void Finish(Range* page) REQUIRES(victim_lock_);
  bool StillDraining(const Range& range) const;
  uint32_t Together(const Range& page, uint32_t most, bool* large) const;
  bool Cut(Range* page, uint32_t most, Range* range) REQUIRES(victim_lock_);
  Range WholePage(PageIndex p) const;
  void ReopenNearlyEmpty() REQUIRES(victim_lock_);
  bool NextRange(size_t pages, Asker asker, Range* range)
      EXCLUDES(victim_lock_);
  bool DrainRanges(CacheThread& t, size_t bytes, size_t pages, Asker asker);
  void DrainRange(CacheThread& t, const Range& range);
  size_t Gather(CacheThread& t, const Range& range, Item** items, uint32_t* at,
                bool* stay);
  void GiveUp(const Range& range) EXCLUDES(victim_lock_);
  bool DrainItem(CacheThread& t, Item* item, uint64_t hash, Queue from,
                 Aim aim);
  Item* OwnerOf(const Piece& piece) const;
  bool DrainPiece(CacheThread& t, char* chunk, Aim aim);
  void FitMean() REQUIRES(victim_lock_);
  void FitGate(uint64_t chunks) REQUIRES(victim_lock_);
  bool Keep(CacheThread& t, const Item* item, Queue from, uint8_t* price);
  bool TooLargeToMove(const Item& item) const;
  bool Stays(const Item& item);
  int64_t StayLimit() const;
  int64_t ReinsertionLimit() const;
  bool Move(CacheThread& t, Item* item, uint64_t hash, Queue from,
            uint8_t price);
  void Evict(CacheThread& t, Item* item, uint64_t hash, Queue from);

  // --- Compaction (compaction.cc). ---
  bool HasSpare(uint16_t row) const;
  bool MayCompact(const Page& page) const;
  bool StartSparse() REQUIRES(victim_lock_);
  void FinishSparse() REQUIRES(victim_lock_);
  bool MoveAside(CacheThread& t, Item* item, uint64_t hash);

  Cache& cache_;
  Ghost ghost_;
  // The table before the last FitGhost(), until nobody can look into it.
  std::unique_ptr<Ghost::Table> old_ghost_;
  uint64_t old_ghost_stamp_ = 0;
  Gate gate_;

  // A mutex: whoever shows ages walks over all pages with it.
  Mutex queue_lock_;
  std::array<PageList, kQueues> queues_ GUARDED_BY(queue_lock_);

  Mutex victim_lock_;
  Range victim_ GUARDED_BY(victim_lock_){kNoPage, 0, 0, 0, Queue::kProbation};
  // The page that is being compacted, and those that are next, the emptiest at
  // the end.
  Range sparse_ GUARDED_BY(victim_lock_){kNoPage, 0, 0, 0, Queue::kProbation};
  std::vector<PageIndex> next_sparse_ GUARDED_BY(victim_lock_);
  // V5: bytes that it may copy, and halves of pages that it may open.
  std::atomic<int64_t> compaction_budget_{0};
  std::atomic<int64_t> compaction_credit_{kCompactionCredit};
  // The second in which a page of this class and queue did not become empty:
  // what was in the way is in the way of others.
  std::array<std::atomic<RelTime>, kPageRows> compaction_rests_{};
  std::atomic<uint64_t> compacted_pages_{0};
  RelTime found_none_ = 0;  // of the maintenance thread
  struct Straggler {
    PageIndex page;
    uint64_t stamp;  // when everything in it had been unlinked
    int visits;
    Aim aim;
  };
  std::vector<Straggler> stragglers_ GUARDED_BY(victim_lock_);
  // V3: pages whose draining began, and the epoch of the last one.
  size_t in_flight_ GUARDED_BY(victim_lock_) = 0;
  uint64_t in_flight_stamp_ GUARDED_BY(victim_lock_) = 0;
  // And bytes of large values that left, most of them in other pages.
  std::atomic<size_t> in_flight_bytes_{0};
  std::atomic<uint64_t> in_flight_bytes_stamp_{0};
  std::chrono::steady_clock::time_point last_more_ GUARDED_BY(victim_lock_){};
  // Of the chunks of all open pages, as if they were full.
  std::atomic<double> mean_bytes_{1};
  // Bytes that main may still reinsert before something marked has to leave.
  std::atomic<int64_t> reinsertions_{0};
  // V4: bytes that may stay before a large item with marks has to leave.
  std::atomic<int64_t> stays_{0};
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_EVICTION_H_
