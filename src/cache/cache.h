// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The cache: table, items, slabs, eviction, expiry, behind one door.
// (Counterpart: the item_* functions of items.c with their item locks.)
//
// Thread safety: every method may be called by any thread that passes its own
// CacheThread and is on line (see base/epoch.h), unless it says otherwise.
//
// Ownership: an item from Allocate() belongs to the caller until it is given
// to Update() (as Decision::item) or to Free(). An item from Find() belongs to
// the cache and is valid until the caller's next quiescent state: a caller
// that wants it longer pins it.
//
// Where a quiescent state may happen: Allocate() may announce one (it has to,
// when memory is short, or it would wait for itself). So a caller of
// Allocate() holds no item that it has not pinned.
//
// Lock order: doc/threads.md.
//
// Invariant K1: what `slabs reassign` keeps for the next items of a number is a
// part of the reserve. So others evict before they use it, and use it only when
// there is nothing left to evict.

#ifndef CUCACHE_CACHE_CACHE_H_
#define CUCACHE_CACHE_CACHE_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/epoch.h"
#include "base/event_log.h"
#include "base/hash.h"
#include "base/settings.h"
#include "base/stats.h"
#include "cache/assoc.h"
#include "cache/cache_thread.h"
#include "cache/class_numbers.h"
#include "cache/eviction.h"
#include "cache/item.h"
#include "cache/item_shape.h"
#include "cache/pins.h"
#include "cache/slabs.h"

namespace cucache {

enum class AllocateStatus : uint8_t { kOk, kTooLarge, kNoMemory };

// What is found out about a key: Find() returns the item of kAlive only.
enum class Finding : uint8_t { kAlive, kMissing, kExpired, kFlushed };

// What a warm restart brought (cache/restart.h).
struct RestartFigures {
  uint64_t items = 0, expired = 0, dropped = 0, load_millis = 0,
           save_millis = 0;
};

// What `stats` shows of the cache.
struct CacheFigures {
  uint64_t bytes = 0, curr_items = 0, total_items = 0, evictions = 0,
           expired_unfetched = 0, evicted_unfetched = 0, evicted_active = 0,
           reclaimed = 0, crawler_reclaimed = 0, crawler_items_checked = 0,
           lru_crawler_starts = 0, moves_to_main = 0, moves_within_main = 0,
           slabs_moved = 0, slab_global_page_pool = 0, hash_power_level = 0,
           hash_bytes = 0, hash_is_expanding = 0, hash_load_percent = 0,
           hash_moves = 0, maxbytes = 0, total_pages = 0, malloced_bytes = 0,
           epoch = 0, limbo_items = 0, moved_pieces = 0, total_malloced = 0,
           compacted_items = 0, compacted_pages = 0, direct_reclaims = 0;
  uint64_t crawler_cpu_us = 0;
  bool lru_crawler_running = false;
  RestartFigures restart;
};

// A row of `stats slabs` and `stats items`: of one of memcached's numbers
// (cache/class_numbers.h). chunk_size is what the largest of its items takes,
// used_chunks its items, free_chunks the chunks that wait for the like of them,
// total_pages how many pages all of that would fill. hot is probation, cold is
// main.
struct SlabClassFigures {
  int id = 0;
  uint64_t memory = 0;  // of items and free chunks
  uint64_t chunk_size = 0, chunks_per_page = 0;
  uint64_t total_pages = 0, total_chunks = 0, used_chunks = 0, free_chunks = 0,
           mem_requested = 0;
  uint64_t number_hot = 0, number_warm = 0, number_cold = 0;
  RelTime age_hot = 0, age_warm = 0, age = 0;
  uint64_t evicted = 0, evicted_nonzero = 0, evicted_time = 0, outofmemory = 0,
           reclaimed = 0, expired_unfetched = 0, evicted_unfetched = 0,
           evicted_active = 0, crawler_reclaimed = 0, crawler_items_checked = 0,
           moves_to_warm = 0, moves_within_lru = 0, direct_reclaims = 0;
};

// Where a walk over all items stands.
struct WalkCursor {
  uint64_t position = 0;  // page, then chunk
  // A pass after the first visits the pages into which items moved since the
  // pass before it began.
  int pass = 0;
  uint64_t moves_before = 0, moves_at_start = 0;
};

enum class ReassignStatus : uint8_t {
  kOk,
  kBadClass,
  kNoSpare,
  kSame,
};

class Cache {
 public:
  using Action = Assoc::Action;
  using Decision = Assoc::Decision;

