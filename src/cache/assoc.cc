// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Writers: lock, find, decide, publish.

#include "cache/assoc.h"

#include <bit>

namespace cucache {

size_t Assoc::size() const {
  int64_t sum = 0;
  for (uint32_t x = 0; x < stripe_count(); ++x) sum += stripes_[x].count();
  // While others write, a removal may be seen without its insert.
  return sum < 0 ? 0 : static_cast<size_t>(sum);
}

size_t Assoc::bytes() const {
  return prepared_.load(std::memory_order_relaxed) * segment_bytes() +
         stripe_count() * sizeof(Stripe);
}

unsigned Assoc::hash_power() const {
  return static_cast<unsigned>(std::bit_width(buckets() * kSlotsPerBucket)) - 1;
}

unsigned Assoc::load_percent() const {
  return static_cast<unsigned>(size() * 100 / (segments() * segment_slots()));
}

// Split segments share what an unsplit one holds with their twins, so the load
// of the unsplit ones is that of a table of 2^level segments.
unsigned Assoc::crowding_percent() const {
  const unsigned level = State().level();
  return static_cast<unsigned>(size() * 100 / (segment_slots() << level));
}

void Assoc::Warm(const Probe& probe) const {
  const uint32_t home = State().HomeOf(probe.group);
  const Bucket& first = At(home, probe.x1);
  const Bucket& second = At(home, probe.x2);
  PrefetchLine(&second);
  PrefetchLine(&stripes_[probe.x1]);
  PrefetchLine(&stripes_[probe.x2]);
  const Slot* slot = FindTag(first, probe.tag);
  if (slot == nullptr) slot = FindTag(second, probe.tag);
  if (slot == nullptr) return;
  PrefetchLine(slot::ItemOf(slot->load(std::memory_order_relaxed)));
}

void Assoc::Prefetch(uint64_t hash) const {
  const Probe probe(hash, mask_);
  const uint32_t home = State().HomeOf(probe.group);
  PrefetchLine(&At(home, probe.x1));
  PrefetchLine(&At(home, probe.x2));
  PrefetchLine(&stripes_[probe.x1]);
  PrefetchLine(&stripes_[probe.x2]);
}

// By index, so that no two threads wait for each other.
void Assoc::LockPair(uint32_t x1, uint32_t x2) NO_THREAD_SAFETY_ANALYSIS {
  const uint32_t low = x1 < x2 ? x1 : x2;
  const uint32_t high = x1 < x2 ? x2 : x1;
  stripes_[low].Lock();
  stripes_[high].Lock();
}

void Assoc::UnlockPair(uint32_t x1, uint32_t x2) NO_THREAD_SAFETY_ANALYSIS {
  stripes_[x1].Unlock();
  stripes_[x2].Unlock();
}

TableState Assoc::LockBoth(const Probe& probe) {
  const TableState before = State();
  if (before.phase() == Phase::kSplit && before.InPair(probe.group)) {
    PrefetchMigration(before, probe.x1);
    PrefetchMigration(before, probe.x2);
  }
  LockPair(probe.x1, probe.x2);
  const TableState state = State();  // I6
  if (state.phase() == Phase::kSplit && state.InPair(probe.group)) {
    MigrateSplit(state, probe.x1);  // I5
    MigrateSplit(state, probe.x2);
  }
  return state;
}

// Relaxed loads: every writer of these buckets held one of our stripes.
template <class Match>
Assoc::Slot* Assoc::FindSlot(const Probe& probe, TableState state,
                             Match match) const {
  const uint32_t home = state.HomeOf(probe.group);
  // A key that is carried over one by one may not have been carried yet.
  const bool two = state.InPair(probe.group) && state.Odd(probe.group) &&
                   state.phase() != Phase::kSplit;
  const uint32_t other = two ? state.source() : home;
  for (uint32_t segment = home;; segment = other) {
    for (uint32_t x : {probe.x1, probe.x2}) {
      Bucket& bucket = At(segment, x);
      if (FindTag(bucket, probe.tag) == nullptr) continue;
      for (Slot& slot : bucket.slots) {
        const uint64_t word = slot.load(std::memory_order_relaxed);
        if (slot::Tag(word) == probe.tag && word != slot::kEmpty &&
            match(slot::ItemOf(word))) {
          return &slot;
        }
      }
    }
    if (segment == other) return nullptr;
  }
}

Assoc::Slot* Assoc::FindLocked(const Probe& probe, std::string_view key,
                               TableState state) const {
  return FindSlot(probe, state,
                  [key](const Item* found) { return SameKey(found, key); });
}

Assoc::Slot* Assoc::FindLocked(const Probe& probe, const Item* item,
                               TableState state) const {
  return FindSlot(probe, state,
                  [item](const Item* found) { return found == item; });
}

Assoc::Slot* Assoc::FreeSlot(uint32_t segment, uint32_t x) const {
  for (Slot& slot : At(segment, x).slots) {
    if (slot.load(std::memory_order_relaxed) == slot::kEmpty) return &slot;
  }
  return nullptr;
}

// Every store is a release store: whoever finds the item finds its content, and
// whoever finds the slot empty finds everything that happened before.
Assoc::Applied Assoc::Apply(const Probe& probe, TableState state, Slot* slot,
                            const Decision& decision)
    NO_THREAD_SAFETY_ANALYSIS {
  if (decision.action == Action::kKeep) return Applied::kYes;
  if (decision.action == Action::kRemove) {
    if (slot == nullptr) return Applied::kYes;
    slot->store(slot::kEmpty, std::memory_order_release);
    stripes_[probe.x1].AddCount(-1);
    return Applied::kYes;
  }
  if (slot == nullptr) {
    const uint32_t home = state.HomeOf(probe.group);
    slot = FreeSlot(home, probe.x1);
    if (slot == nullptr) slot = FreeSlot(home, probe.x2);
    if (slot == nullptr) return Applied::kNoRoom;
    stripes_[probe.x1].AddCount(1);
  }
  slot->store(
      slot::Pack(probe.tag, decision.item, slot::BytesToRead(*decision.item)),
      std::memory_order_release);  // I4
  return Applied::kYes;
}

bool Assoc::Remove(uint64_t hash, Item* old) {
  const Probe probe(hash, mask_);
  const TableState state = LockBoth(probe);
  Slot* const slot = FindLocked(probe, old, state);
  if (slot != nullptr) (void)Apply(probe, state, slot, {Action::kRemove});
  UnlockPair(probe.x1, probe.x2);
  return slot != nullptr;
}

Item* Assoc::Victim(uint64_t hash) const {
  const Probe probe(hash, mask_);
  const uint32_t home = State().HomeOf(probe.group);
  Item* victim = nullptr;
  for (uint32_t x : {probe.x1, probe.x2}) {
    for (const Slot& slot : At(home, x).slots) {
      const uint64_t word = slot.load(std::memory_order_acquire);
      Item* const item = slot::ItemOf(word);
      if (item == nullptr) continue;
      if (victim == nullptr || item->recency() < victim->recency()) {
        victim = item;
      }
    }
  }
  return victim;
}

// In this order: what may help at once, what makes room here, what makes the
// table larger.
bool Assoc::MakeRoom(const Probe& probe) {
  NotePressure();
  HelpMigrate();
  const TableState state = State();
  const uint32_t home = state.HomeOf(probe.group);
  // Nothing is moved within a segment whose words are being carried over.
  const bool leave =
      state.busy() && state.phase() != Phase::kSplit && home == state.source();
  if (!leave && Displace(home, probe.x1, probe.x2) != Displaced::kNoPath) {
    return true;
  }
  return GrowForWriter();
}

int64_t Assoc::Verify() const {
  const TableState state = State();
  int64_t found = 0;
  for (uint32_t segment = 0; segment < state.segments(); ++segment) {
    for (uint32_t x = 0; x < stripe_count(); ++x) {
      for (const Slot& slot : At(segment, x).slots) {
        const uint64_t word = slot.load(std::memory_order_acquire);
        if (word == slot::kEmpty) continue;
        const std::string_view key = slot::ItemOf(word)->key();
        const uint64_t hash = hash_(key);
        const Probe probe(hash, mask_);
        const bool here =
            probe.tag == slot::Tag(word) && (probe.x1 == x || probe.x2 == x);
        if (!here || Find(hash, key) != slot::ItemOf(word)) return -1;
        ++found;
      }
    }
  }
  return found;
}

}  // namespace cucache
