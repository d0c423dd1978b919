// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The set whose value is all there and needs no pieces: what Allocate(),
// copying the value and Update() do together, without what such a set does not
// need. Templates of cache/cache.h, for those who use them.

#ifndef CUCACHE_CACHE_CACHE_AT_ONCE_H_
#define CUCACHE_CACHE_CACHE_AT_ONCE_H_

#include <cstring>

#include "base/bytes.h"
#include "cache/cache.h"

namespace cucache {

// An item that is not linked, without its CAS id and its mark.
CUCACHE_ALWAYS_INLINE Item* Cache::Fill(char* chunk, const ItemShape& shape,
                                        uint8_t state, const char* value) {
  auto* const item = reinterpret_cast<Item*>(chunk);
  item->exptime.store(shape.exptime, std::memory_order_relaxed);
  item->value_length = shape.value_length;
  item->key_length = static_cast<uint8_t>(shape.key.size());
  item->state.store(state, std::memory_order_relaxed);
  char* to = reinterpret_cast<char*>(item + 1);
  if (shape.flags != 0) {
    std::memcpy(to, &shape.flags, sizeof(shape.flags));
    to += sizeof(shape.flags);
  }
  to = CopyShort(to, shape.key.data(), shape.key.size());
  CopyShort(to, value, shape.value_length);
  return item;
}

CUCACHE_ALWAYS_INLINE char* Cache::TakeAtOnce(CacheThread& t,
                                              const ItemShape& shape, int c,
                                              Queue q) {
  char* const chunk = t.TakeAtHand(PageRow(c, q));
  if (chunk != nullptr) return chunk;
  return Refill(t, c, shape.Bytes(), q, PagesToLeave(shape));
}

CUCACHE_ALWAYS_INLINE int Cache::ClassAtOnce(size_t bytes) const {
  return bytes < at_once_bytes_ ? slabs_->ClassFor(bytes) : 0;
}

// Not inlined: it would cost the others registers.
__attribute__((noinline)) inline Item* Cache::InsertAtOnce(
    CacheThread& t, const ItemShape& shape, int c, const char* value,
    uint64_t new_cas) {
  const size_t bytes = slabs_->chunk_size(c);
  const Queue q = eviction_->QueueFor(shape.hash, bytes, bytes, &t.newcomers_);
  char* const chunk = TakeAtOnce(t, shape, c, q);
  if (chunk == nullptr) return nullptr;
  Item* const item = Fill(chunk, shape, shape.State(), value);
  item->cas.store(0, std::memory_order_relaxed);
  item->mark.store(0, std::memory_order_relaxed);
  const auto link = [item](Item*) { return Decision{Action::kReplace, item}; };
  if (Update(t, shape.hash, shape.key, link, new_cas, true)) return item;
  Free(t, item);
  return nullptr;
}

// An item, filled, that is to take the place of another one, and the rows of
// their pages. item is nullptr if no chunk was to be had.
struct Cache::Successor {
  Item* old;
  uint16_t old_row, row;
  Item* item;
};

// In the queue of the old one, as in QueueForNew().
CUCACHE_ALWAYS_INLINE Cache::Successor Cache::FillAfter(CacheThread& t,
                                                        Item* old,
                                                        const ItemShape& shape,
                                                        uint8_t state, int c,
                                                        const char* value) {
  const uint16_t old_row = slabs_->RowOf(old);
  const auto q = static_cast<Queue>(old_row % kQueues);
  char* const chunk = TakeAtOnce(t, shape, c, q);
  Item* const item =
      chunk == nullptr ? nullptr : Fill(chunk, shape, state, value);
  return {old, old_row, PageRow(c, q), item};
}

// False: the place is not what it was, and the new item has gone.
// state_for(item) says, with the slot locked, what state it is to have.
template <class StateFor>
CUCACHE_ALWAYS_INLINE bool Cache::PutAfter(CacheThread& t,
                                           const Assoc::Place& place,
                                           const Successor& next, size_t bytes,
                                           uint64_t new_cas,
                                           StateFor&& state_for) {
  const bool done = assoc_->UpdateAt(place, [&](Item*) {
    Prepare(t, next.item, state_for(next.item), next.old, true, new_cas);
    return Decision{Action::kReplace, next.item, bytes};
  });
  if (done) {
    Replaced(t, next.item, next.row, next.old, next.old_row);
  } else {
    t.GiveBack(next.item);
  }
  return done;
}

CUCACHE_ALWAYS_INLINE bool Cache::IsAlive(const Item* item,
                                          std::string_view key) const {
  return Assoc::SameKey(item, key) && Check(item) == Finding::kAlive;
}

template <class Inherit>
Item* Cache::ReplaceAtOnce(CacheThread& t, Item* old, const ItemShape& shape,
                           int c, const char* value, uint8_t mark,
                           uint64_t new_cas, Inherit&& inherit) {
  const Successor next = FillAfter(t, old, shape, shape.State(), c, value);
  if (next.item == nullptr) return nullptr;
  next.item->mark.store(mark, std::memory_order_relaxed);
  const bool done =
      PutAfter(t, t.place_, next, shape.Bytes(), new_cas, [&](Item* item) {
        inherit(item);
        return item->state.load(std::memory_order_relaxed);
      });
  t.place_.Forget();
  return done ? next.item : nullptr;
}

// What does not need the bucket stands before the look into it, and what does
// not need the item that is found there before that is asked for its key: a
// processor goes on for some two hundred instructions behind one that waits for
// memory, so the fewer follow the last of those that do, the sooner the next
// set asks for its bucket. But a long value is not copied before it is known
// that it can stay.
//
// I8: the place is a local, which no quiescent state forgets. None is announced
// between Guess() and UpdateAt(): Refill() may evict, but it never waits.
CUCACHE_ALWAYS_INLINE Item* Cache::SetAtOnce(CacheThread& t,
                                             const ItemShape& shape,
                                             const char* value,
                                             uint64_t new_cas,
                                             int* slab_class) {
  const Assoc::Seek seek(*assoc_, shape.hash);
  eviction_->PrefetchGhost(shape.hash);
  // Read once: what is stored from here on might be the shape, as far as the
  // compiler knows.
  const size_t bytes = shape.Bytes();
  const uint8_t state = shape.State();
  const int c = ClassAtOnce(bytes);
  *slab_class = c;
  if (c == 0) return nullptr;
  t.place_.Forget();  // it may be the key's
  const Assoc::Place place = seek.Guess();
  if (place.missed(shape.hash)) {
    t.place_.Miss(shape.hash);
    return InsertAtOnce(t, shape, c, value, new_cas);
  }
  if (!place.known()) return nullptr;
  Item* const old = place.item();
  const bool look_first = bytes > kFillFirst;
  if (look_first && !IsAlive(old, shape.key)) return nullptr;
  const Successor next = FillAfter(t, old, shape, state, c, value);
  if (next.item == nullptr) return nullptr;
  if (!look_first && !IsAlive(old, shape.key)) [[unlikely]] {
    t.GiveBack(next.item);
    return nullptr;
  }
  next.item->mark.store(old->recency(), std::memory_order_relaxed);
  const bool done = PutAfter(t, place, next, bytes, new_cas,
                             [state](const Item*) { return state; });
  return done ? next.item : nullptr;
}

}  // namespace cucache

#endif  // CUCACHE_CACHE_CACHE_AT_ONCE_H_