  // The settings belong to the server and outlive the cache. The table begins
  // large enough for `expected_items`, as far as the memory has room for them.
  Cache(Settings& settings, Clock& clock, uint64_t expected_items = 0);
  // Every CacheThread must be gone.
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  // The maintenance thread: growth, eviction ahead of need, expiry. Not to be
  // started before a fork. False, and why in *error, if it cannot be had.
  [[nodiscard]] bool StartMaintenance(std::string* error);
  void StopMaintenance();

  uint64_t Hash(std::string_view key) const { return hash_(key); }
  Clock& clock() { return clock_; }
  // What the threads tell those who watch.
  EventLog& events() { return events_; }
  const EventLog& events() const { return events_; }

  // The live item of a key, or nullptr. Does not mark it as read: call
  // item->Touch(now) for that. Unlinks a dead one.
  Item* Find(CacheThread& t, uint64_t hash, std::string_view key,
             Finding* why = nullptr);
  // The same for a caller that is about to Update() the key.
  Item* FindToUpdate(CacheThread& t, uint64_t hash, std::string_view key,
                     Finding* why);
  // Was the item found by FindToUpdate(), and held ever since (no quiescent
  // state was announced, so its address is not another's)?
  static bool Holds(const CacheThread& t, uint64_t hash, const Item* item) {
    return item != nullptr && t.place_.item(hash) == item;
  }
  // Look-ups in stages (cache/assoc.h), the first of which also computes the
  // hash. Settle() returns what the table has, live or not: Check() tells.
  class Locator {
   public:
    explicit Locator(const Cache& cache)
        : hash_(cache.hash_), locate_(*cache.assoc_) {}
    CUCACHE_ALWAYS_INLINE void operator()(Lookup* lookup) const {
      lookup->hash = hash_(lookup->key);
      locate_(lookup);
    }

   private:
    const KeyHash hash_;
    const Assoc::Locator locate_;
  };
  void Gather(Lookup* lookups, size_t n) const { assoc_->Gather(lookups, n); }
  Item* Settle(const Lookup& lookup) const { return assoc_->Settle(lookup); }
  // Whether an item from these is alive. (It is not kMissing.)
  Finding Check(const Item* item) const { return Check(item, clock_.now()); }
  Finding Check(const Item* item, RelTime now) const {
    CheckFlush(now);
    return CheckItem(item, now);
  }
  // The two halves of that: whether a flush has fallen due, which holds for all
  // items looked at in this moment, and the item.
  void CheckFlush(RelTime now) const {
    if (now >= flush_at_.load(std::memory_order_acquire)) FlushNow();
  }
  Finding CheckItem(const Item* item, RelTime now) const {
    if (item->generation.load(std::memory_order_relaxed) !=
        generation_.load(std::memory_order_acquire)) {
      return Finding::kFlushed;
    }
    return item->expired(now) ? Finding::kExpired : Finding::kAlive;
  }
  // Unlinks an item that Check() found dead. False: it is not in the table any
  // more, or alive after all.
  bool RemoveDead(CacheThread& t, uint64_t hash, Item* item);

  // An item with everything but its value. On kNoMemory and kTooLarge *item
  // is nullptr.
  AllocateStatus Allocate(CacheThread& t, const ItemShape& shape, Item** item);
  // Gives back an item that was never linked.
  void Free(CacheThread& t, Item* item);

  // Allocate(), fill with `value` and Update() in one, for what nearly every
  // set is: one that needs no pieces, of a key that is not there or alive.
  // nullptr: nothing was stored, it has to go the long way. The item has been
  // published. Announces no quiescent state. `new_cas`: see Update().
  // (cache/cache_at_once.h)
  Item* SetAtOnce(CacheThread& t, const ItemShape& shape, const char* value,
                  uint64_t new_cas, int* slab_class);
  // The same for what is made of `old`, which the thread Holds(). With the slot
  // locked, `inherit(item)` takes over from it what may have changed meanwhile;
  // not if nullptr is returned. `mark`: of the new item. `c` is ClassAtOnce(),
  // not 0.
  template <class Inherit>
  Item* ReplaceAtOnce(CacheThread& t, Item* old, const ItemShape& shape, int c,
                      const char* value, uint8_t mark, uint64_t new_cas,
                      Inherit&& inherit);
  // The size class of an item of so many bytes (ItemShape::Bytes()) that can be
  // stored like this; 0: it cannot.
  int ClassAtOnce(size_t bytes) const;

