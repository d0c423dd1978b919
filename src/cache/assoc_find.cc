// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Readers: what Find does after its first bucket, and look-up in batches.

#include <algorithm>

#include "cache/assoc.h"

namespace cucache {

// A miss counts only if the version of the first bucket and the state are what
// they were before the slots were read: a key that was moved from its second
// bucket to the first behind our back has bumped that version, one that was
// moved the other way is found in the second (I2), and one that changed its
// segment was found in the source or is found in the target (I3), or its round
// began after we read the state. Each of these is known to a reader who saw
// the effect, because it read the slot with acquire; so the two loads at the
// end may be relaxed in what they order. Ends as soon as one pass is not
// disturbed by a move; nobody is waited for.
Item* Assoc::FindValidated(uint64_t hash, std::string_view key) const {
  const Probe probe(hash, mask_);
  for (;;) {
    const TableState state = State();
    const uint64_t version = stripes_[probe.x1].Version();
    const bool two = state.InPair(probe.group) && state.Odd(probe.group);
    const uint32_t home = state.HomeOf(probe.group);
    uint32_t segment = two ? state.source() : home;
    for (;; segment = home) {
      uint64_t word = FindWord(At(segment, probe.x1), probe.tag, key);
      if (word != slot::kEmpty) return slot::ItemOf(word);
      word = FindWord(At(segment, probe.x2), probe.tag, key);
      if (word != slot::kEmpty) return slot::ItemOf(word);
      if (segment == home) break;
    }
    if (stripes_[probe.x1].Version() == version && State() == state) {
      return nullptr;
    }
  }
}

Item* Assoc::FindForUpdate(uint64_t hash, std::string_view key) const {
  const Probe probe(hash, mask_);
  PrefetchLine(&stripes_[probe.x1]);
  PrefetchLine(&stripes_[probe.x2]);
  PrefetchLine(&At(State().HomeOf(probe.group), probe.x2));
  return Find(hash, key);
}

namespace {

CUCACHE_ALWAYS_INLINE void PrefetchItem(const std::atomic<uint64_t>& slot) {
  const uint64_t word = slot.load(std::memory_order_relaxed);
  const char* const item = reinterpret_cast<const char*>(slot::ItemOf(word));
  const unsigned lines = slot::Lines(word);
  for (unsigned i = 0; i < lines; ++i) PrefetchLine(item + i * kCacheLine);
}

}  // namespace

// In stages over the whole group, so that the misses of one stage overlap:
// first buckets; items, or second buckets; the other items; keys. What the
// stages find is the slot of a candidate by its tag. Only the last stage reads
// what counts, key after key: so who sees of a writer's two stores the later
// one, under an earlier key, sees the other as well. Whatever is not settled by
// the candidate goes through Find, with all its memory in the cache by then.
void Assoc::FindGroup(Lookup* lookups, size_t n) const {
  const Bucket* first[kLookupGroup];
  const Slot* slots[kLookupGroup];
  const TableState state = State();
  for (size_t i = 0; i < n; ++i) {
    const Probe probe(lookups[i].hash, mask_);
    first[i] = &At(state.SegmentOf(probe.group), probe.x1);
    PrefetchLine(first[i]);
  }
  for (size_t i = 0; i < n; ++i) {
    const Probe probe(lookups[i].hash, mask_);
    slots[i] = FindTag(*first[i], probe.tag);
    if (slots[i] != nullptr) {
      PrefetchItem(*slots[i]);
    } else {
      PrefetchLine(first[i] + (int64_t{probe.x2} - int64_t{probe.x1}));
      PrefetchLine(&stripes_[probe.x1]);
    }
  }
  for (size_t i = 0; i < n; ++i) {
    if (slots[i] != nullptr) continue;
    const Probe probe(lookups[i].hash, mask_);
    slots[i] =
        FindTag(first[i][int64_t{probe.x2} - int64_t{probe.x1}], probe.tag);
    if (slots[i] != nullptr) PrefetchItem(*slots[i]);
  }
  for (size_t i = 0; i < n; ++i) {
    Lookup& lookup = lookups[i];
    // Acquire: for the item, and for the order of these loads.
    const uint64_t word = slots[i] == nullptr
                              ? slot::kEmpty
                              : slots[i]->load(std::memory_order_acquire);
    Item* const item = slot::ItemOf(word);
    lookup.item = item != nullptr && SameKey(item, lookup.key)
                      ? item
                      : FindValidated(lookup.hash, lookup.key);
  }
}

void Assoc::FindBatch(Lookup* lookups, size_t n) const {
  while (n > 0) {
    const size_t group = std::min(n, kLookupGroup);
    FindGroup(lookups, group);
    lookups += group;
    n -= group;
  }
}

}  // namespace cucache
