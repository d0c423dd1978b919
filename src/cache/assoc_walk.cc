// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Walks over the keys of the table. The argument why none is missed is in
// doc/table.md; in short: an overwrite stays in its slot (I4), and W1 leaves no
// way back over the cursor.

#include "cache/assoc.h"

namespace cucache {

Assoc::Walk::Walk(Assoc& table) : table_(table) {
  uint32_t taken = table.walks_taken_.load(std::memory_order_relaxed);
  for (;;) {
    unsigned place = 0;
    while (place < kMaxWalks && (taken >> place & 1) != 0) ++place;
    if (place == kMaxWalks) return;
    // Acquire: the walk that had the place before us has put its cursor back.
    if (table.walks_taken_.compare_exchange_weak(taken, taken | 1u << place,
                                                 std::memory_order_acquire,
                                                 std::memory_order_relaxed)) {
      place_ = static_cast<int>(place);
      return;
    }
  }
}

Assoc::Walk::~Walk() {
  if (place_ < 0) return;
  // 0: nothing is visited, so nobody is refused a move. A writer that still
  // sees an older value is refused one in vain.
  cursor().store(0, std::memory_order_relaxed);
  if (begun_) table_.walks_begun_.fetch_sub(1, std::memory_order_release);
  table_.walks_taken_.fetch_and(~(1u << place_), std::memory_order_release);
}

// Under the resize lock, so that no merge begins beside it.
bool Assoc::Walk::Begin() {
  if (!table_.resize_.TryLock()) return false;
  const Phase phase = table_.State().phase();
  begun_ = phase == Phase::kIdle || phase == Phase::kSplit;
  if (begun_) table_.walks_begun_.fetch_add(1, std::memory_order_relaxed);
  table_.resize_.Unlock();
  return begun_;
}

Assoc::Walk::Step Assoc::Walk::Next(Item** items, size_t* n) {
  *n = 0;
  if (!begun_ && !Begin()) return Step::kLater;
  if (x_ == table_.stripe_count()) return Step::kDone;
  const Bucket& bucket = table_.At(segment_, x_);
  {
    LockGuard<Stripe> lock(table_.stripes_[x_]);
    // Relaxed: every writer of this bucket held the stripe. The items stay
    // valid behind the lock, because the caller is on line.
    for (const Slot& slot : bucket.slots) {
      const uint64_t word = slot.load(std::memory_order_relaxed);
      if (word != slot::kEmpty) items[(*n)++] = slot::ItemOf(word);
    }
    // A split adds a segment behind all others, and moves words only to it: so
    // the last one is the last as long as we hold the stripe, and what is moved
    // at this index afterwards has been visited.
    if (++segment_ == table_.State().segments()) {
      segment_ = 0;
      ++x_;
    }
    // W1: before the stripe is free.
    cursor().store(Position(x_, segment_), std::memory_order_relaxed);
  }
  for (size_t i = 0; i < *n; ++i) PrefetchLine(items[i]);
  if (x_ < table_.stripe_count()) PrefetchLine(&table_.At(segment_, x_));
  return Step::kItems;
}

// Relaxed: a walk passes a bucket with its stripe held, and we hold the stripes
// of both, so about these two we see what it stored.
bool Assoc::EscapesWalk(uint32_t segment, uint32_t from, uint32_t to) const {
  if (walks_begun_.load(std::memory_order_relaxed) == 0) return false;
  for (const auto& cursor : walk_cursors_) {
    const uint64_t at = cursor.load(std::memory_order_relaxed);
    if (Walk::Position(from, segment) >= at &&
        Walk::Position(to, segment) < at) {
      return true;
    }
  }
  return false;
}

}  // namespace cucache