  // Decides about a key with its slot locked: decide(Item* old) gets the live
  // item or nullptr and returns a Decision; it may run more than once, and may
  // neither allocate, lock, nor call the cache. A replaced or removed item is
  // retired; an item that decide did not publish in the end still belongs to
  // the caller. `new_cas`: 0 for the next id of the server, otherwise what the
  // client asked for. Returns false if there was no room in the table and
  // nothing may be evicted; then nothing has changed. `allocated`: the key is
  // that of the last Allocate(), which knows where it stands.
  template <class Decide>
  [[nodiscard]] bool Update(CacheThread& t, uint64_t hash, std::string_view key,
                            Decide&& decide, uint64_t new_cas = 0,
                            bool allocated = false);

  // A fresh CAS id that is above `above` (if it can be).
  uint64_t NextCas(CacheThread& t, uint64_t above) {
    if (t.next_cas_ == t.end_cas_ || t.next_cas_ <= above) LeaseCas(t);
    return t.next_cas_++;
  }

  // To be called, with the stripe locked (in decide), by whoever gives a
  // linked item an expiry: the crawler relies on it.
  void NoteExpiry(const Item* item, RelTime exptime) {
    if (exptime != 0) {
      LowerEarliest(slabs_->page(slabs_->PageOf(item)), exptime);
    }
  }

  // Keeps an item's memory beyond the epoch; each Pin has one Unpin.
  void Pin(Item* item) { pins_.Pin(item); }
  void Unpin(CacheThread& t, Item* item);

  // Makes everything that is stored now unreachable, in O(1). May announce a
  // quiescent state, like Allocate().
  void FlushAll(CacheThread& t);
  // The same at a later moment; a new call replaces the former.
  void FlushAllAt(CacheThread& t, RelTime when);

  // Visits live items page by page until it has looked at `max_chunks` chunks;
  // true while there is more. An item that is there during the whole walk is
  // visited at least once (it may move meanwhile), but not a key that is
  // overwritten: see cache/key_walk.h. `visit` may not call the cache.
  bool Walk(WalkCursor* cursor, size_t max_chunks,
            const std::function<void(Item&)>& visit);

  // --- Administration and figures. ---
  // False: more than there is address space for.
  bool SetMemLimit(uint64_t bytes);
  // Takes a page from the items of number `src` (-1: of any; 0: from nobody,
  // but from the pool of free ones), and keeps one for the next items of number
  // `dst` (0: for whoever needs it).
  ReassignStatus ReassignPage(CacheThread& t, int src, int dst);
  // Before workers run.
  void set_restart_figures(const RestartFigures& f) { restart_figures_ = f; }
  // `hash_power_level`: that of memcached's table, which never shrinks.
  unsigned HashPower();
  void RaiseHashPower(uint64_t items, unsigned least = 0);
  // Asks for a full round of the crawler. False: one is under way.
  bool StartCrawl();
  CacheFigures figures();
  std::vector<SlabClassFigures> class_figures();
  void ResetItemStats();
  int classes() const { return numbers_.largest(); }
  // memcached's number for it.
  int SlabClass(const Item* item) const {
    return item->chunked() ? NumberOfLarge(item)
                           : number_of_class_[slabs_->ClassOf(item)];
  }
  // Which of the rows of counters is its own: that of its size class, or, for a
  // large value, one behind those of all size classes, by its number.
  int RowOf(const Item* item) const {
    return item->chunked() ? kMaxSlabClasses + NumberOfLarge(item)
                           : slabs_->ClassOf(item);
  }
  // The number whose figures a row belongs to.
  int NumberOfRow(size_t row) const {
    return row < kMaxSlabClasses ? number_of_class_[row]
                                 : static_cast<int>(row - kMaxSlabClasses);
  }
  // What the item asked for: header, flags, key, value (and, like memcached's
  // figure, not the slack of its chunk).
  size_t ItemBytes(const Item* item) const;
  // The same with the slack: what it really takes.
  size_t ChunkBytes(const Item* item) const;

