// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Finding, linking, unlinking. Memory is in cache_memory.cc, the maintenance
// thread in cache_maintenance.cc, figures in cache_figures.cc.

#include "cache/cache.h"

#include <algorithm>
#include <bit>

#include "base/address_space.h"
#include "cache/crawler.h"
#include "cache/item_sums.h"

namespace cucache {

namespace {

constexpr uint64_t kCasLease = 256;
// flush_all waits for the crawler before the generations (8 bits) run out.
constexpr uint8_t kMaxGenerations = 250;
// Of the clock's seconds, the first of which has begun.
constexpr RelTime kFlushCrawlDelay = 2;
// Address space for cache_memlimit to grow into.
constexpr uint64_t kMinArena = uint64_t{16} << 30;
constexpr uint64_t kArenaFactor = 4;

// What an item takes at least, with its slots.
constexpr uint64_t kLeastItem = 64;

// The least power of two that holds so many items without growing.
uint64_t SlotsFor(uint64_t items) {
  return std::bit_ceil(items + items / 7 + 1);
}

// For as many items as memcached's table of that power holds before it grows.
uint64_t SlotsForPower(int power) {
  return power == 0 ? 1 : SlotsFor(uint64_t{3} << (power - 1));
}

// A segment is a small part of the memory, and at most one huge page.
unsigned SegmentBits(uint64_t maxbytes) {
  const uint64_t buckets =
      std::bit_floor(std::max<uint64_t>(maxbytes / 128 / 64, 1));
  return std::clamp<unsigned>(std::countr_zero(buckets), 9, 15);
}

}  // namespace

Cache::Cache(Settings& settings, Clock& clock, uint64_t expected_items)
    : settings_(settings), clock_(clock), numbers_(settings) {
  const uint64_t maxbytes = settings.maxbytes.load();
  const uint64_t arena = std::max(kMinArena, kArenaFactor * maxbytes);
  Slabs::Options slabs;
  slabs.max_bytes = maxbytes;
  slabs.arena_bytes = arena;
  slabs.page_size = settings.page_size;
  slabs.max_item_bytes = static_cast<uint64_t>(settings.item_size_max);
  slabs.huge_pages = settings.large_pages;
  slabs.spare_address_space = SpareAddressSpace(settings.num_threads);
  slabs_ = std::make_unique<Slabs>(slabs, epochs_, clock);
  for (int c = 1; c <= slabs_->classes(); ++c) {
    SizeMagazine(c);
    number_of_class_[static_cast<size_t>(c)] = static_cast<uint8_t>(
        numbers_.For(slabs_->chunk_size(c) + kPeerOverhead - sizeof(Item)));
  }

  at_once_bytes_ = std::min<size_t>(
      slabs_->page_size() / kLargeShare,
      settings.item_size_max + sizeof(Item) - kPeerOverhead + 1);

  Assoc::Options table;
  table.segment_bits = SegmentBits(maxbytes);
  const uint64_t slots_per_segment = uint64_t{8} << table.segment_bits;
  table.initial_segments =
      static_cast<unsigned>(std::bit_ceil(std::max<uint64_t>(
          1, SlotsForPower(settings.hashpower_init) / slots_per_segment)));
  table.start_segments = static_cast<unsigned>(
      SlotsFor(std::min(expected_items, maxbytes / kLeastItem)) /
      slots_per_segment);
  table.max_segments = static_cast<unsigned>(std::bit_ceil(std::max<uint64_t>(
      table.initial_segments, arena / 48 / slots_per_segment)));
  table.expand = settings.hash_expand;
  table.spare_address_space = slabs.spare_address_space;
  table.reserve = [this](size_t bytes) {
    const uint64_t now = table_bytes_.fetch_add(bytes) + bytes;
    if (assoc_ != nullptr && now > settings_.maxbytes.load() / 2) {
      table_bytes_.fetch_sub(bytes);
      return false;
    }
    FitPageLimit();
    return true;
  };
  table.release = [this](size_t bytes) {
    table_bytes_.fetch_sub(bytes);
    FitPageLimit();
  };
  table.wake = [this] { Wake(); };
  assoc_ = std::make_unique<Assoc>(hash_, table);
  eviction_ = std::make_unique<Eviction>(*this);
  slabs_->set_observer(eviction_.get());
  crawler_ = std::make_unique<Crawler>(*this);
  RaiseHashPower(std::min(expected_items, maxbytes / kLeastItem));
  FitPageLimit();
}

// Two batches, or more if they are small: what a pass of pipelined stores takes
// comes back together when its grace period is over, and is wanted again.
void Cache::SizeMagazine(int c) {
  // Magazines of all threads hold back a small part of a page.
  const uint32_t batch = std::clamp<uint32_t>(slabs_->chunks_per_page(c) / 16,
                                              1, CacheThread::kMagazine / 2);
  const size_t small = CacheThread::kMagazineBytes / slabs_->chunk_size(c);
  // Of chunks so large that a batch is one, more than one at hand in each
  // thread would hold back too much.
  const size_t size =
      batch == 1 ? 1
                 : std::min<size_t>(CacheThread::kMagazine,
                                    std::max<size_t>(2 * batch, small));
  magazine_batch_[static_cast<size_t>(c)] = static_cast<uint8_t>(batch);
  magazine_size_[static_cast<size_t>(c)] = static_cast<uint8_t>(size);
}

Cache::~Cache() {
  StopMaintenance();
  assoc_.reset();  // tells release(), which asks the others
}

// --- Threads. ---

void Cache::AddThread(CacheThread* t) {
  MutexLock lock(threads_lock_);
  threads_.push_back(t);
}

void Cache::RemoveThread(CacheThread* t) {
  MutexLock lock(threads_lock_);
  std::erase(threads_, t);
  t->LeaveTo(&orphans_);
  if (gone_ == nullptr) gone_ = std::make_unique<ItemSums>();
  gone_->Add(*t->counters_);
}

// --- Finding. ---

Item* Cache::Find(CacheThread& t, uint64_t hash, std::string_view key,
                  Finding* why) {
  for (;;) {
    Item* const item = assoc_->Find(hash, key);
    const Finding finding = item == nullptr ? Finding::kMissing : Check(item);
    if (why != nullptr) *why = finding;
    if (finding == Finding::kAlive) return item;
    // If it is gone already, something alive may stand in its place.
    if (item == nullptr || RemoveDead(t, hash, item)) return nullptr;
  }
}

Item* Cache::FindToUpdate(CacheThread& t, uint64_t hash, std::string_view key,
                          Finding* why) {
  // Always looks: a place that a command before this left behind may hold what
  // is older than what the client has seen since.
  Item* const item = assoc_->Locate(hash, key, &t.place_);
  *why = Finding::kAlive;
  if (item != nullptr && Check(item) == Finding::kAlive) return item;
  return Find(t, hash, key, why);
}

// Judged again with the slot locked: since Check() said so, a touch may have
// given it a later expiry, or a publication that was tried twice a newer
// generation.
bool Cache::RemoveDead(CacheThread& t, uint64_t hash, Item* item) {
  bool dead = false;
  const auto decide = [&](Item* old) -> Decision {
    dead = old == item && Check(item) != Finding::kAlive;
    return {dead ? Action::kRemove : Action::kKeep};
  };
  (void)assoc_->Update(hash, item->key(), decide);
  if (!dead) return false;
  CountDead(t, item);
  Unlinked(t, item);
  return true;
}

void Cache::CountDead(CacheThread& t, const Item* item) {
  ItemCounters& counters = t.Count(item);
  counters.reclaimed.Add();
  if (!item->fetched()) counters.expired_unfetched.Add();
}

// --- Linking. ---

void Cache::LeaseCas(CacheThread& t) {
  t.next_cas_ = next_cas_block_.fetch_add(kCasLease, std::memory_order_relaxed);
  t.end_cas_ = t.next_cas_ + kCasLease;
}

void Cache::LowerEarliest(Page& page, RelTime at) {
  // X1: the item is linked, or has its expiry, before this looks; the crawler
  // looks at the items after it raised the bound, with the same fence between.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  RelTime earliest = page.earliest_expiry.load(std::memory_order_relaxed);
  while (at < earliest && !page.earliest_expiry.compare_exchange_weak(
                              earliest, at, std::memory_order_acq_rel)) {
  }
}

void Cache::Linked(CacheThread& t, Item* item) {
  t.Count(item).stored.Add();
  CountLinked(t, item);
  if (item->chunked()) eviction_->Filled(*item);
}

void Cache::CountLinked(CacheThread& t, const Item* item) {
  ItemCounters& counters = t.Count(item);
  counters.linked.Add();
  counters.linked_bytes.Add(ItemBytes(item));
  // Of small ones it is known by their class.
  if (item->chunked()) counters.linked_chunk_bytes.Add(ChunkBytes(item));
}

// The item is out of the table, and this thread took it out.
void Cache::Unlinked(CacheThread& t, Item* item) {
  ClearLinked(item);
  ItemCounters& counters = t.Count(item);
  counters.unlinked.Add();
  counters.unlinked_bytes.Add(ItemBytes(item));
  if (item->chunked()) counters.unlinked_chunk_bytes.Add(ChunkBytes(item));
  t.Retire(item);
}

bool Cache::EvictForSlot(CacheThread& t, uint64_t hash) {
  if (!settings_.evict_to_free) return false;
  // nullptr: the buckets changed meanwhile; the caller tries again.
  Item* victim = assoc_->Victim(hash);
  if (victim != nullptr) Evict(t, Hash(victim->key()), victim);
  return true;
}

void Cache::Unpin(CacheThread& t, Item* item) {
  if (pins_.Unpin(item)) t.FreeOwned(item);
}

// --- flush_all. ---

// Calls f with flush_lock_ held and room for another generation: an item of
// the one that had its number 256 flushes ago would be alive again. Each call
// leads to one flush at most, now or later; one that is to come later is
// counted when it comes, so kMaxGenerations leaves room for it.
template <class F>
void Cache::WithGeneration(CacheThread& t, F&& f) {
  for (;;) {
    {
      MutexLock lock(flush_lock_);
      const auto outstanding =
          static_cast<uint8_t>(generation_.load(std::memory_order_relaxed) -
                               crawler_->oldest_generation());
      if (outstanding < kMaxGenerations) return f();
    }
    CrawlAfterFlush();
    crawler_->FinishRound(t);
  }
}

// Everything older is dead from here on. Its memory can wait for a moment, in
// which clients that miss are counted in get_flushed. When memory is short the
// crawler does not wait (MaintenanceStep), and draining meets the dead, too.
void Cache::BeginGeneration() const {
  // In this order: whoever sees that no flush is due sees its generation.
  generation_.fetch_add(1, std::memory_order_release);
  flush_at_.store(~RelTime{0}, std::memory_order_release);
  clear_ghost_.store(true, std::memory_order_relaxed);
  flush_crawl_at_.store(clock_.now() + kFlushCrawlDelay,
                        std::memory_order_release);
}

// Acquire: the round that is asked for sees the generation of the flush whose
// moment is taken away here. A later flush sets another.
void Cache::CrawlAfterFlush() {
  (void)flush_crawl_at_.exchange(~RelTime{0}, std::memory_order_acq_rel);
  crawler_->RequestRound();
}

void Cache::FlushAll(CacheThread& t) {
  WithGeneration(t, [this]() REQUIRES(flush_lock_) {
    BeginGeneration();
    Wake();
  });
}

void Cache::FlushAllAt(CacheThread& t, RelTime when) {
  WithGeneration(t, [&] { flush_at_.store(when, std::memory_order_relaxed); });
}

void Cache::FlushNow() const {
  MutexLock lock(flush_lock_);
  if (clock_.now() < flush_at_.load(std::memory_order_relaxed)) return;
  BeginGeneration();
}

// --- What eviction asks for. ---

void Cache::LogEviction(CacheThread& t, const Item& item, RelTime idle) {
  const RelTime exptime = item.exptime.load(std::memory_order_relaxed);
  Event event{.kind = kWatchEvictions, .type = Event::Type::kEviction};
  event.slab_class = static_cast<uint8_t>(SlabClass(&item));
  event.fetched = item.fetched();
  event.ttl = exptime == 0 ? -1 : int64_t{exptime} - clock_.now();
  event.idle = idle;
  event.size = item.value_length;
  t.events().Write(event, item.key());
}

bool Cache::Evict(CacheThread& t, uint64_t hash, Item* item) {
  if (!assoc_->Remove(hash, item)) return false;
  ItemCounters& counters = t.Count(item);
  counters.evicted.Add();
  if (item->exptime.load(std::memory_order_relaxed) != 0) {
    counters.evicted_nonzero.Add();
  }
  if (!item->fetched()) counters.evicted_unfetched.Add();
  if (item->recency() != 0) counters.evicted_active.Add();
  const RelTime idle = item->idle(clock_.now());
  counters.evicted_time.Set(idle);
  if (t.events().Wants(kWatchEvictions)) LogEviction(t, *item, idle);
  Unlinked(t, item);
  return true;
}

// After the copy is linked and before the item is not: a walk sees one of them,
// or this.
void Cache::NoteMove(const Item* copy) {
  std::atomic<uint64_t>& last = slabs_->page(slabs_->PageOf(copy)).last_move;
  const uint64_t move = moves_.fetch_add(1, std::memory_order_acq_rel) + 1;
  // Others may move into the same page: the number may not go back.
  uint64_t seen = last.load(std::memory_order_relaxed);
  while (seen < move &&
         !last.compare_exchange_weak(seen, move, std::memory_order_acq_rel)) {
  }
}

bool Cache::ReplaceMoved(CacheThread& t, uint64_t hash, Item* item, Item* copy,
                         uint8_t price) {
  bool moved = false;
  // Readers set the win bit without the lock. Whoever reads the old item from
  // here on finds the bit taken; what it was goes over to the copy.
  bool claimed = false;
  uint8_t win = 0;
  const auto decide = [&](Item* old) -> Decision {
    moved = old == item;
    if (!moved) return {Action::kKeep};
    // What may have changed since the copy was made; it changes only with the
    // stripes locked, which they are.
    copy->exptime.store(item->exptime.load(std::memory_order_relaxed),
                        std::memory_order_relaxed);
    copy->cas.store(item->cas.load(std::memory_order_relaxed),
                    std::memory_order_relaxed);
    copy->last_access.store(item->last_access.load(std::memory_order_relaxed),
                            std::memory_order_relaxed);
    const uint8_t mark = item->mark.load(std::memory_order_relaxed);
    const uint8_t recency = mark & Item::kRecencyMask;
    copy->mark.store(
        static_cast<uint8_t>((mark & Item::kFetched) |
                             (recency > price ? recency - price : 0)),
        std::memory_order_relaxed);
    copy->generation.store(item->generation.load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
    if (!claimed) {
      win = item->state.fetch_or(Item::kWinSent, std::memory_order_acq_rel) &
            Item::kWinSent;
      claimed = true;
    }
    constexpr uint8_t kNotCopied = Item::kPinned | Item::kWinSent;
    const uint8_t state = item->state.load(std::memory_order_relaxed);
    copy->state.store(static_cast<uint8_t>((state & ~kNotCopied) | win),
                      std::memory_order_release);
    NoteExpiry(copy, copy->exptime.load(std::memory_order_relaxed));
    return {Action::kReplace, copy};
  };
  const bool done =
      assoc_->Update(hash, copy->key(), decide) == Assoc::Outcome::kDone;
  if (!done || !moved) return false;
  NoteMove(copy);
  if (item->chunked()) {
    t.Count(item).moved_pieces.Add(PieceCount(item->value_length));
  }
  CountLinked(t, copy);
  Unlinked(t, item);
  return true;
}

}  // namespace cucache
