// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The meta commands' bits of an item: stale (X) and win sent (W, Z).
// (Counterpart: ITEM_STALE and ITEM_TOKEN_SENT under the item lock.)
//
// Thread safety: TryWin by any reader. MarkStale and TokenHeir only inside
// Cache::Update's decide(), which has the key's slot locked.

#ifndef CUCACHE_COMMAND_ITEM_MARKS_H_
#define CUCACHE_COMMAND_ITEM_MARKS_H_

#include "cache/item.h"

namespace cucache {

// True for exactly one caller per round of staleness.
[[nodiscard]] inline bool TryWin(Item* item) {
  return (item->state.fetch_or(Item::kWinSent, std::memory_order_acq_rel) &
          Item::kWinSent) == 0;
}

// Begins a round: stale, nobody has won, new CAS id. Both bits change at once,
// so that no reader sees a fresh item without its token; the CAS id comes
// after them (release), so that whoever sees it (acquire) sees that it is
// stale.
inline void MarkStale(Item* item, uint64_t cas) {
  uint8_t state = item->state.load(std::memory_order_relaxed);
  while (!item->state.compare_exchange_weak(
      state, static_cast<uint8_t>((state | Item::kStale) & ~Item::kWinSent),
      std::memory_order_acq_rel)) {
  }
  item->cas.store(cas, std::memory_order_release);
}

// Hands the bits of a linked item on to the one that is to replace it. A
// reader may win on the old item at any moment until the new one is published,
// so the old token is taken first: then either that reader has won, and the
// new item says so, or nobody can win on the old item any more, and the new
// one has the token to give. decide() may run twice for one item; the second
// time the answer of the first counts.
class TokenHeir {
 public:
  // `stale`: the new item is stale whatever the old one was.
  void Inherit(Item* old, Item* item, bool stale) {
    if (old != taken_from_) {
      won_before_ = !TryWin(old);
      taken_from_ = old;
    }
    uint8_t bits = old->state.load(std::memory_order_relaxed) & Item::kStale;
    if (stale) bits |= Item::kStale;
    if (won_before_) bits |= Item::kWinSent;
    // Nobody else writes the state of an item that is not linked.
    const uint8_t own = item->state.load(std::memory_order_relaxed) &
                        static_cast<uint8_t>(~(Item::kStale | Item::kWinSent));
    item->state.store(static_cast<uint8_t>(own | bits),
                      std::memory_order_relaxed);
  }
  // The new item was not published: nobody has won after all.
  void GiveBack() {
    if (taken_from_ != nullptr && !won_before_) {
      taken_from_->state.fetch_and(static_cast<uint8_t>(~Item::kWinSent),
                                   std::memory_order_acq_rel);
    }
    taken_from_ = nullptr;
  }

 private:
  Item* taken_from_ = nullptr;
  bool won_before_ = false;
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_ITEM_MARKS_H_