  // Tests: what threads share, part by part; the rest belongs to one each.
  struct SharedPart {
    const char* name;
    const void* at;
    size_t bytes;
  };
  std::vector<SharedPart> SharedPartsForTest() const;
  // Tests: all memory that threads share and that a warm read may not write.
  std::vector<std::pair<void*, size_t>> SharedMemoryForTest() const;

  // Tests: the maintenance thread's work, until there is nothing to do.
  void MaintainForTest(CacheThread& t);

 private:
  friend class CacheThread;
  friend class Eviction;
  friend class Crawler;
  friend class KeyWalk;
  friend class RestartSaver;
  friend class RestartLoader;

  // --- Storing at once (cache_at_once.h). ---
  static Item* Fill(char* chunk, const ItemShape& shape, uint8_t state,
                    const char* value);
  char* TakeAtOnce(CacheThread& t, const ItemShape& shape, int c, Queue q);
  Item* InsertAtOnce(CacheThread& t, const ItemShape& shape, int c,
                     const char* value, uint64_t new_cas);
  struct Successor;
  Successor FillAfter(CacheThread& t, Item* old, const ItemShape& shape,
                      uint8_t state, int c, const char* value);
  template <class StateFor>
  bool PutAfter(CacheThread& t, const Assoc::Place& place,
                const Successor& next, size_t bytes, uint64_t new_cas,
                StateFor&& state_for);
  bool IsAlive(const Item* item, std::string_view key) const;
  // Up to here an item is filled before the one in its place is looked at.
  static constexpr size_t kFillFirst = 1024;

  // --- Memory (cache_memory.cc). ---
  // A value of this part of a page is a large one.
  static constexpr size_t kLargeShare = 4;
  size_t MagazineBatch(int c) const {
    return magazine_batch_[static_cast<size_t>(c)];
  }
  // How many chunks of a class stay at hand.
  size_t MagazineSize(int c) const {
    return magazine_size_[static_cast<size_t>(c)];
  }
  void SizeMagazine(int c);
  size_t PieceBytes() const { return slabs_->max_chunk() - sizeof(Piece); }
  size_t PieceCount(uint32_t value_length) const {
    return (value_length + PieceBytes() - 1) / PieceBytes();
  }
  bool TooLarge(const ItemShape& shape) const {
    return shape.PeerBytes() > settings_.item_size_max;
  }
  // Whoever stores such a value makes room for it (EvictForLarge).
  bool IsLarge(size_t bytes) const {
    return bytes >= slabs_->page_size() / kLargeShare;
  }
  int NumberOfLarge(const Item* item) const;
  int NumberFor(const ItemShape& shape) const;
  size_t ChunksFor(const ItemShape& shape, size_t* bytes) const;
  Queue QueueForNew(CacheThread& t, const ItemShape& shape, uint8_t* mark,
                    size_t* replaced);
  // As Allocate() of an item that was in this queue; nullptr if it is refused.
  Item* AllocateSaved(CacheThread& t, const ItemShape& shape, Queue q);
  struct Wait;
  void BeginWait(CacheThread& t, Wait* wait);
  void EndWait(CacheThread& t, const Wait& wait, bool success);
  bool MayWait(CacheThread& t, Wait* wait) const;
  char* Refill(CacheThread& t, int c, size_t bytes, Queue q, size_t leave);
  char* TakeOrEvict(CacheThread& t, size_t bytes, Queue q, size_t leave,
                    Wait* wait);
  char* MakeRoom(CacheThread& t, int c, Queue q, Wait* wait);
  char* TakeLast(CacheThread& t, int c, Queue q);
  [[nodiscard]] bool EvictAhead(CacheThread& t, size_t bytes);
  void EvictForLarge(CacheThread& t, const Item* item, size_t bytes);
  // `take(bytes)` gives a chunk or nullptr.
  template <class Take>
  Item* AllocateWith(CacheThread& t, const ItemShape& shape, Take&& take);
  template <class Take>
  bool AddPieces(Item* item, Take&& take);
  size_t LowPages() const;
  size_t HighPages() const {
    return high_pages_.load(std::memory_order_relaxed);
  }
  // What nobody would miss: as much again as the reserve comes and goes.
  size_t PoolPages() const;
  void FitPageLimit();
  void FitReserve();
  // The pages that the next allocation may not open.
  size_t PagesToLeave(const ItemShape& shape) {
    return kept_bytes_.load(std::memory_order_relaxed) == 0 ? HighPages() / 2
                                                            : UseKept(shape);
  }
  size_t UseKept(const ItemShape& shape);
  size_t KeptPages() const;
  void KeepPage(int number);
  int DrainFor(CacheThread& t, int src, int dst);
  void DropKept();
  void AddKept(SlabClassFigures* row) const;
  uint64_t LargestOf(int number) const;
  uint64_t BytesNow() const;
  uint64_t Malloced();
  void NotePeak();

