// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "mixed_pages.h"

#include <cstdio>
#include <cstdlib>

namespace cucache::sim {
namespace {

// A hole below this many bytes is no chunk; it stays part of its neighbour.
constexpr uint32_t kLeastChunk = 48;

}  // namespace

MixedPages::MixedPages(uint32_t n, uint64_t budget, uint32_t page_bytes,
                       const SizeClasses* classes, const Params& p,
                       const Clock* clock)
    : step_(classes != nullptr ? static_cast<uint32_t>(p.Get("step", 16)) : 1),
      page_units_(page_bytes / step_),
      classes_(p.Get("factor", 1) > 1 ? classes : nullptr),
      sized_(classes != nullptr),
      clock_(clock),
      probation_share_(p.Get("prob", 0.1)),
      ghost_share_(p.Get("ghost", 0.9)),
      threshold_(static_cast<uint8_t>(p.Get("th", 1))),
      keep_(p.Get("keep", 0) != 0),
      cap_(p.Get("cap", 64)),
      fit_(p.Get("fit", 1)),
      sweep_(p.Get("sweep", 0)),
      reserve_(static_cast<size_t>(p.Get("reserve", 1))),
      pages_(std::max<uint64_t>(budget / page_bytes, reserve_ + 3)),
      page_of_(n, kNone),
      index_of_(n, 0),
      mark_(n, 0),
      ghost_(n, p.Get("false", 0)) {
  for (uint32_t i = 0; i < pages_.size(); ++i) free_pages_.push_back(i);
  for (auto& list : holes_) list.resize(page_units_ + 1);
}

void MixedPages::Set(uint32_t key, uint32_t bytes) {
  const uint32_t rounded =
      classes_ != nullptr ? classes_->Size(classes_->Of(bytes)) : bytes;
  const uint32_t units = sized_ ? (rounded + step_ - 1) / step_ : 1;
  if (units > page_units_) {
    fprintf(stderr, "cusim: an item of %u bytes is above a page\n", bytes);
    std::exit(1);
  }
  const bool held = page_of_[key] != kNone;
  const uint8_t mark = held ? mark_[key] : 0;
  Queue q = kProbation;
  if (held) {
    q = pages_[page_of_[key]].queue;
  } else if (ghost_.Take(key,
                         static_cast<uint64_t>(ghost_share_ *
                                               static_cast<double>(items_)))) {
    q = kMain;
  }
  Hole slot{};
  if (!Allocate(q, units, false, &slot)) std::exit(2);
  // The drain that made room may have moved or evicted the old item.
  if (page_of_[key] != kNone) Release(key);
  Place(key, slot);
  mark_[key] = mark;
}

bool MixedPages::Pop(Queue q, uint32_t units, Hole* hole) {
  auto& list = holes_[q][units];
  while (!list.empty()) {
    *hole = list.back();
    list.pop_back();
    if (pages_[hole->page].generation == hole->generation) return true;
  }
  return false;
}

bool MixedPages::TakeHole(Queue q, uint32_t units, Hole* hole) {
  if (fit_ == 0) return false;
  if (Pop(q, units, hole)) return true;
  const auto least = units + (sized_ ? kLeastChunk / step_ : 1);
  const auto most =
      std::min<uint64_t>(page_units_, static_cast<uint64_t>(fit_ * units));
  for (uint32_t size = least; size <= most; ++size) {
    if (!Pop(q, size, hole)) continue;
    Page& page = pages_[hole->page];
    page.chunks[hole->index].units = units;
    page.chunks.push_back({kNone, size - units});
    holes_[q][size - units].push_back(
        {hole->page, page.generation,
         static_cast<uint32_t>(page.chunks.size() - 1)});
    return true;
  }
  return false;
}

bool MixedPages::Append(Queue q, uint32_t units, bool draining, Hole* slot) {
  const auto fits = [&] {
    return open_[q] != kNone && pages_[open_[q]].used + units <= page_units_;
  };
  if (!fits()) {
    if (!draining) Refill();  // may well open a page of this queue
  }
  if (!fits()) {
    if (free_pages_.empty()) return false;
    if (open_[q] != kNone) {
      Page& old = pages_[open_[q]];  // its end is a hole like others
      const uint32_t rest = page_units_ - old.used;
      if (rest * step_ >= kLeastChunk) {
        old.chunks.push_back({kNone, rest});
        holes_[q][rest].push_back(
            {open_[q], old.generation,
             static_cast<uint32_t>(old.chunks.size() - 1)});
      }
      old.used = page_units_;
    }
    open_[q] = free_pages_.back();
    free_pages_.pop_back();
    Page& page = pages_[open_[q]];
    page.queue = q;
    page.used = 0;
    page.live = 0;
    page.chunks.clear();
    queues_[q].push_back(open_[q]);
  }
  Page& page = pages_[open_[q]];
  *slot = {open_[q], page.generation,
           static_cast<uint32_t>(page.chunks.size())};
  page.chunks.push_back({kNone, units});
  page.used += units;
  return true;
}

bool MixedPages::Allocate(Queue q, uint32_t units, bool draining, Hole* slot) {
  return TakeHole(q, units, slot) || Append(q, units, draining, slot);
}

void MixedPages::Place(uint32_t key, const Hole& slot) {
  Page& page = pages_[slot.page];
  page.chunks[slot.index].key = key;
  page.live += page.chunks[slot.index].units;
  live_units_ += page.chunks[slot.index].units;
  page_of_[key] = slot.page;
  index_of_[key] = slot.index;
  ++items_;
}

void MixedPages::Release(uint32_t key) {
  const uint32_t id = page_of_[key];
  Page& page = pages_[id];
  Chunk& chunk = page.chunks[index_of_[key]];
  chunk.key = kNone;
  page.live -= chunk.units;
  live_units_ -= chunk.units;
  page_of_[key] = kNone;
  --items_;
  if (fit_ == 0 || page.draining) return;
  holes_[page.queue][chunk.units].push_back(
      {id, page.generation, index_of_[key]});
}

void MixedPages::Evict(uint32_t key, Queue q) {
  if (q == kProbation && !clock_->Dead(key)) ghost_.Add(key);
  Release(key);
}

void MixedPages::Refill() {
  double reinserted = 0;
  uint64_t copies = 0;
  while (free_pages_.size() <= reserve_) {
    const double all =
        static_cast<double>(pages_.size() - free_pages_.size()) * page_units_;
    const double dead = all - static_cast<double>(live_units_);
    if (sweep_ > 0 && dead > sweep_ * all && Compact(&copies)) continue;
    Drain(&reinserted, &copies);
  }
  counters.max_batch = std::max(counters.max_batch, copies);
}

void MixedPages::Take(Queue q, size_t at) {
  auto& queue = queues_[q];
  const uint32_t id = queue[at];
  queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));
  if (open_[q] == id) open_[q] = kNone;
  ++pages_[id].generation;
  pages_[id].draining = true;
  ++counters.pages;
}

