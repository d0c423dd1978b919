// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the cache tells about itself.

#include <algorithm>
#include <bit>

#include "cache/cache.h"
#include "cache/crawler.h"
#include "cache/item_sums.h"

namespace cucache {

namespace {

// `total_malloced` is told in about so many steps.
constexpr uint64_t kMallocSteps = 512;
// What memcached's table begins with, and its largest; it grows when there are
// one and a half times as many items as chains.
constexpr unsigned kPeerHashPower = 16, kMostHashPower = 32;

}  // namespace

void Cache::SumItems(ItemSums* sums) {
  MutexLock lock(threads_lock_);
  if (gone_ != nullptr) *sums = *gone_;
  for (const CacheThread* t : threads_) sums->Add(*t->counters_);
}

void Cache::ResetItemStats() {
  auto sums = std::make_unique<ItemSums>();
  SumItems(sums.get());
  MutexLock lock(baseline_lock_);
  baseline_ = std::move(sums);
}

std::unique_ptr<ItemSums> Cache::SumsSinceReset() {
  auto sums = std::make_unique<ItemSums>();
  SumItems(sums.get());
  MutexLock lock(baseline_lock_);
  if (baseline_ == nullptr) return sums;
  for (size_t c = 0; c < sums->of.size(); ++c) {
    for (size_t q = 0; q < kQueues; ++q) {
      sums->of[c][q].SubtractEvents(baseline_->of[c][q]);
    }
  }
  return sums;
}

CacheFigures Cache::figures() {
  CacheFigures f;
  ItemSum all;
  const auto sums = SumsSinceReset();
  for (const auto& queues : sums->of) {
    for (const ItemSum& sum : queues) all.Add(sum);
  }
  f.bytes = all.bytes();
  f.curr_items = all.items();
  f.total_items = all.stored;
  f.evictions = all.evicted;
  f.expired_unfetched = all.expired_unfetched;
  f.evicted_unfetched = all.evicted_unfetched;
  f.evicted_active = all.evicted_active;
  f.reclaimed = all.reclaimed;
  f.crawler_reclaimed = all.crawler_reclaimed;
  f.crawler_items_checked = all.crawler_checked;
  f.moves_to_main = all.moves_to_main;
  f.moves_within_main = all.moves_within_main;
  f.moved_pieces = all.moved_pieces;
  f.compacted_items = all.compacted;
  f.direct_reclaims = all.direct_reclaims;
  f.lru_crawler_starts = crawler_->starts();
  f.lru_crawler_running = crawler_->running();
  f.compacted_pages = eviction_->compacted_pages();
  f.slabs_moved =
      slabs_moved_.load(std::memory_order_relaxed) + f.compacted_pages;
  f.slab_global_page_pool = PoolPages();
  f.hash_power_level = HashPower();
  f.hash_bytes = assoc_->bytes();
  f.hash_is_expanding = assoc_->is_expanding() ? 1 : 0;
  f.hash_load_percent = static_cast<uint64_t>(assoc_->load_percent());
  f.hash_moves = assoc_->moves();
  f.maxbytes = settings_.maxbytes.load();
  f.total_pages = slabs_->open_pages();
  f.malloced_bytes = f.total_pages * slabs_->page_size();
  f.total_malloced = Malloced();
  f.crawler_cpu_us = crawler_ns_.load(std::memory_order_relaxed) / 1000;
  f.epoch = epochs_.epoch();
  f.restart = restart_figures_;
  ForEachThread([&](CacheThread& t) { f.limbo_items += t.limbo_size(); });
  return f;
}

// --- Memory, as memcached has it. ---

// Of what counts in -m: the reserve too, as soon as there is anything.
uint64_t Cache::BytesNow() const {
  const size_t open = slabs_->open_pages();
  if (open == 0) return 0;
  const size_t pages = open + std::min(slabs_->free_pages(), HighPages());
  return pages * uint64_t{slabs_->page_size()} +
         table_bytes_.load(std::memory_order_relaxed) +
         eviction_->ghost_bytes();
}

void Cache::NotePeak() {
  const uint64_t now = BytesNow();
  uint64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (peak < now && !peak_bytes_.compare_exchange_weak(peak, now)) {
  }
}

// The most that there was at a time, in steps, since pages come and go.
uint64_t Cache::Malloced() {
  NotePeak();
  const uint64_t most = settings_.maxbytes.load();
  const uint64_t step =
      std::bit_floor(std::max(most / kMallocSteps, uint64_t{1}));
  const uint64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  return std::min((peak + step - 1) / step * step, most) +
         settings_.debug_malloced;
}

// --- The table, as memcached has it. ---

void Cache::RaiseHashPower(uint64_t items, unsigned least) {
  const unsigned first = settings_.hashpower_init != 0
                             ? static_cast<unsigned>(settings_.hashpower_init)
                             : kPeerHashPower;
  unsigned power = std::max(first, std::min(least, kMostHashPower));
  while (power < kMostHashPower && items > (uint64_t{3} << (power - 1))) {
    ++power;
  }
  unsigned known = hash_power_.load(std::memory_order_relaxed);
  while (known < power && !hash_power_.compare_exchange_weak(known, power)) {
  }
}

unsigned Cache::HashPower() {
  RaiseHashPower(assoc_->size());
  return hash_power_.load(std::memory_order_relaxed);
}

// --- Rows of classes. ---

uint64_t Cache::LargestOf(int number) const {
  constexpr uint64_t kMore = kPeerOverhead - sizeof(Item);
  return std::max(numbers_.size(number), kMore + sizeof(Item)) - kMore;
}

void Cache::AddKept(SlabClassFigures* row) const {
  const uint64_t kept =
      kept_for_[static_cast<size_t>(row->id)].load(std::memory_order_relaxed);
  if (kept == 0) return;
  if (row->chunk_size == 0) row->chunk_size = LargestOf(row->id);
  row->memory += kept;
  row->free_chunks += kept / row->chunk_size;
}

// Those in pages, and those that threads have at hand.
void Cache::CountFreeChunks(FreeChunks* chunks) {
  chunks->fill(0);
  for (int c = 1; c <= slabs_->classes(); ++c) {
    (*chunks)[static_cast<size_t>(c)] =
        slabs_->FreeChunks(c, Queue::kProbation) +
        slabs_->FreeChunks(c, Queue::kMain);
  }
  ForEachThread([&](CacheThread& t) {
    const uint16_t row = t.hand_row_.load(std::memory_order_relaxed);
    if (row != CacheThread::kNoRow) {
      (*chunks)[row / kQueues] += t.hand_size_.load(std::memory_order_relaxed);
    }
    SpinLockGuard lock(t.mu_);
    for (size_t c = 0; c < chunks->size(); ++c) {
      for (const Queue q : {Queue::kProbation, Queue::kMain}) {
        (*chunks)[c] += (*t.magazines_)[PageRow(static_cast<int>(c), q)].n;
      }
    }
  });
}

void Cache::AddRow(size_t row, const ItemSums& sums, const FreeChunks& free,
                   SlabClassFigures* figures) const {
  SlabClassFigures& f = *figures;
  const auto& [probation, main] = sums.of[row];
  ItemSum all = probation;
  all.Add(main);
  if (row < kMaxSlabClasses) {
    const uint64_t chunk = slabs_->chunk_size(static_cast<int>(row));
    const uint64_t chunks = all.items() + free[row];
    f.memory += chunks * chunk;
    f.free_chunks += free[row];
    if (chunks != 0) f.chunk_size = std::max(f.chunk_size, chunk);
  } else if (all.items() != 0) {
    f.memory += all.chunk_bytes();
    f.chunk_size = LargestOf(f.id);
  }
  f.used_chunks += all.items();
  f.mem_requested += all.bytes();
  f.number_hot += probation.items();
  f.number_cold += main.items();
  f.evicted += all.evicted;
  f.evicted_nonzero += all.evicted_nonzero;
  f.evicted_time =
      std::max({f.evicted_time, probation.evicted_time, main.evicted_time});
  f.outofmemory += all.outofmemory;
  f.reclaimed += all.reclaimed;
  f.expired_unfetched += all.expired_unfetched;
  f.evicted_unfetched += all.evicted_unfetched;
  f.evicted_active += all.evicted_active;
  f.crawler_reclaimed += all.crawler_reclaimed;
  f.crawler_items_checked += all.crawler_checked;
  f.moves_to_warm += all.moves_to_main;
  f.moves_within_lru += all.moves_within_main;
  f.direct_reclaims += all.direct_reclaims;
}

std::vector<SlabClassFigures> Cache::class_figures() {
  const auto sums = SumsSinceReset();
  FreeChunks free;
  CountFreeChunks(&free);
  std::array<SlabClassFigures, ClassNumbers::kLimit> rows;
  for (size_t n = 0; n < rows.size(); ++n) rows[n].id = static_cast<int>(n);
  for (size_t row = 0; row < sums->of.size(); ++row) {
    const auto n = static_cast<size_t>(NumberOfRow(row));
    if (n != 0) AddRow(row, *sums, free, &rows[n]);
  }
  std::array<RelTime, kMaxSlabClasses> probation, main;
  eviction_->OldestAges(Queue::kProbation, clock_.now(), &probation);
  eviction_->OldestAges(Queue::kMain, clock_.now(), &main);
  for (size_t c = 1; c < probation.size(); ++c) {
    SlabClassFigures& row = rows[number_of_class_[c]];
    row.age_hot = std::max(row.age_hot, probation[c]);
    // What memcached shows is its cold queue, into which all items come soon.
    row.age = std::max({row.age, probation[c], main[c]});
  }
  std::vector<SlabClassFigures> shown;
  for (SlabClassFigures& row : rows) {
    AddKept(&row);
    if (row.memory == 0) continue;
    row.total_pages =
        (row.memory + slabs_->page_size() - 1) / slabs_->page_size();
    row.chunks_per_page =
        std::max<uint64_t>(slabs_->page_size() / row.chunk_size, 1);
    row.total_chunks = row.used_chunks + row.free_chunks;
    shown.push_back(row);
  }
  return shown;
}

size_t Cache::ItemBytes(const Item* item) const {
  size_t bytes = item->prefix_size() + item->value_length;
  if (item->chunked()) {
    bytes += PieceCount(item->value_length) * (sizeof(Piece*) + sizeof(Piece));
  }
  return bytes;
}

size_t Cache::ChunkBytes(const Item* item) const {
  size_t bytes = slabs_->chunk_size(slabs_->ClassOf(item));
  if (item->chunked()) {
    for (size_t i = 0; i < PieceCount(item->value_length); ++i) {
      bytes += slabs_->chunk_size(slabs_->ClassOf(item->piece(i)));
    }
  }
  return bytes;
}

std::vector<std::pair<void*, size_t>> Cache::SharedMemoryForTest() const {
  const Assoc::Region slots = assoc_->slots_region();
  return {{slots.at, slots.bytes}, slabs_->arena_span()};
}

std::vector<Cache::SharedPart> Cache::SharedPartsForTest() const {
  const Assoc::Region slots = assoc_->slots_region();
  const Assoc::Region stripes = assoc_->stripes_region();
  const auto items = slabs_->arena_span();
  const auto pages = slabs_->pages_span();
  return {{"slots", slots.at, slots.bytes},
          {"stripes", stripes.at, stripes.bytes},
          {"items", items.first, items.second},
          {"pages", pages.first, pages.second},
          {"table", assoc_.get(), sizeof(Assoc)},
          {"slabs", slabs_.get(), sizeof(Slabs)},
          {"eviction", eviction_.get(), sizeof(Eviction)},
          {"epoch", &epochs_, sizeof(epochs_)},
          {"cache", this, sizeof(Cache)}};
}

}  // namespace cucache
