// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Memory for items: allocation, eviction ahead of need, the limit.

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>

#include "cache/cache.h"
#include "cache/crawler.h"
#include "cache/value.h"

namespace cucache {

namespace {

using std::chrono::steady_clock;

// How long an allocation, of however many chunks, waits for others to pass a
// quiescent state before it says "out of memory". It comes to this only when a
// reader is stalled, since eviction works ahead; or when there is nothing to
// evict, because unfinished values hold the memory. Then the other connections
// of the worker must not wait for each of them: a refusal halves the patience
// with the next, a success doubles it, and it is back after ten seconds without
// refusals.
constexpr auto kMaxGraceWait = std::chrono::milliseconds(500);
constexpr auto kMinGraceWait = std::chrono::milliseconds(1);
constexpr auto kPatienceReturns = std::chrono::seconds(10);
// As long as no other has been refused an allocation goes on for so long while
// grace periods pass: others were quicker to take what became free.
constexpr auto kMaxWait = std::chrono::seconds(2);
// With -M: for chunks that others are about to give back.
constexpr auto kNoEvictionWait = std::chrono::milliseconds(5);
// However little time there is: to stamp what others have retired, and to let
// the epoch move on twice.
constexpr int kLeastRounds = 4;
// Waited in vain this long, allocations drain more.
constexpr auto kDrainMore = std::chrono::milliseconds(10);
constexpr size_t kMinPages = 16;
constexpr size_t kMinPagesForTest = 2;
constexpr size_t kMinReserve = 8;
// `slabs reassign` keeps at most this part of the pages.
constexpr uint64_t kKeptShare = 4;

}  // namespace

// --- The limit. ---

void Cache::FitPageLimit() {
  const uint64_t maxbytes = settings_.maxbytes.load();
  uint64_t other =
      table_bytes_.load(std::memory_order_relaxed) + settings_.debug_malloced;
  if (eviction_ != nullptr) other += eviction_->ghost_bytes();
  const uint64_t left = maxbytes > other ? maxbytes - other : 0;
  const size_t least =
      settings_.debug_malloced != 0 ? kMinPagesForTest : kMinPages;
  slabs_->set_page_limit(std::max<size_t>(least, left / slabs_->page_size()));
  FitReserve();
}

// 1 %, and in a small memory room for half of the largest item, or a sixth.
void Cache::FitReserve() {
  const uint64_t page = slabs_->page_size();
  const uint64_t large = std::min<uint64_t>(settings_.item_size_max / 2,
                                            settings_.maxbytes.load() / 6);
  const size_t pages =
      std::max<size_t>({kMinReserve, slabs_->page_limit() / 100, large / page});
  high_pages_.store(pages + KeptPages(), std::memory_order_relaxed);
}

size_t Cache::PoolPages() const {
  const size_t free = slabs_->free_pages(), kept = 2 * HighPages();
  return free > kept ? free - kept : 0;
}

// --- What `slabs reassign` gave to a class. ---

size_t Cache::KeptPages() const {
  const uint64_t page = slabs_->page_size();
  return (kept_bytes_.load(std::memory_order_relaxed) + page - 1) / page;
}

void Cache::KeepPage(int number) {
  const uint64_t page = slabs_->page_size();
  const uint64_t most = slabs_->page_limit() * page / kKeptShare;
  if (kept_bytes_.load(std::memory_order_relaxed) + page > most) return;
  // In this order: the sum is never below what UseKept() may take from it.
  kept_bytes_.fetch_add(page);
  kept_for_[static_cast<size_t>(number)].fetch_add(page);
  FitReserve();
}

void Cache::DropKept() {
  for (auto& kept : kept_for_) kept_bytes_.fetch_sub(kept.exchange(0));
  FitReserve();
}

// K1. An allocation of this shape uses up what is kept for its number.
size_t Cache::UseKept(const ItemShape& shape) {
  auto& kept = kept_for_[static_cast<size_t>(NumberFor(shape))];
  const uint64_t bytes = shape.Bytes();
  const size_t others = HighPages() / 2;
  uint64_t have = kept.load(std::memory_order_relaxed);
  while (have != 0) {
    const uint64_t used = std::min(have, bytes);
    if (!kept.compare_exchange_weak(have, have - used)) continue;
    kept_bytes_.fetch_sub(used);
    FitReserve();
    return 0;
  }
  return std::max(others, KeptPages());
}

bool Cache::SetMemLimit(uint64_t bytes) {
  if (bytes > uint64_t{slabs_->page_size()} * slabs_->arena_pages()) {
    return false;
  }
  if (bytes < settings_.maxbytes.load()) slabs_->StopHugePages();
  settings_.maxbytes = bytes;
  DropKept();
  FitPageLimit();
  peak_bytes_.store(0, std::memory_order_relaxed);
  Wake();
  return true;
}

size_t Cache::LowPages() const { return HighPages() * 3 / 4; }

// --- Allocation. ---

// The waiting of one allocation; it begins when it has to wait at all.
struct Cache::Wait {
  bool begun = false;
  steady_clock::time_point start, deadline, latest;
  uint64_t epoch = 0;
};

int Cache::NumberFor(const ItemShape& shape) const {
  const size_t bytes = shape.Bytes();
  return bytes > slabs_->max_chunk()
             ? numbers_.For(shape.PeerBytes())
             : number_of_class_[static_cast<size_t>(slabs_->ClassFor(bytes))];
}

int Cache::NumberOfLarge(const Item* item) const {
  return numbers_.For(item->prefix_size() - sizeof(Item) + kPeerOverhead +
                      uint64_t{item->value_length});
}

// How many chunks an item of this shape takes, and their bytes.
size_t Cache::ChunksFor(const ItemShape& shape, size_t* bytes) const {
  const auto chunk = [this](size_t size) -> size_t {
    return slabs_->chunk_size(slabs_->ClassFor(size));
  };
  const size_t prefix = shape.PrefixBytes(), value = shape.value_length;
  if (prefix + value <= slabs_->max_chunk()) {
    *bytes = chunk(prefix + value);
    return 1;
  }
  const size_t n = PieceCount(shape.value_length);
  *bytes = chunk(prefix + n * sizeof(Piece*)) +
           (n - 1) * chunk(sizeof(Piece) + PieceBytes()) +
           chunk(sizeof(Piece) + value - (n - 1) * PieceBytes());
  return 1 + n;
}

Queue Cache::QueueForNew(CacheThread& t, const ItemShape& shape, uint8_t* mark,
                         size_t* replaced) {
  const Item* old = Locate(t, shape.hash, shape.key, false);
  if (old == nullptr || Check(old) != Finding::kAlive) {
    size_t bytes = 0;
    const size_t chunks = ChunksFor(shape, &bytes);
    return eviction_->QueueFor(shape.hash, bytes, bytes / chunks,
                               &t.newcomers_);
  }
  // An overwrite is no hit, and no reason to forget the hits there were.
  *mark = old->recency();
  *replaced = ItemBytes(old);
  return slabs_->QueueOf(old);
}

AllocateStatus Cache::Allocate(CacheThread& t, const ItemShape& shape,
                               Item** item) {
  *item = nullptr;
  if (TooLarge(shape)) return AllocateStatus::kTooLarge;
  uint8_t mark = 0;
  size_t replaced = 0;
  const Queue q = QueueForNew(t, shape, &mark, &replaced);
  const size_t leave = PagesToLeave(shape);
  Wait wait;
  *item = AllocateWith(t, shape, [&](size_t bytes) {
    return TakeOrEvict(t, bytes, q, leave, &wait);
  });
  EndWait(t, wait, *item != nullptr);
  if (*item == nullptr) return AllocateStatus::kNoMemory;
  const size_t bytes = shape.Bytes();
  if (IsLarge(bytes) && bytes > replaced) {
    EvictForLarge(t, *item, bytes - replaced);
  }
  (*item)->mark.store(mark, std::memory_order_relaxed);
  return AllocateStatus::kOk;
}

Item* Cache::AllocateSaved(CacheThread& t, const ItemShape& shape, Queue q) {
  if (TooLarge(shape)) return nullptr;
  Wait wait;
  return AllocateWith(t, shape, [&](size_t bytes) {
    if (settings_.evict_to_free) {
      return TakeOrEvict(t, bytes, q, HighPages() / 2, &wait);
    }
    // With -M nothing comes back, so there is nothing to wait for; and nothing
    // leaves, so what was there when it was saved has to have room again.
    const int c = slabs_->ClassFor(bytes);
    char* const chunk = t.TakeChunk(c, q, 0);
    return chunk != nullptr ? chunk : TakeLast(t, c, q);
  });
}

template <class Take>
Item* Cache::AllocateWith(CacheThread& t, const ItemShape& shape, Take&& take) {
  const size_t prefix = shape.PrefixBytes();
  const bool chunked = prefix + shape.value_length > slabs_->max_chunk();
  const size_t size =
      prefix + (chunked ? PieceCount(shape.value_length) * sizeof(Piece*)
                        : shape.value_length);
  if (size > slabs_->max_chunk()) return nullptr;
  char* chunk = take(size);
  if (chunk == nullptr) return nullptr;
  auto* item = reinterpret_cast<Item*>(chunk);
  item->exptime.store(shape.exptime, std::memory_order_relaxed);
  item->cas.store(0, std::memory_order_relaxed);
  item->value_length = shape.value_length;
  item->mark.store(0, std::memory_order_relaxed);
  item->key_length = static_cast<uint8_t>(shape.key.size());
  // Not linked, so that walks pass it by.
  item->state.store(
      static_cast<uint8_t>(shape.State() | (chunked ? Item::kChunked : 0)),
      std::memory_order_relaxed);
  if (shape.flags != 0) {
    std::memcpy(static_cast<void*>(item + 1), &shape.flags,
                sizeof(shape.flags));
  }
  std::memcpy(const_cast<char*>(item->key_data()), shape.key.data(),
              shape.key.size());
  if (chunked && !AddPieces(item, take)) {
    // Only the head is left.
    item->state.store(0, std::memory_order_relaxed);
    t.FreeOwned(item);
    return nullptr;
  }
  return item;
}

template <class Take>
bool Cache::AddPieces(Item* item, Take&& take) {
  if (!has_large_.load(std::memory_order_relaxed)) has_large_ = true;
  size_t left = item->value_length;
  const size_t n = PieceCount(item->value_length);
  for (size_t i = 0; i < n; ++i) {
    const size_t length = std::min(left, PieceBytes());
    char* chunk = take(sizeof(Piece) + length);
    if (chunk == nullptr) {
      // Given back one by one, because they are no item yet.
      for (size_t k = 0; k < i; ++k) {
        char* piece = reinterpret_cast<char*>(item->piece(k));
        slabs_->Give(&piece, 1);
      }
      return false;
    }
    auto* piece = reinterpret_cast<Piece*>(chunk);
    piece->owner.store(item, std::memory_order_relaxed);
    piece->length = static_cast<uint32_t>(length);
    piece->state.store(Item::kPiece, std::memory_order_release);
    std::memcpy(item->mutable_data() + i * sizeof(piece), &piece,
                sizeof(piece));
    left -= length;
  }
  return true;
}

void Cache::Free(CacheThread& t, Item* item) {
  // With a CAS id it was about to be linked once, and a walk may have seen it.
  if (item->cas.load(std::memory_order_relaxed) != 0) {
    t.Retire(item);
  } else {
    t.GiveBack(item);
  }
}

char* Cache::TakeOrEvict(CacheThread& t, size_t bytes, Queue q, size_t leave,
                         Wait* wait) {
  const int c = slabs_->ClassFor(bytes);
  char* chunk = t.TakeAtHand(PageRow(c, q));
  if (chunk == nullptr) chunk = Refill(t, c, bytes, q, leave);
  return chunk != nullptr ? chunk : MakeRoom(t, c, q, wait);
}

// A chunk from the pages of a class. Only here memory gets less: what is at
// hand has been paid for, with all those that came in the same batch.
char* Cache::Refill(CacheThread& t, int c, size_t bytes, Queue q,
                    size_t leave) {
  char* const chunk = t.TakeChunk(c, q, leave);
  if (slabs_->free_pages() < HighPages() &&
      EvictAhead(t, bytes * MagazineBatch(c))) {
    (*t.counters_)[PageRow(c, q)].direct_reclaims.Add();
  }
  return chunk;
}

// Eviction keeps a reserve of pages, so that nobody waits for a grace period.
// It is the maintenance thread's work, which is woken when an eighth of the
// reserve is gone, because to wake it costs as much as some ten sets; below
// three quarters everyone who allocates drains twice as much as it takes.
// Returns whether the caller has drained.
bool Cache::EvictAhead(CacheThread& t, size_t bytes) {
  if (!settings_.evict_to_free) return false;
  const size_t free = slabs_->free_pages(), high = HighPages();
  if (free >= high - high / 8) return false;
  if (asleep_.load(std::memory_order_relaxed)) Wake();
  if (free >= LowPages()) return false;
  t.debt_ += 2 * bytes;
  if (t.debt_ < slabs_->page_size() / 16) return false;
  eviction_->Drain(t, t.debt_);
  t.debt_ = 0;
  return true;
}

// Small items are evicted pages at a time, by whoever has the time. Whoever
// stores a large one makes room for it: then as much leaves as comes, at the
// moment at which it comes, and not several large values because of one.
// Between the two marks the memory stays full or not, so that this does not
// come and go with every page.
void Cache::EvictForLarge(CacheThread& t, const Item* item, size_t bytes) {
  if (!settings_.evict_to_free) return;
  const size_t free = slabs_->free_pages(), high = HighPages();
  const bool was = full_.load(std::memory_order_relaxed);
  const bool is = free <= high + high / 4 || (was && free <= 2 * high);
  if (is != was) full_.store(is, std::memory_order_relaxed);
  if (!is) return;
  t.Count(item).direct_reclaims.Add();
  eviction_->EvictBytes(t, bytes, 2 * high);
}

void Cache::BeginWait(CacheThread& t, Wait* wait) {
  const auto now = steady_clock::now();
  if (now - t.last_refusal_ >= kPatienceReturns) t.patience_ = kMaxGraceWait;
  wait->begun = true;
  wait->start = now;
  wait->epoch = epochs_.epoch();
  if (!settings_.evict_to_free) {
    // Nothing is on its way to all those who come after one who was refused.
    const bool first = t.patience_ == kMaxGraceWait;
    wait->deadline = wait->latest = first ? now + kNoEvictionWait : now;
    return;
  }
  wait->deadline = now + t.patience_;
  wait->latest = t.patience_ == kMaxGraceWait ? now + kMaxWait : wait->deadline;
}

void Cache::EndWait(CacheThread& t, const Wait& wait, bool success) {
  if (!wait.begun) return;
  if (success) {
    t.patience_ = std::min(kMaxGraceWait, 2 * t.patience_);
  } else {
    t.patience_ = std::max(kMinGraceWait, t.patience_ / 2);
    t.last_refusal_ = steady_clock::now();
  }
}

// True while the wait may go on.
bool Cache::MayWait(CacheThread& t, Wait* wait) const {
  const auto now = steady_clock::now();
  const uint64_t epoch = epochs_.epoch();
  if (epoch != wait->epoch) {
    wait->epoch = epoch;
    wait->deadline = std::min(wait->latest, now + t.patience_);
  }
  return now < wait->deadline;
}

char* Cache::MakeRoom(CacheThread& t, int c, Queue q, Wait* wait) {
  const bool evict = settings_.evict_to_free;
  if (!wait->begun) BeginWait(t, wait);
  for (int round = 0; round < kLeastRounds || MayWait(t, wait); ++round) {
    if (!eviction_->Drain(t, slabs_->page_size()) && evict &&
        steady_clock::now() - wait->start >= kDrainMore) {
      eviction_->DrainMore(t);
    }
    // The caller holds no item.
    t.Reclaim();
    CollectAll();
    epochs_.TryAdvance();
    char* const chunk = evict ? t.TakeChunk(c, q, 0) : TakeLast(t, c, q);
    if (chunk != nullptr) return chunk;
    t.stats().grace_waits.Add();
    if (round < 8) {
      sched_yield();
    } else {
      usleep(100);
    }
  }
  (*t.counters_)[PageRow(c, q)].outofmemory.Add();
  return nullptr;
}

// With -M, when there are no more pages: what others have at hand, and what the
// other queue has.
char* Cache::TakeLast(CacheThread& t, int c, Queue q) {
  ForEachThread([c](CacheThread& other) { other.RecallClass(c); });
  char* const chunk = t.TakeChunk(c, q, 0);
  if (chunk != nullptr) return chunk;
  return t.TakeChunk(c, q == Queue::kMain ? Queue::kProbation : Queue::kMain,
                     0);
}

// --- Moves. ---

template <class Take>
Item* Cache::CopyWith(CacheThread& t, const Item& item, Take&& take) {
  ItemShape shape;
  shape.key = item.key();
  shape.flags = item.flags();
  shape.value_length = item.value_length;
  shape.binary_key = item.HasState(Item::kBinaryKey);
  Item* copy = AllocateWith(t, shape, take);
  if (copy != nullptr) CopyValue(item, 0, copy, 0, item.value_length);
  return copy;
}

Item* Cache::CopyToMain(CacheThread& t, const Item& item) {
  return CopyWith(t, item, [&](size_t bytes) {
    return t.TakeChunk(slabs_->ClassFor(bytes), Queue::kMain, 0);
  });
}

Item* Cache::CopyAside(CacheThread& t, const Item& item, int* pages) {
  const Queue q = slabs_->QueueOf(&item);
  return CopyWith(t, item, [&](size_t bytes) {
    const int c = slabs_->ClassFor(bytes);
    char* chunk = t.TakeChunk(c, q, Slabs::kOpenNone);
    if (chunk != nullptr || *pages <= 0) return chunk;
    if (!slabs_->OpenPage(c, q, HighPages() / 2)) return chunk;
    --*pages;
    return t.TakeChunk(c, q, Slabs::kOpenNone);
  });
}

}  // namespace cucache
