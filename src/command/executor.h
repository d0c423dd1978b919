// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What each command does to the cache, once, for all protocols. (Counterpart:
// the second halves of process_*_command, do_store_item, do_add_delta.)
//
// Thread safety: one Executor per worker; only its thread calls it, while its
// CacheThread is on line. Many Executors work on one Cache at the same time.
//
// Ownership: an item from Reserve() belongs to the caller until it is given to
// Store() or Discard(). A Result's item belongs to the cache and is valid until
// the thread's next quiescent state. Reserve, Arithmetic, Delete with
// kDropValue, Fetch with kVivify, and Store with append or prepend allocate,
// and so may announce one (see cache/cache.h): the caller holds no item of an
// earlier Result when it calls them.
//
// How commands that run at the same time are kept apart. Everything that
// decides and changes does so inside Cache::Update(), with the key's slot
// locked; what was looked up before that is only a guess, and is compared
// again inside (J1). What an item inherits from the one it replaces (expiry,
// stale bit, who won) is copied inside as well, and touch changes an expiry
// only there, so that no update of it is lost (J2). The exception is the win
// bit, which plain readers set without the lock: whoever sets it first by
// fetch_or has won, and what replaces the item without ending its staleness
// takes the bit in the same way before it is published, so that exactly one
// wins (J3).

#ifndef CUCACHE_COMMAND_EXECUTOR_H_
#define CUCACHE_COMMAND_EXECUTOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/settings.h"
#include "base/stats.h"
#include "cache/cache.h"
#include "cache/cache_thread.h"
#include "command/authenticator.h"
#include "command/buffer_account.h"
#include "command/dump.h"
#include "command/request.h"
#include "command/server_control.h"

namespace cucache {

// What `me` tells about an item.
struct ItemFacts {
  const Item* item = nullptr;
  int64_t ttl = -1;  // seconds; -1: never expires
  RelTime idle = 0;  // seconds since the last access that was noted
  uint64_t cas = 0;
  bool fetched = false;
  int slab_class = 0;
  size_t size = 0;  // bytes that it needs, header and all
};

class Executor {
 public:
  Executor(Cache& cache, CacheThread& thread, Settings& settings,
           ServerControl& control);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  Cache& cache() { return cache_; }
  CacheThread& thread() { return thread_; }
  ThreadStats& stats() { return stats_; }
  Settings& settings() { return settings_; }
  ServerControl& control() { return control_; }
  LoginPace& login_pace() { return login_pace_; }
  // Has append or prepend copied so much that others should have a turn? Begins
  // to count again when it has.
  bool CopiedMuch() {
    if (copied_ < kCopyInTurn) [[likely]]
      return false;
    copied_ = 0;
    return true;
  }
  // nullptr where nobody counts.
  BufferAccount* buffers() { return buffers_; }
  void set_buffers(BufferAccount* buffers) { buffers_ = buffers; }
  const Clock& clock() const { return clock_; }

  // For a Request's `hash`, when more than one of the calls below gets it.
  uint64_t Hash(std::string_view key) const { return cache_.Hash(key); }

