// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The set that replaces a live item by one of a common size: what Allocate(),
// copying the value and Update() do together, without what such a set does not
// need.

#include <cstring>

#include "base/bytes.h"
#include "cache/cache.h"

namespace cucache {

namespace {

// All that is known before the item it replaces is locked. Its state is set
// when it is linked: until then the chunk says that it is no item (S4).
Item* Fill(char* chunk, const ItemShape& shape, const char* value) {
  auto* const item = reinterpret_cast<Item*>(chunk);
  item->exptime.store(shape.exptime, std::memory_order_relaxed);
  item->value_length = shape.value_length;
  item->key_length = static_cast<uint8_t>(shape.key.size());
  char* to = reinterpret_cast<char*>(item + 1);
  if (shape.flags != 0) {
    std::memcpy(to, &shape.flags, sizeof(shape.flags));
    to += sizeof(shape.flags);
  }
  to = CopyShort(to, shape.key.data(), shape.key.size());
  CopyShort(to, value, shape.value_length);
  return item;
}

uint8_t StateOf(const ItemShape& shape) {
  return static_cast<uint8_t>((shape.binary_key ? Item::kBinaryKey : 0) |
                              (shape.flags != 0 ? Item::kHasFlags : 0));
}

}  // namespace

Item* Cache::Overwrite(CacheThread& t, const ItemShape& shape,
                       const char* value, uint64_t new_cas, int* slab_class) {
  Item* const old = assoc_->Locate(shape.hash, shape.key, &t.place_);
  const RelTime now = clock_.now();
  if (!t.place_.known() || Check(old, now) != Absent::kNot) return nullptr;
  const size_t bytes = shape.PrefixBytes() + shape.value_length;
  const int c = slabs_->ClassFor(bytes);
  if (c == 0 || TooLarge(shape) || IsLarge(bytes)) return nullptr;
  // As in QueueForNew().
  const uint16_t old_row = slabs_->RowOf(old);
  const auto q = static_cast<Queue>(old_row % kQueues);
  const uint16_t row = PageRow(c, q);
  const uint8_t mark = old->recency();
  char* chunk = t.TakeAtHand(row);
  if (chunk == nullptr) {
    chunk = Refill(t, c, bytes, q, PagesToLeave(shape));
  }
  if (chunk == nullptr) return nullptr;
  Item* const item = Fill(chunk, shape, value);
  item->mark.store(mark, std::memory_order_relaxed);
  item->last_access.store(now, std::memory_order_relaxed);
  const uint8_t state = StateOf(shape);
  const bool done = assoc_->UpdateAt(t.place_, [&](Item*) {
    // As in Prepare().
    const uint64_t above = old->cas.load(std::memory_order_relaxed);
    item->cas.store(new_cas != 0 ? new_cas : NextCas(t, above),
                    std::memory_order_relaxed);
    CheckFlush(now);
    item->generation.store(generation_.load(std::memory_order_acquire),
                           std::memory_order_relaxed);
    item->state.store(state | Item::kLinked, std::memory_order_release);
    NoteExpiry(item, shape.exptime);
    return Decision{Action::kReplace, item};
  });
  t.place_.Forget();
  if (!done) {
    item->state.store(0, std::memory_order_relaxed);
    t.FreeOwned(item);
    return nullptr;
  }
  *slab_class = c;
  constexpr uint8_t kSized = Item::kHasFlags | Item::kChunked;
  const uint8_t old_state = old->state.load(std::memory_order_relaxed);
  if (old_row == row && old->value_length == shape.value_length &&
      ((old_state ^ state) & kSized) == 0) [[likely]] {
    ReplacedLike(t, row, old);
  } else {
    Linked(t, item);
    Unlinked(t, old);
  }
  return item;
}

}  // namespace cucache
