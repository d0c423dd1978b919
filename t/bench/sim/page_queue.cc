// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "page_queue.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace cucache::sim {

PageQueue::PageQueue(uint32_t n, uint64_t budget, uint32_t page_bytes,
                     const SizeClasses* classes, const Params& p,
                     const Clock* clock)
    : page_bytes_(page_bytes),
      classes_(classes),
      clock_(clock),
      probation_share_(p.Get("prob", 0.1)),
      ghost_share_(p.Get("ghost", 0.9)),
      threshold_(static_cast<uint8_t>(p.Get("th", 1))),
      keep_(p.Get("keep", 0) != 0),
      cap_(p.Get("cap", 64)),
      reuse_(static_cast<int>(p.Get("reuse", 2))),
      pick_(static_cast<size_t>(p.Get("pick", 1))),
      inplace_(p.Get("inplace", 0)),
      reserve_(static_cast<size_t>(p.Get("reserve", 1))),
      weigh_(classes == nullptr ? 0 : p.Get("weigh", 0)),
      least_(p.Get("least", 0.25)),
      most_(p.Get("most", 3)),
      enter_(p.Get("enter", 0) != 0),
      gift_(p.Get("gift", 0)),
      gate_(p.Get("gate", 0)),
      pages_(std::max<uint64_t>(budget / page_bytes, reserve_ + 3)),
      shelves_((classes == nullptr ? 1 : classes->Count()) * kQueues),
      page_of_(n, kNone),
      slot_of_(n, 0),
      mark_(n, 0),
      ghost_(n, p.Get("false", 0)) {
  for (uint32_t i = 0; i < pages_.size(); ++i) free_pages_.push_back(i);
}

void PageQueue::Set(uint32_t key, uint32_t bytes) {
  const uint32_t cls = classes_ == nullptr ? 0 : classes_->Of(bytes);
  if (Slots(cls) == 0) {
    fprintf(stderr, "cusim: an item of %u bytes is above a page\n", bytes);
    std::exit(1);
  }
  const bool held = page_of_[key] != kNone;
  const uint8_t mark = held ? mark_[key] : 0;
  const bool passes = held || PassesGate(cls);
  Queue q = kProbation;
  if (held) {
    q = pages_[page_of_[key]].queue;
  } else if (ghost_.Take(key,
                         static_cast<uint64_t>(ghost_share_ *
                                               static_cast<double>(items_))) &&
             passes) {
    q = kMain;
  }
  Slot slot{};
  if (!Allocate(cls, q, false, &slot)) std::exit(2);
  // The drain that made room may have moved or evicted the old item.
  if (page_of_[key] != kNone) Release(key);
  Place(key, slot);
  mark_[key] = mark;
}

bool PageQueue::Young(const Page& page) const {
  const auto& queue = queues_[page.queue];
  return 2 * page.seq >= pages_[queue.front()].seq + pages_[queue.back()].seq;
}

bool PageQueue::PopFreed(Shelf* shelf, Slot* slot) {
  while (!shelf->freed.empty()) {
    *slot = shelf->freed.back();
    shelf->freed.pop_back();
    const Page& page = pages_[slot->page];
    if (page.generation != slot->generation) continue;
    if (reuse_ == 2 || (reuse_ == 1 && Young(page))) return true;
  }
  return false;
}

bool PageQueue::Allocate(uint32_t cls, Queue q, bool draining, Slot* slot) {
  Shelf& shelf = ShelfOf(cls, q);
  if (PopFreed(&shelf, slot)) return true;
  if (shelf.open == kNone && !draining) {
    Refill();  // may well open a page of this shelf, or free a chunk of it
    if (PopFreed(&shelf, slot)) return true;
  }
  if (shelf.open == kNone) {
    if (free_pages_.empty()) return false;
    shelf.open = free_pages_.back();
    free_pages_.pop_back();
    Page& page = pages_[shelf.open];
    page.cls = cls;
    page.queue = q;
    page.fresh = 0;
    page.seq = ++next_seq_;
    page.keys.assign(Slots(cls), kNone);
    queues_[q].push_back(shelf.open);
  }
  Page& page = pages_[shelf.open];
  *slot = {shelf.open, page.generation, page.fresh++};
  if (page.fresh == page.keys.size()) shelf.open = kNone;
  return true;
}

void PageQueue::Place(uint32_t key, const Slot& slot) {
  pages_[slot.page].keys[slot.index] = key;
  page_of_[key] = slot.page;
  slot_of_[key] = slot.index;
  ++items_;
  if (classes_ != nullptr) bytes_ += classes_->Size(pages_[slot.page].cls);
}

void PageQueue::Release(uint32_t key) {
  const uint32_t id = page_of_[key];
  Page& page = pages_[id];
  page.keys[slot_of_[key]] = kNone;
  page_of_[key] = kNone;
  --items_;
  if (classes_ != nullptr) bytes_ -= classes_->Size(page.cls);
  if (reuse_ != 0 && !page.draining) {
    ShelfOf(page.cls, page.queue)
        .freed.push_back({id, page.generation, slot_of_[key]});
  }
}

void PageQueue::Refill() {
  double reinserted = 0;
  uint64_t copies = 0;
  while (free_pages_.size() <= reserve_) Drain(&reinserted, &copies);
  counters.max_batch = std::max(counters.max_batch, copies);
}

