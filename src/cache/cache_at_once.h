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
                                        const char* value) {
  auto* const item = reinterpret_cast<Item*>(chunk);
  item->exptime.store(shape.exptime, std::memory_order_relaxed);
  item->value_length = shape.value_length;
  item->key_length = static_cast<uint8_t>(shape.key.size());
  item->state.store(shape.State(), std::memory_order_relaxed);
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
  return Refill(t, c, shape.PrefixBytes() + shape.value_length, q,
                PagesToLeave(shape));
}

CUCACHE_ALWAYS_INLINE int Cache::ClassAtOnce(const ItemShape& shape) const {
  const size_t bytes = shape.PrefixBytes() + shape.value_length;
  return TooLarge(shape) || IsLarge(bytes) ? 0 : slabs_->ClassFor(bytes);
}

// Not inlined: it would cost the others registers.
__attribute__((noinline)) inline Item* Cache::InsertAtOnce(
    CacheThread& t, const ItemShape& shape, int c, const char* value,
    uint64_t new_cas) {
  const size_t bytes = slabs_->chunk_size(c);
  const Queue q = eviction_->QueueFor(shape.hash, bytes, bytes, &t.newcomers_);
  char* const chunk = TakeAtOnce(t, shape, c, q);
  if (chunk == nullptr) return nullptr;
  Item* const item = Fill(chunk, shape, value);
  item->cas.store(0, std::memory_order_relaxed);
  item->mark.store(0, std::memory_order_relaxed);
  const auto link = [item](Item*) { return Decision{Action::kReplace, item}; };
  if (Update(t, shape.hash, shape.key, link, new_cas, true)) return item;
  Free(t, item);
  return nullptr;
}

template <class Inherit>
CUCACHE_ALWAYS_INLINE Item* Cache::ReplaceAtOnce(CacheThread& t, Item* old,
                                                 const ItemShape& shape, int c,
                                                 const char* value,
                                                 uint8_t mark, uint64_t new_cas,
                                                 Inherit&& inherit) {
  // As in QueueForNew().
  const uint16_t old_row = slabs_->RowOf(old);
  const auto q = static_cast<Queue>(old_row % kQueues);
  char* const chunk = TakeAtOnce(t, shape, c, q);
  if (chunk == nullptr) return nullptr;
  Item* const item = Fill(chunk, shape, value);
  item->mark.store(mark, std::memory_order_relaxed);
  const bool done = assoc_->UpdateAt(t.place_, [&](Item*) {
    inherit(item);
    Prepare(t, item, old, true, new_cas);
    return Decision{Action::kReplace, item};
  });
  t.place_.Forget();
  if (!done) {
    t.GiveBack(item);
    return nullptr;
  }
  Replaced(t, item, PageRow(c, q), old, old_row);
  return item;
}

CUCACHE_ALWAYS_INLINE Item* Cache::SetAtOnce(CacheThread& t,
                                             const ItemShape& shape,
                                             const char* value,
                                             uint64_t new_cas,
                                             int* slab_class) {
  const int c = ClassAtOnce(shape);
  *slab_class = c;
  if (c == 0) return nullptr;
  eviction_->PrefetchGhost(shape.hash);
  Item* const old = assoc_->Locate(shape.hash, shape.key, &t.place_);
  if (t.place_.missed(shape.hash)) {
    return InsertAtOnce(t, shape, c, value, new_cas);
  }
  if (!t.place_.known() || Check(old) != Finding::kAlive) return nullptr;
  return ReplaceAtOnce(t, old, shape, c, value, old->recency(), new_cas,
                       [](Item*) {});
}

}  // namespace cucache

#endif  // CUCACHE_CACHE_CACHE_AT_ONCE_H_
