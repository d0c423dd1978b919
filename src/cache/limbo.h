// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Unlinked items of one thread that wait for their grace period. (Counterpart:
// none. The limbo lists of Fraser, "Practical lock-freedom", 2004, one for each
// epoch that somebody may still be in; here they are stretches of one ring.)
//
// Thread safety: Add() is for the thread whose items they are, its owner, and
// needs no lock. Stamp(), FreePassed() and TakeAll() are for any thread that
// holds the lock of the limbo, Grow() for the owner when it holds it. The rest
// is for all.
//
// Invariants:
//   G1 Slots [begin_, end_) are full. The owner fills the slot at end_ and
//      then moves end_ (release); who frees reads end_ (acquire), and moves
//      begin_ (release) when it has read the slots; the owner reads begin_
//      (acquire) before it fills a slot again.
//   G2 A stamp is taken after end_ was read, so after all the items before it
//      were unlinked (E3 of base/epoch.h).
//   G3 What is left after a look has one of two stamps, the epoch of that
//      moment or the one before: whatever is older has passed.
//
// Ownership: of the items, until they are given to `free`.

#ifndef CUCACHE_CACHE_LIMBO_H_
#define CUCACHE_CACHE_LIMBO_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/epoch.h"
#include "cache/assoc_layout.h"
#include "cache/item.h"

namespace cucache {

class Limbo {
 public:
  // What an item counts for beyond 1, if it holds back much memory.
  static constexpr uint32_t kHeavy = 4096;
  static size_t ExtraWeight(const Item& item) {
    return item.value_length / kHeavy;
  }

  // False: Grow() first.
  [[nodiscard]] CUCACHE_ALWAYS_INLINE bool Add(Item* item) {
    const size_t end = end_.load(std::memory_order_relaxed);
    if (end - begin_.load(std::memory_order_acquire) > mask_) return false;
    ring_[end & mask_] = item;
    if (item->value_length >= kHeavy) [[unlikely]] {
      Raise(&extra_added_, ExtraWeight(*item));
    }
    end_.store(end + 1, std::memory_order_release);
    return true;
  }

  // Throws std::bad_alloc.
  void Grow() {
    const size_t mask = 2 * mask_ + 1;
    auto larger = std::make_unique<Item*[]>(mask + 1);
    const size_t end = end_.load(std::memory_order_relaxed);
    for (size_t i = begin_.load(std::memory_order_relaxed); i != end; ++i) {
      larger[i & mask] = ring_[i & mask_];
    }
    ring_ = std::move(larger);
    mask_ = mask;
  }

  // Stamps all items that have no stamp yet.
  void Stamp(const EpochDomain& epochs) {
    const size_t end = end_.load(std::memory_order_acquire);
    if (end == stamped_) return;
    const uint64_t stamp = epochs.Stamp();  // G2
    // G3: there is room for another. If there were none, the last would get a
    // later stamp than it needs, which is a delay only.
    const bool another = marks_ == 0 || stamps_[marks_ - 1] != stamp;
    if (another && marks_ < stamps_.size()) ++marks_;
    ends_[marks_ - 1] = stamped_ = end;
    stamps_[marks_ - 1] = stamp;
  }

  // Calls free(Item*) for all whose grace period is over, the oldest first.
  template <class Free>
  void FreePassed(const EpochDomain& epochs, Free&& free) {
    Stamp(epochs);
    const uint64_t epoch = epochs.epoch();
    size_t passed = 0;
    while (passed < marks_ && EpochDomain::PassedAt(epoch, stamps_[passed])) {
      FreeUntil(ends_[passed++], free);
    }
    for (size_t i = passed; i < marks_; ++i) {
      ends_[i - passed] = ends_[i];
      stamps_[i - passed] = stamps_[i];
    }
    marks_ -= passed;
  }

  // All that is left, for when the owner goes.
  struct Rest {
    uint64_t stamp;
    std::vector<Item*> items;
  };
  Rest TakeAll(const EpochDomain& epochs) {
    Rest rest;
    FreeUntil(end_.load(std::memory_order_acquire),
              [&rest](Item* item) { rest.items.push_back(item); });
    rest.stamp = epochs.Stamp();
    stamped_ = end_.load(std::memory_order_relaxed);
    marks_ = 0;
    return rest;
  }

  bool empty() const { return size() == 0; }
  // In this order: what has left had come before.
  size_t size() const {
    const size_t begin = begin_.load(std::memory_order_acquire);
    return end_.load(std::memory_order_relaxed) - begin;
  }
  size_t weight() const {
    const size_t freed = extra_freed_.load(std::memory_order_acquire);
    return extra_added_.load(std::memory_order_relaxed) - freed + size();
  }

 private:
  static constexpr size_t kLeast = 64;

  static void Raise(std::atomic<size_t>* sum, size_t n) {
    sum->store(sum->load(std::memory_order_relaxed) + n,
               std::memory_order_release);
  }

  template <class Free>
  void FreeUntil(size_t end, Free&& free) {
    size_t extra = 0;
    for (size_t i = begin_.load(std::memory_order_relaxed); i != end; ++i) {
      Item* const item = ring_[i & mask_];
      if (item->value_length >= kHeavy) [[unlikely]] {
        extra += ExtraWeight(*item);
      }
      free(item);
    }
    begin_.store(end, std::memory_order_release);
    if (extra != 0) Raise(&extra_freed_, extra);
  }

  // Of a power of two; positions are taken modulo that.
  size_t mask_ = kLeast - 1;
  std::unique_ptr<Item*[]> ring_ = std::make_unique<Item*[]>(kLeast);
  std::atomic<size_t> end_{0}, extra_added_{0};    // written by the owner
  std::atomic<size_t> begin_{0}, extra_freed_{0};  // with the lock
  // What came before ends_[i] has stamps_[i] at most; all before stamped_ has
  // one.
  size_t marks_ = 0, stamped_ = 0;
  std::array<size_t, 3> ends_;
  std::array<uint64_t, 3> stamps_;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_LIMBO_H_
