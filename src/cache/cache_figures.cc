// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the cache tells about itself.

#include <algorithm>

#include "cache/cache.h"
#include "cache/crawler.h"
#include "cache/item_sums.h"

namespace cucache {

void Cache::SumItems(ItemSums* sums) {
  MutexLock lock(threads_lock_);
  for (size_t c = 0; c < sums->of.size(); ++c) {
    for (size_t q = 0; q < kQueues; ++q) {
      const uint16_t row = PageRow(static_cast<int>(c), static_cast<Queue>(q));
      sums->of[c][q].Add(gone_[row]);
      for (const CacheThread* t : threads_) {
        sums->of[c][q].Add(t->counters_[row]);
        const uint64_t time = t->counters_[row].evicted_time.value();
        sums->of[c][q].evicted_time =
            std::max(time, sums->of[c][q].evicted_time - time);
      }
    }
  }
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
  f.lru_crawler_starts = crawler_->starts();
  f.lru_crawler_running = crawler_->running();
  f.slabs_moved = slabs_moved_.load(std::memory_order_relaxed);
  f.slab_global_page_pool = slabs_->free_pages();
  f.hash_power_level = assoc_->hash_power();
  f.hash_bytes = assoc_->bytes();
  f.hash_is_expanding = assoc_->is_expanding() ? 1 : 0;
  f.hash_load_percent = static_cast<uint64_t>(assoc_->load_percent());
  f.hash_moves = assoc_->moves();
  f.maxbytes = settings_.maxbytes.load();
  f.total_pages = slabs_->open_pages();
  f.malloced_bytes = f.total_pages * slabs_->page_size();
  f.crawler_cpu_us = crawler_ns_.load(std::memory_order_relaxed) / 1000;
  f.epoch = epochs_.epoch();
  f.restart = restart_figures_;
  ForEachThread([&](CacheThread& t) { f.limbo_items += t.limbo_size(); });
  return f;
}

SlabClassFigures Cache::ClassFigures(int c, const ItemSums& sums) {
  const auto& [probation, main] = sums.of[static_cast<size_t>(c)];
  ItemSum all = probation;
  all.Add(main);
  SlabClassFigures f;
  f.id = c;
  f.chunk_size = slabs_->chunk_size(c);
  f.chunks_per_page = slabs_->chunks_per_page(c);
  f.total_pages = slabs_->class_pages(c, Queue::kProbation) +
                  slabs_->class_pages(c, Queue::kMain);
  f.total_chunks = f.total_pages * f.chunks_per_page;
  f.free_chunks = std::min<uint64_t>(slabs_->FreeChunks(c), f.total_chunks);
  f.used_chunks = f.total_chunks - f.free_chunks;
  f.mem_requested = all.bytes();
  f.number_hot = probation.items();
  f.number_cold = main.items();
  f.evicted = all.evicted;
  f.evicted_nonzero = all.evicted_nonzero;
  f.evicted_time = std::max(probation.evicted_time, main.evicted_time);
  f.outofmemory = all.outofmemory;
  f.reclaimed = all.reclaimed;
  f.expired_unfetched = all.expired_unfetched;
  f.evicted_unfetched = all.evicted_unfetched;
  f.evicted_active = all.evicted_active;
  f.crawler_reclaimed = all.crawler_reclaimed;
  f.crawler_items_checked = all.crawler_checked;
  f.moves_to_warm = all.moves_to_main;
  f.moves_within_lru = all.moves_within_main;
  return f;
}

std::vector<SlabClassFigures> Cache::class_figures() {
  const auto sums = SumsSinceReset();
  // Free chunks that threads have at hand.
  std::array<uint64_t, kMaxSlabClasses> at_hand{};
  ForEachThread([&](CacheThread& t) {
    SpinLockGuard lock(t.mu_);
    for (size_t c = 0; c < at_hand.size(); ++c) {
      for (const Queue q : {Queue::kProbation, Queue::kMain}) {
        at_hand[c] += t.magazines_[PageRow(static_cast<int>(c), q)].n;
      }
    }
  });
  std::array<RelTime, kMaxSlabClasses> probation, main;
  eviction_->OldestAges(Queue::kProbation, clock_.now(), &probation);
  eviction_->OldestAges(Queue::kMain, clock_.now(), &main);
  std::vector<SlabClassFigures> rows;
  for (int c = 1; c <= slabs_->classes(); ++c) {
    if (slabs_->class_pages(c, Queue::kProbation) +
            slabs_->class_pages(c, Queue::kMain) !=
        0) {
      rows.push_back(ClassFigures(c, *sums));
      SlabClassFigures& row = rows.back();
      row.free_chunks = std::min(
          row.free_chunks + at_hand[static_cast<size_t>(c)], row.total_chunks);
      row.used_chunks = row.total_chunks - row.free_chunks;
      row.age_hot = probation[static_cast<size_t>(c)];
      row.age = main[static_cast<size_t>(c)];
    }
  }
  return rows;
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
  return {assoc_->bucket_span(), slabs_->arena_span()};
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