  // --- Linking (cache.cc). ---
  void LeaseCas(CacheThread& t);
  void Prepare(CacheThread& t, Item* item, uint8_t state, const Item* old,
               bool alive, uint64_t new_cas);
  void Unprepare(Item* item) {
    item->state.fetch_and(static_cast<uint8_t>(~Item::kLinked),
                          std::memory_order_relaxed);
  }
  void Linked(CacheThread& t, Item* item);
  void CountLinked(CacheThread& t, const Item* item);
  void Unlinked(CacheThread& t, Item* item);
  // `row` and `old_row` are those of their pages.
  void Replaced(CacheThread& t, Item* item, uint16_t row, Item* old,
                uint16_t old_row);
  // The key's item, maybe dead, with its place in t.place_.
  Item* Locate(CacheThread& t, uint64_t hash, std::string_view key,
               bool allocated);
  template <class Decide>
  struct Updating;
  void CountDead(CacheThread& t, const Item* item);
  // Takes kLinked from an item that is out of the table. Release: a walk that
  // finds it unlinked finds out where it went (last_move).
  static void ClearLinked(Item* item) {
    item->state.fetch_and(static_cast<uint8_t>(~Item::kLinked),
                          std::memory_order_release);
  }
  // What Linked(new) and Unlinked(old) come to where one takes as much of the
  // same memory as the other: as many items and bytes as before.
  CUCACHE_ALWAYS_INLINE static void ReplacedLike(CacheThread& t, uint16_t row,
                                                 Item* old) {
    ClearLinked(old);
    (*t.counters_)[row].stored.Add();
    t.Retire(old);
  }
  void LogEviction(CacheThread& t, const Item& item, RelTime idle);
  bool EvictForSlot(CacheThread& t, uint64_t hash);
  template <class F>
  void WithGeneration(CacheThread& t, F&& f) EXCLUDES(flush_lock_);
  void FlushNow() const;
  void BeginGeneration() const REQUIRES(flush_lock_);
  void CrawlAfterFlush();
  static void LowerEarliest(Page& page, RelTime at);

  // --- For eviction. ---
  bool Evict(CacheThread& t, uint64_t hash, Item* item);
  // A copy in main, from the reserve, or in free chunks of the queue it is in
  // and at most `*pages` new pages, which are subtracted. nullptr: no room.
  Item* CopyToMain(CacheThread& t, const Item& item);
  Item* CopyAside(CacheThread& t, const Item& item, int* pages);
  template <class Take>
  Item* CopyWith(CacheThread& t, const Item& item, Take&& take);
  void NoteMove(const Item* copy);
  // Puts the copy in the item's place. It loses `price` of its marks.
  bool ReplaceMoved(CacheThread& t, uint64_t hash, Item* item, Item* copy,
                    uint8_t price);

  // --- Threads. ---
  void AddThread(CacheThread* t);
  void RemoveThread(CacheThread* t);
  template <class F>
  void ForEachThread(F&& f) {
    MutexLock lock(threads_lock_);
    for (CacheThread* t : threads_) f(*t);
  }

  // --- Maintenance (cache_maintenance.cc). ---
  void MaintenanceLoop();
  void Crawl(CacheThread& t);
  bool CompactAhead(CacheThread& t);
  void Compact(CacheThread& t);
  void FitGhost();
  bool MaintainTable(CacheThread& t);
  bool MaintenanceStep(CacheThread& t);
  void Wake();
  bool NextPass(WalkCursor* cursor);
  void ReleaseMemory(RelTime now);
  void CollectAll();
  void CollectOrphans() REQUIRES(threads_lock_);