  // --- Look-ups. Staged, so that many are under way at once (cache/assoc.h):
  // a Locator for each key, Gather up to kLookupGroup of them, then Settle and
  // Fetch, or Get, one after another, in order. A request with kVivify goes
  // alone. The Locator fills `hash`.
  Cache::Locator Locator() const { return Cache::Locator(cache_); }
  void Gather(Lookup* lookups, size_t n) const { cache_.Gather(lookups, n); }
  Item* Settle(const Lookup& lookup) const { return cache_.Settle(lookup); }
  // `found` is what Settle found for it (may be dead or nullptr). A hit that
  // changes nothing (the mark is saturated) writes no shared memory.
  void Fetch(const Request& request, Item* found, Result* result);
  // What the answers to one batch have in common: read once, counted once.
  class Batch {
   public:
    explicit Batch(Executor& executor)
        : executor_(executor),
          now_(executor.clock_.now()),
          observed_(executor.detail() || executor.Watched(kWatchFetchers)) {
      executor.cache_.CheckFlush(now_);
    }
    ~Batch() {
      executor_.stats_.get_cmds.Add(hits_ + misses_);
      executor_.stats_.get_hits.Add(hits_);
      if (misses_ != 0) executor_.stats_.get_misses.Add(misses_);
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    friend class Executor;
    Executor& executor_;
    const RelTime now_;
    const bool observed_;
    uint64_t hits_ = 0, misses_ = 0;
  };
  // get, gets, and the binary ones without an expiry: Fetch for requests
  // without options whose answer needs nothing but the item. Returns what is
  // answered, nullptr on a miss.
  CUCACHE_ALWAYS_INLINE Item* Get(const Lookup& lookup, Batch* batch) {
    Item* const item = cache_.Settle(lookup);
    if (!IsPlainHit(item, *batch)) {
      if (item != nullptr || batch->observed_) return GetObserved(lookup, item);
      ++batch->misses_;
      return nullptr;
    }
    CountHit(item, batch);
    return item;
  }
  // mg with flags that only say what is shown: Fetch for requests without
  // options. `found` is what Settle found.
  CUCACHE_ALWAYS_INLINE void Show(const Lookup& lookup, Item* found,
                                  Batch* batch, Result* result) {
    if (!IsPlainHit(found, *batch) ||
        !DescribePlain(found, batch->now_, result)) {
      return ShowObserved(lookup, found, result);
    }
    CountHit(found, batch);
  }
  // The same where nothing but the value is shown. False: nothing was done, it
  // has to be Show.
  [[nodiscard]] CUCACHE_ALWAYS_INLINE bool ShowValue(Item* found,
                                                     Batch* batch) {
    if (!IsPlainHit(found, *batch) || IsMarked(found)) return false;
    CountHit(found, batch);
    return true;
  }
  void Touch(const Request& request, Result* result);
  // me. Returns false on a miss. Marks nothing.
  [[nodiscard]] bool Inspect(const Request& request, ItemFacts* facts);

  // --- Stores: Reserve an item, receive request.value_length bytes into it
  // (cache/value.h), then Store, which takes the item in any case. Discard if
  // the value never came whole.
  // Reserve returns kStored, or why not (kTooLarge, kNoMemory); then, as in
  // memcached, the key's old item is gone for a plain set.
  // Store does not look at request.key: the buffer it stood in may be gone.
  Status Reserve(const Request& request, Item** item);
  void Store(const Request& request, Item* item, Result* result);
  void Discard(Item* item);
  // Reserve, copy and Store in one, of a plain set whose value is all there,
  // for the usual case. nullptr: nothing was stored, it has to go the long way.
  // The request has its hash.
  Item* SetAtOnce(const Request& request, const char* value);

  // delete, md.
  void Delete(const Request& request, Result* result);
  // incr, decr, ma. With kVivify creates `initial`.
  void Arithmetic(const Request& request, Result* result);

  // What an administrator's command (command/admin.h) wants to send in many
  // pieces; nullptr if there is none.
  std::unique_ptr<DumpStream> TakeDump() { return std::move(dump_); }
  void set_dump(std::unique_ptr<DumpStream> dump) { dump_ = std::move(dump); }
  // What the last `watch` asked for (base/event_log.h). Its place among the
  // watchers is reserved; whoever does not use it gives it back.
  uint32_t watch_kinds() const { return watch_kinds_; }
  void set_watch_kinds(uint32_t kinds) { watch_kinds_ = kinds; }
  void RefuseWatch() { cache_.events().ReleaseWatcher(); }

 private:
  using ClassCounters = ClassCountersOf<Counter>;

  uint64_t HashOf(const Request& request) const {
    return request.hash != 0 ? request.hash : cache_.Hash(request.key);
  }
  ClassCounters& ClassRow(const Item* item) {
    return stats_.slab[static_cast<size_t>(cache_.RowOf(item))];
  }
  // A counter that exists in total and per slab class.
  void Count(Counter ThreadCountersOf<Counter>::*total,
             Counter ClassCounters::*row, const Item* item) {
    (stats_.*total).Add();
    (ClassRow(item).*row).Add();
  }
  bool detail() const { return settings_.detail_enabled; }
  // With the slot locked only (J2); the crawler has to know.
  void SetExpiry(Item* item, RelTime exptime) {
    item->exptime.store(exptime, std::memory_order_relaxed);
    cache_.NoteExpiry(item, exptime);
  }