uint32_t PageQueue::Marked(const Page& page) const {
  uint32_t marked = 0;
  for (const uint32_t key : page.keys) {
    marked += key != kNone && mark_[key] > 0 ? 1 : 0;
  }
  return marked;
}

uint32_t PageQueue::TakeOldest(Queue q) {
  auto& queue = queues_[q];
  size_t best = 0;
  double fewest = 2;
  for (size_t i = 0; pick_ > 1 && i < std::min(pick_, queue.size()); ++i) {
    const Page& page = pages_[queue[i]];
    const double share = Marked(page) / static_cast<double>(page.keys.size());
    if (share < fewest) {
      fewest = share;
      best = i;
    }
  }
  const uint32_t id = queue[best];
  queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(best));
  Page& page = pages_[id];
  Shelf& shelf = ShelfOf(page.cls, q);
  if (shelf.open == id) shelf.open = kNone;
  ++page.generation;
  return id;
}

// Unmarked items go, marked ones stay where they are, the page is the newest
// of main.
void PageQueue::Requeue(uint32_t id) {
  Page& page = pages_[id];
  const Queue from = page.queue;
  page.queue = kMain;
  page.seq = ++next_seq_;
  queues_[kMain].push_back(id);
  for (uint32_t i = 0; i < page.keys.size(); ++i) {
    const uint32_t key = page.keys[i];
    if (key == kNone) {
      ShelfOf(page.cls, kMain).freed.push_back({id, page.generation, i});
    } else if (mark_[key] == 0 || clock_->Dead(key)) {
      Evict(key, from);
    } else {
      mark_[key] = from == kMain ? mark_[key] - 1 : keep_ ? mark_[key] : 0;
    }
  }
}

void PageQueue::Evict(uint32_t key, Queue q) {
  if (q == kProbation && !clock_->Dead(key)) ghost_.Add(key);
  Release(key);
}

bool PageQueue::Chance(double p) {
  seed_ = seed_ * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<double>(seed_ >> 33) < p * 2147483648.0;
}

bool PageQueue::PassesGate(uint32_t cls) {
  if (gate_ == 0 || classes_ == nullptr || items_ == 0) return true;
  constexpr double kWindow = 16384;
  const double size = classes_->Size(cls);
  fresh_ += (size - fresh_) / (fresh_ == 0 ? 1 : kWindow);
  const double bound = gate_ * MeanSize();
  return fresh_ <= bound || size <= bound;
}

double PageQueue::Weight(uint32_t cls) const {
  if (weigh_ == 0 || items_ == 0) return 1;
  return std::clamp(std::pow(classes_->Size(cls) / MeanSize(), weigh_), least_,
                    most_);
}

// In marks.
uint8_t PageQueue::Price(double weight) {
  const auto whole = static_cast<uint8_t>(weight);
  return static_cast<uint8_t>(whole + (Chance(weight - whole) ? 1 : 0));
}

// True if it was copied.
bool PageQueue::DrainKey(uint32_t key, uint32_t cls, Queue q,
                         double* reinserted, double step) {
  const bool probation = q == kProbation;
  const double weight = Weight(cls);
  const uint8_t price = Price(weight);
  bool stays;
  if (probation) {
    const uint8_t need = enter_ ? std::max(price, threshold_) : threshold_;
    stays = mark_[key] >= need ||
            (mark_[key] == 0 && weight < 1 && Chance(gift_ * (1 - weight)));
  } else {
    stays = mark_[key] >= (weigh_ == 0 ? 1 : price);
  }
  stays = stays && !clock_->Dead(key);
  if (stays && !probation && cap_ != 0 && *reinserted >= cap_) {
    ++counters.forced;
    stays = false;
  }
  Slot slot{};
  if (!stays || !Allocate(cls, kMain, true, &slot)) {
    Evict(key, q);
    return false;
  }
  if (!probation) *reinserted += step;
  Release(key);
  Place(key, slot);
  mark_[key] = probation ? (keep_ ? mark_[key] : 0) : mark_[key] - price;
  ++counters.copied;
  return true;
}

void PageQueue::Drain(double* reinserted, uint64_t* copies) {
  const double limit = probation_share_ * static_cast<double>(pages_.size());
  const bool probation =
      static_cast<double>(queues_[kProbation].size()) > limit ||
      queues_[kMain].empty();
  const Queue q = probation ? kProbation : kMain;
  const uint32_t id = TakeOldest(q);
  ++counters.pages;
  const std::vector<uint32_t> keys = pages_[id].keys;
  const double step = 1.0 / static_cast<double>(keys.size());
  if (inplace_ > 0 && (cap_ == 0 || *reinserted < cap_)) {
    const double share = Marked(pages_[id]) * step;
    if (share >= inplace_) {
      *reinserted += share;
      Requeue(id);
      return;
    }
  }
  pages_[id].draining = true;
  for (const uint32_t key : keys) {
    if (key == kNone) continue;
    *copies += DrainKey(key, pages_[id].cls, q, reinserted, step) ? 1 : 0;
  }
  pages_[id].draining = false;
  free_pages_.push_back(id);
}

}  // namespace cucache::sim
