// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Making room for a key whose two buckets are full: a path of words, each of
// which can go to its other bucket, that ends at a free slot. It is searched
// breadth first and without locks, so it is short but may be out of date; then
// it is walked from the free end, each move under its two stripes and only if
// the words are still what the search saw.
// (Source: Li, Andersen, Kaminsky, Freedman, "Algorithmic Improvements for
// Fast Concurrent Cuckoo Hashing", EuroSys 2014.)

#include "cache/assoc.h"

namespace cucache {

struct Assoc::Move {
  uint32_t from;
  uint32_t to;
  unsigned from_slot;
  unsigned to_slot;
  uint64_t word;
};

// The tree of buckets that can be reached from the two roots. Reads slot words
// only, never items: the tag says where the other bucket is.
class Assoc::PathSearch {
 public:
  PathSearch(const Assoc& table, uint32_t segment)
      : table_(table), segment_(segment) {}

  // True if there is a path; then moves() has it, from the free end.
  bool Run(uint32_t x1, uint32_t x2) {
    Add(x1, kNone, 0, slot::kEmpty);
    Add(x2, kNone, 0, slot::kEmpty);
    for (unsigned n = 0; n < size_; ++n) {
      if (Expand(n)) return true;
    }
    return false;
  }
  const Move* moves() const { return moves_; }
  unsigned length() const { return length_; }

 private:
  static constexpr unsigned kNodes = 512;
  // Deeper than a tree of kNodes can be while most buckets have 8 children;
  // longer paths are given up.
  static constexpr unsigned kMaxLength = 16;
  static constexpr uint16_t kNone = UINT16_MAX;

  struct Node {
    uint64_t word;  // what is to come here from the parent
    uint32_t bucket;
    uint16_t parent;
    uint16_t slot;  // of the parent, where the word stands
  };

  void Add(uint32_t bucket, uint16_t parent, unsigned slot, uint64_t word) {
    if (size_ == kNodes) return;
    nodes_[size_++] = {word, bucket, parent, static_cast<uint16_t>(slot)};
    PrefetchLine(&table_.At(segment_, bucket));
  }

  // Looks for a free slot in the node's bucket; adds its children if none.
  bool Expand(unsigned n) {
    const Node node = nodes_[n];
    const Bucket& bucket = table_.At(segment_, node.bucket);
    uint64_t words[kSlotsPerBucket];
    for (unsigned i = 0; i < kSlotsPerBucket; ++i) {
      // Acquire for order only: the search must not run before State().
      words[i] = bucket.slots[i].load(std::memory_order_acquire);
      if (words[i] == slot::kEmpty) return Collect(n, i);
    }
    for (unsigned k = 0; k < kSlotsPerBucket; ++k) {
      // Not always the same slot first, or its words would move all the time.
      const unsigned i = (k + node.bucket) % kSlotsPerBucket;
      const uint32_t other =
          node.bucket ^ Probe::Distance(slot::Tag(words[i]), table_.mask_);
      // Straight back leads nowhere. Longer circles are found out by MoveOne.
      if (node.parent != kNone && nodes_[node.parent].bucket == other) continue;
      if (table_.EscapesWalk(segment_, node.bucket, other)) continue;
      Add(other, static_cast<uint16_t>(n), i, words[i]);
    }
    return false;
  }

  bool Collect(unsigned n, unsigned free_slot) {
    length_ = 0;
    while (nodes_[n].parent != kNone) {
      if (length_ == kMaxLength) return false;
      const Node& node = nodes_[n];
      const Node& parent = nodes_[node.parent];
      moves_[length_++] = {parent.bucket, node.bucket, node.slot, free_slot,
                           node.word};
      free_slot = node.slot;
      n = node.parent;
    }
    return true;
  }

  const Assoc& table_;
  const uint32_t segment_;
  unsigned size_ = 0;
  unsigned length_ = 0;
  Node nodes_[kNodes];
  Move moves_[kMaxLength];
};

// I2. In this order a reader who finds the source empty finds the word in the
// destination, or knows by the version that it has to look again.
void Assoc::MoveWord(Slot& from, Slot& to, uint64_t word,
                     Stripe& to_stripe) NO_THREAD_SAFETY_ANALYSIS {
  to.store(word, std::memory_order_release);
  to_stripe.BumpVersion();
  from.store(slot::kEmpty, std::memory_order_release);
}

// False if things are not what the search saw, which includes a circle that an
// earlier move of the same path closed. The same word may by now stand for
// another item with the same tag at the same address: its other bucket is the
// same, so it may be moved just as well.
bool Assoc::MoveOne(uint32_t segment,
                    const Move& move) NO_THREAD_SAFETY_ANALYSIS {
  LockPair(move.from, move.to);
  const TableState state = State();  // I6
  bool may = segment < state.segments();
  if (state.busy() && (segment == state.split() || segment == state.twin())) {
    if (state.phase() == Phase::kSplit) {
      MigrateSplit(state, move.from);  // I5
      MigrateSplit(state, move.to);
    } else if (segment == state.source()) {
      // A word that is to leave must not get behind the walk that carries
      // words over.
      may = false;
    }
  }
  Slot& from = At(segment, move.from).slots[move.from_slot];
  Slot& to = At(segment, move.to).slots[move.to_slot];
  may = may && !EscapesWalk(segment, move.from, move.to);  // W1
  may = may && from.load(std::memory_order_relaxed) == move.word &&
        to.load(std::memory_order_relaxed) == slot::kEmpty;
  if (may) MoveWord(from, to, move.word, stripes_[move.to]);
  UnlockPair(move.from, move.to);
  return may;
}

Assoc::Displaced Assoc::Displace(uint32_t segment, uint32_t x1, uint32_t x2) {
  PathSearch search(*this, segment);
  if (!search.Run(x1, x2)) return Displaced::kNoPath;
  unsigned done = 0;
  while (done < search.length() && MoveOne(segment, search.moves()[done])) {
    ++done;
  }
  if (done > 0) moves_.fetch_add(done, std::memory_order_relaxed);
  return done == search.length() ? Displaced::kRoom : Displaced::kRaced;
}

}  // namespace cucache