  Settings& settings_;
  Clock& clock_;
  EventLog events_{settings_.worker_logbuf_size};
  KeyHash hash_;
  EpochDomain epochs_;
  Pins pins_;
  std::unique_ptr<Assoc> assoc_;
  std::unique_ptr<Slabs> slabs_;
  std::unique_ptr<Eviction> eviction_;
  std::unique_ptr<class Crawler> crawler_;
  std::array<uint8_t, kMaxSlabClasses> magazine_batch_{}, magazine_size_{};
  size_t at_once_bytes_;  // items of fewer are neither large nor too large
  const ClassNumbers numbers_;
  std::array<uint8_t, kMaxSlabClasses> number_of_class_{};
  RestartFigures restart_figures_;
  ThreadStats maintenance_stats_;

  // Read by everyone on every request; written by flush_all.
  alignas(64) mutable std::atomic<uint8_t> generation_{1};
  mutable std::atomic<RelTime> flush_at_{~RelTime{0}};
  // memcached's first id is 2.
  alignas(64) std::atomic<uint64_t> next_cas_block_{2};
  std::atomic<uint64_t> table_bytes_{0};
  // K1: bytes, and their sum.
  std::array<std::atomic<uint64_t>, ClassNumbers::kLimit> kept_for_{};
  std::atomic<uint64_t> kept_bytes_{0};
  std::atomic<size_t> high_pages_{8};
  // There was a value in pieces.
  std::atomic<bool> has_large_{false};
  // A large value that comes finds no memory that is not somebody's.
  std::atomic<bool> full_{false};
  std::atomic<uint64_t> peak_bytes_{0};
  std::atomic<unsigned> hash_power_{0};
  std::atomic<uint64_t> slabs_moved_{0};
  // CPU time; written by the maintenance thread only.
  std::atomic<uint64_t> crawler_ns_{0};
  std::atomic<uint64_t> moves_{0};  // of items between pages

  mutable Mutex flush_lock_;
  mutable std::atomic<bool> clear_ghost_{false};
  // When the crawler goes for what a flush left behind.
  mutable std::atomic<RelTime> flush_crawl_at_{~RelTime{0}};

  Mutex threads_lock_;
  std::vector<CacheThread*> threads_ GUARDED_BY(threads_lock_);
  // Sums of threads that are gone; none: null.
  std::unique_ptr<struct ItemSums> gone_ GUARDED_BY(threads_lock_);
  // What the limbo of those threads held.
  std::deque<Limbo::Rest> orphans_ GUARDED_BY(threads_lock_);
  void SumItems(struct ItemSums* sums) EXCLUDES(threads_lock_);
  std::unique_ptr<struct ItemSums> SumsSinceReset();
  using FreeChunks = std::array<uint64_t, kMaxSlabClasses>;
  void CountFreeChunks(FreeChunks* chunks) EXCLUDES(threads_lock_);
  void AddRow(size_t row, const struct ItemSums& sums, const FreeChunks& free,
              SlabClassFigures* figures) const;
  // What `stats reset` subtracts; null before the first.
  Mutex baseline_lock_;
  std::unique_ptr<struct ItemSums> baseline_ GUARDED_BY(baseline_lock_);