  // events.cc
  struct StoreFacts {
    uint8_t slab_class = 0;
    RelTime exptime = 0;
    uint32_t size = 0;
  };
  bool Watched(uint32_t kinds) const { return thread_.events().Wants(kinds); }
  void WriteGet(std::string_view key, const Item* item, Finding why);
  void WriteStore(const Request& request, std::string_view key,
                  const StoreFacts& facts, Status status);
  StoreFacts FactsOf(const Item& item) const;
  // What another command than a store has linked, told as if `mode` had.
  void WriteLinked(StoreMode mode, const Item& item);
  void WriteDeleted(const Request& request, const Item& item);
  void StoreWatched(const Request& request, uint64_t hash, Item* item,
                    Result* result);

  // fetch.cc
  // Get, with everything that is rare.
  Item* GetObserved(const Lookup& lookup, Item* found);
  void ShowObserved(const Lookup& lookup, Item* found, Result* result);
  CUCACHE_ALWAYS_INLINE bool IsPlainHit(const Item* item,
                                        const Batch& batch) const {
    return item != nullptr && !batch.observed_ &&
           cache_.CheckItem(item, batch.now_) == Finding::kAlive;
  }
  static bool IsMarked(const Item* item) {
    return item->HasState(Item::kStale | Item::kWinSent);
  }
  // What the client is told about a hit; false if the item is marked.
  static bool DescribePlain(Item* item, RelTime now, Result* result) {
    // In this order, as in Describe.
    result->cas = item->cas.load(std::memory_order_acquire);
    if (IsMarked(item)) return false;
    result->status = Status::kHit;
    result->item = item;
    result->was_fetched = item->fetched();
    result->idle = item->idle(now);
    result->value_length = item->value_length;
    result->exptime_before = item->exptime.load(std::memory_order_relaxed);
    return true;
  }
  void CountHit(Item* item, Batch* batch) {
    item->Touch(batch->now_);
    ++batch->hits_;
    ClassRow(item).get_hits.Add();
  }
  void CountMiss(const Request& request, Finding why);
  void Describe(const Request& request, Item* item, Result* result);
  void Win(uint64_t hash, std::string_view key, Item* item, Result* result);
  Item* TouchLocked(const Request& request, uint64_t hash, Result* result);
  Item* Vivify(const Request& request, uint64_t hash, bool* created);

  // store.cc
  void StoreNow(const Request& request, uint64_t hash, Item* item,
                Result* result);
  void LinkAlways(const Request& request, uint64_t hash, Item* item,
                  Result* result);
  void Link(const Request& request, uint64_t hash, Item* item, Result* result);
  void Join(const Request& request, uint64_t hash, Item* item, Result* result);
  AllocateStatus MakeJoined(const Request& request, uint64_t hash, Item* old,
                            Item* added, Item** joined);
  void CountCompare(Status status, const Item* old);

  // remove.cc
  void Invalidate(const Request& request, uint64_t hash, Result* result);
  void DropValue(const Request& request, uint64_t hash, Result* result);
  void CountDelete(const Request& request, Status status, Result* result);
  bool Remove(uint64_t hash, std::string_view key);

  // delta.cc
  struct Sum;
  bool ReplaceSum(const Request& request, uint64_t hash, Item* found,
                  const Sum& sum, Result* result);
  void Counted(const Request& request, const Sum& sum, Item* item,
               Result* result);

  // Some hundred microseconds.
  static constexpr size_t kCopyInTurn = 1 << 20;

  Cache& cache_;
  CacheThread& thread_;
  ThreadStats& stats_;
  Settings& settings_;
  ServerControl& control_;
  LoginPace login_pace_;
  size_t copied_ = 0;  // bytes, by MakeJoined
  BufferAccount* buffers_ = nullptr;
  const Clock& clock_;
  std::unique_ptr<DumpStream> dump_;
  uint32_t watch_kinds_ = 0;
};

// For a call that waits for others, or computes for long: meanwhile this thread
// holds up nobody's memory. The caller holds no item, and uses neither the
// cache nor the output until it is over.
class OffLine {
 public:
  explicit OffLine(Executor& executor) : thread_(executor.thread()) {
    thread_.Offline();
  }
  ~OffLine() { thread_.Online(); }
  OffLine(const OffLine&) = delete;
  OffLine& operator=(const OffLine&) = delete;

 private:
  CacheThread& thread_;
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_EXECUTOR_H_
