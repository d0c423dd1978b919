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
// began after we read the state. Each of these is known to a reader that saw
// the effect, because it read the slot with acquire; so the two loads at the
// end may be relaxed in what they order. Ends as soon as one pass is not
// disturbed by a move; nobody is waited for.
//
// Most keys that come here are absent, and most of the time the table neither
// splits nor merges: then both buckets are read without asking twice.
Item* Assoc::FindValidated(uint64_t hash, std::string_view key) const {
  if (SurelyAbsent(Probe(hash, mask_), State())) [[likely]]
    return nullptr;
  return FindInAll(hash, key);
}

// In every bucket that the key may be in; the same argument.
Item* Assoc::FindInAll(uint64_t hash, std::string_view key) const {
  const Probe probe(hash, mask_);
  for (;;) {
    const TableState state = State();
    const uint64_t version = stripes_[probe.x1].Version();
    const bool two = state.InPair(probe.group) && state.Odd(probe.group);
    const uint32_t home = state.HomeOf(probe.group);
    uint32_t segment = two ? state.source() : home;
    for (;; segment = home) {
      for (const uint32_t x : {probe.x1, probe.x2}) {
        const Bucket& bucket = At(segment, x);
        const uint64_t word = FindWord(bucket, probe.tag, key);
        if (word != slot::kEmpty) return slot::ItemOf(word);
      }
      if (segment == home) break;
    }
    if (stripes_[probe.x1].Version() == version && State() == state) {
      return nullptr;
    }
  }
}

// The slot that has the key's tag is another key's, or empty; or a key may have
// two segments.
Item* Assoc::LocateSlowly(uint64_t hash, std::string_view key,
                          Place* place) const {
  place->Forget();
  if (place->state_.busy()) return FindValidated(hash, key);
  const Probe probe(hash, mask_);
  const uint32_t segment = place->state_.SegmentOf(probe.group);
  for (const uint32_t x : {probe.x1, probe.x2}) {
    for (Slot& slot : At(segment, x).slots) {
      // Acquire, as in FindWord.
      const uint64_t word = slot.load(std::memory_order_acquire);
      if (slot::Tag(word) == probe.tag && word != slot::kEmpty &&
          SameKey(slot::ItemOf(word), key)) {
        place->slot_ = &slot;
        place->word_ = word;
        place->x_ = x;
        return slot::ItemOf(word);
      }
    }
  }
  place->missed_ = true;
  return nullptr;
}

namespace {

// Lines of an item from which on it is worth to fetch them all at once although
// only one key is looked for.
constexpr unsigned kLong = 8;

CUCACHE_ALWAYS_INLINE void PrefetchItem(const std::atomic<uint64_t>& slot) {
  const uint64_t word = slot.load(std::memory_order_relaxed);
  const char* line = reinterpret_cast<const char*>(slot::ItemOf(word));
  const char* const last = line + (slot::Lines(word) - 1) * kCacheLine;
  for (;; line += kCacheLine) {
    PrefetchLine(line);
    if (line == last) break;
  }
}

}  // namespace

// Look-up in batches goes in stages over the whole group, so that the misses of
// one stage overlap: first buckets (Locator); items, or second buckets; the
// other items (Gather); keys (Settle). What the stages find is the slot of a
// candidate by its tag. Only Settle reads what counts, key after key: so if an
// earlier key of the batch shows the later one of a writer's two stores, a
// later key shows the earlier store, too. Whatever is not settled by the
// candidate goes through FindValidated, with all its memory in the cache by
// then. The state may have changed since then: the candidate is wrong at worst.
void Assoc::Gather(Lookup* lookups, size_t n) const {
  Lookup* later[kLookupGroup];
  size_t open = 0;
  if (n == 1) {
    // Nothing to overlap with, but the lines of a long item with each other.
    const uint64_t tag = lookups->hash >> slot::kTagShift;
    lookups->slot = FindTag(*lookups->bucket, tag);
    if (lookups->slot != nullptr &&
        slot::Lines(lookups->slot->load(std::memory_order_relaxed)) >= kLong) {
      PrefetchItem(*lookups->slot);
    }
    return;
  }
  for (Lookup* l = lookups; l != lookups + n; ++l) {
    l->slot = FindTag(*l->bucket, l->hash >> slot::kTagShift);
    if (l->slot != nullptr) {
      PrefetchItem(*l->slot);
      continue;
    }
    later[open++] = l;
    PrefetchLine(&Second(*l));
    PrefetchLine(&stripes_[Probe(l->hash, mask_).x1]);
  }
  for (size_t i = 0; i < open; ++i) {
    Lookup& l = *later[i];
    l.slot = FindTag(Second(l), l.hash >> slot::kTagShift);
    if (l.slot != nullptr) PrefetchItem(*l.slot);
  }
}

void Assoc::FindBatch(Lookup* lookups, size_t n) const {
  while (n > 0) {
    const size_t group = std::min(n, kLookupGroup);
    const Locator locate(*this);
    for (size_t i = 0; i < group; ++i) locate(&lookups[i]);
    Gather(lookups, group);
    for (size_t i = 0; i < group; ++i) lookups[i].item = Settle(lookups[i]);
    lookups += group;
    n -= group;
  }
}

}  // namespace cucache