bool MixedPages::Copy(uint32_t key, Queue q) {
  Hole slot{};
  const uint32_t units = pages_[page_of_[key]].chunks[index_of_[key]].units;
  if (!Allocate(q, units, true, &slot)) return false;
  Release(key);
  Place(key, slot);
  ++counters.copied;
  return true;
}

bool MixedPages::Compact(uint64_t* copies) {
  Queue q = kMain;
  size_t at = 0;
  uint32_t fewest = page_units_ - page_units_ / 4;
  bool found = false;
  for (const Queue i : {kProbation, kMain}) {
    for (size_t j = 0; j < queues_[i].size(); ++j) {
      const uint32_t id = queues_[i][j];
      if (id == open_[i] || pages_[id].live >= fewest) continue;
      fewest = pages_[id].live;
      q = i;
      at = j;
      found = true;
    }
  }
  if (!found) return false;
  const uint32_t id = queues_[q][at];
  Take(q, at);
  const std::vector<Chunk> chunks = pages_[id].chunks;
  for (const Chunk& chunk : chunks) {
    if (chunk.key == kNone) continue;
    if (clock_->Dead(chunk.key) || !Copy(chunk.key, q)) Evict(chunk.key, q);
    ++*copies;
  }
  pages_[id].draining = false;
  free_pages_.push_back(id);
  return true;
}

void MixedPages::Drain(double* reinserted, uint64_t* copies) {
  const double limit = probation_share_ * static_cast<double>(pages_.size());
  const bool probation =
      static_cast<double>(queues_[kProbation].size()) > limit ||
      queues_[kMain].empty();
  const Queue q = probation ? kProbation : kMain;
  const uint32_t id = queues_[q].front();
  Take(q, 0);
  const std::vector<Chunk> chunks = pages_[id].chunks;
  const uint8_t need = probation ? threshold_ : 1;
  for (const Chunk& chunk : chunks) {
    const uint32_t key = chunk.key;
    if (key == kNone) continue;
    bool stays = mark_[key] >= need && !clock_->Dead(key);
    if (stays && !probation && cap_ != 0 && *reinserted >= cap_) {
      ++counters.forced;
      stays = false;
    }
    if (!stays || !Copy(key, kMain)) {
      Evict(key, q);
      continue;
    }
    if (!probation) {
      *reinserted += static_cast<double>(chunk.units) / page_units_;
    }
    mark_[key] = probation ? (keep_ ? mark_[key] : 0) : mark_[key] - 1;
    ++*copies;
  }
  pages_[id].draining = false;
  free_pages_.push_back(id);
}

}  // namespace cucache::sim