  Mutex wake_lock_;
  std::condition_variable_any wake_;
  std::atomic<bool> asleep_{false};
  bool stop_ GUARDED_BY(wake_lock_) = false;
  std::thread maintenance_;
  // Retired items wait for a grace period. Written by whoever collected last.
  std::atomic<bool> limbo_waits_{false};
  // Of the maintenance thread only.
  RelTime last_second_ = 0, last_release_ = 0;
  size_t to_release_ = 0;  // pages, until the next look
  std::chrono::steady_clock::time_point last_fit_{}, next_crawl_{},
      next_compaction_{};
  bool crawling_ = false;  // it has more to do in this pass
  bool compacting_ = false;
};

// With the stripe locked, before `item` is published in the place of `old`,
// which was found `alive` or is not asked for. `state`: of the item, which is
// not linked, so that nobody else writes it.
CUCACHE_ALWAYS_INLINE void Cache::Prepare(CacheThread& t, Item* item,
                                          uint8_t state, const Item* old,
                                          bool alive, uint64_t new_cas) {
  const uint64_t above =
      old == nullptr ? 0 : old->cas.load(std::memory_order_relaxed);
  item->cas.store(new_cas != 0 ? new_cas : NextCas(t, above),
                  std::memory_order_relaxed);
  const RelTime now = clock_.now();
  // A flush that came after the old item was found alive is one for the new
  // item as well: what was made of a flushed value may not outlive the flush.
  uint8_t generation;
  if (alive) {
    generation = old->generation.load(std::memory_order_relaxed);
  } else {
    CheckFlush(now);  // what is stored from its moment on, it spares
    generation = generation_.load(std::memory_order_acquire);
  }
  item->generation.store(generation, std::memory_order_relaxed);
  item->last_access.store(now, std::memory_order_relaxed);
  // Release: a walk that sees the bit sees the item.
  item->state.store(static_cast<uint8_t>(state | Item::kLinked),
                    std::memory_order_release);
  NoteExpiry(item, item->exptime.load(std::memory_order_relaxed));
}

CUCACHE_ALWAYS_INLINE void Cache::Replaced(CacheThread& t, Item* item,
                                           uint16_t row, Item* old,
                                           uint16_t old_row) {
  constexpr uint8_t kSized = Item::kHasFlags | Item::kChunked;
  const uint8_t old_state = old->state.load(std::memory_order_relaxed);
  const uint8_t state = item->state.load(std::memory_order_relaxed);
  if (row == old_row && ((state ^ old_state) & kSized) == 0 &&
      item->value_length == old->value_length &&
      (old_state & Item::kChunked) == 0) [[likely]] {
    return ReplacedLike(t, row, old);
  }
  Linked(t, item);
  Unlinked(t, old);
}

// What one Update() does, with the stripes locked and after that.
template <class Decide>
struct Cache::Updating {
  Cache& cache;
  CacheThread& t;
  Decide& decide;
  uint64_t new_cas;
  Item* added = nullptr;
  Item* removed = nullptr;
  bool was_dead = false;

  Decision operator()(Item* old) {
    if (added != nullptr) cache.Unprepare(added);
    added = removed = nullptr;
    was_dead = old != nullptr && cache.Check(old) != Finding::kAlive;
    Decision d = decide(was_dead ? nullptr : old);
    if (d.action == Action::kReplace) {
      cache.Prepare(t, d.item, d.item->state.load(std::memory_order_relaxed),
                    old, old != nullptr && !was_dead, new_cas);
      added = d.item;
      removed = old;
    } else if (old != nullptr && (was_dead || d.action == Action::kRemove)) {
      d.action = Action::kRemove;
      removed = old;
    } else {
      d.action = Action::kKeep;
    }
    return d;
  }
  void Finish() {
    if (removed != nullptr && was_dead) cache.CountDead(t, removed);
    if (added != nullptr && removed != nullptr) {
      cache.Replaced(t, added, cache.slabs_->RowOf(added), removed,
                     cache.slabs_->RowOf(removed));
    } else if (added != nullptr) {
      cache.Linked(t, added);
    } else if (removed != nullptr) {
      cache.Unlinked(t, removed);
    }
  }
};

inline Item* Cache::Locate(CacheThread& t, uint64_t hash, std::string_view key,
                           bool allocated) {
  // Readable: since it was located no quiescent state was announced.
  Item* const known = t.place_.item(hash);
  if (known != nullptr && (allocated || Assoc::SameKey(known, key))) {
    return known;
  }
  if (t.place_.missed(hash)) return nullptr;
  return assoc_->Locate(hash, key, &t.place_);
}

template <class Decide>
bool Cache::Update(CacheThread& t, uint64_t hash, std::string_view key,
                   Decide&& decide, uint64_t new_cas, bool allocated) {
  Updating<std::remove_reference_t<Decide>> updating{*this, t, decide, new_cas};
  (void)Locate(t, hash, key, allocated);
  if (t.place_.known() && assoc_->UpdateAt(t.place_, updating)) [[likely]] {
    t.place_.Forget();
    updating.Finish();
    return true;
  }
  t.place_.Forget();
  while (assoc_->Update(hash, key, updating, true) != Assoc::Outcome::kDone) {
    if (updating.added != nullptr) Unprepare(updating.added);
    updating.added = nullptr;
    if (!EvictForSlot(t, hash)) return false;
  }
  updating.Finish();
  return true;
}

}  // namespace cucache

#endif  // CUCACHE_CACHE_CACHE_H_
