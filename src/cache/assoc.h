// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The table: key -> item. (Counterpart: assoc.c with item_locks of thread.c.)
// Concurrent bucketised cuckoo hashing: a key lives in one of two buckets of
// eight slots; a slot is one word, a bucket one cache line. Reads take no lock
// and write nothing; writers lock the stripes of their two buckets; growth is
// linear hashing by segments, in the background, without a pause.
// doc/table.md has the algorithm, its arguments and its papers.
//
// Invariants (doc/table.md; the code refers to them by number):
//   I1 A live key is in exactly one of its buckets, except that a locked move
//      may show the same word twice.
//   I2 A move stores the destination (release), bumps the version of the
//      destination's bucket (release), then clears the source (release).
//   I3 Between segments items move one way during a round, and readers look
//      in the source before the target.
//   I4 A replace is one store into the same slot.
//   I5 A bucket of the splitting segment is migrated before any writer acts on
//      it or on its twin.
//   I6 A writer that holds its stripes has read the state after taking them.
//   I7 An item is immutable after publication except its atomics, and its
//      memory is reused only after a grace period.
//   I8 A writer that knows in which slot a key stands, and finds it there with
//      the stripe of that bucket held, may replace or remove it under this one
//      stripe. Whoever inserts a key, moves it, or has to find it first, holds
//      both.
//   W1 No word moves from a bucket that a walk has yet to visit to one that it
//      has visited. The cursor of a walk passes a bucket with its stripe held.
//
// Thread safety: every function by any thread at any time, except the
// constructor and the destructor. A thread that calls Find, FindBatch, Victim,
// or keeps what Update showed it, must be on line in the epoch domain
// (base/epoch.h) until it drops the item. The table itself knows no epochs:
// whoever replaced or removed an item retires it.
//
// Lock order: the resize lock, then stripes, lower index first, two at most.
// Both are leaves as seen from outside; decide() runs with two stripes held.
//
// Ownership: items belong to the caller. Their key, flags and value length
// must be written before they are given to the table.
//
// Units: sizes in bytes, loads in percent of slots.

#ifndef CUCACHE_CACHE_ASSOC_H_
#define CUCACHE_CACHE_ASSOC_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/locks.h"
#include "cache/assoc_layout.h"
#include "cache/item.h"
#include "cache/tags.h"

namespace cucache {

// One key to look for, and where it was found.
struct Lookup {
  std::string_view key;
  uint64_t hash;
  Item* item;  // out; nullptr: not there
  // Between the stages: its first bucket; a slot that may be the key's.
  const Bucket* bucket = nullptr;
  const std::atomic<uint64_t>* slot = nullptr;
};

class Assoc {
 public:
  struct Options {
    unsigned segment_bits = 15;      // log2 of the buckets of a segment: 6..15
    uint32_t initial_segments = 1;   // a power of two; it never has fewer
    uint32_t start_segments = 0;     // begins with more, if this is more
    uint32_t max_segments = 4096;    // address space; fewer if it is short
    size_t spare_address_space = 0;  // that is left for others
    bool expand = true;
    // Asked before the table takes `bytes` more; false: it may not. The
    // initial segments are announced too, but taken whatever the answer.
    std::function<bool(size_t bytes)> reserve;
    // Told when it gave `bytes` back.
    std::function<void(size_t bytes)> release;
    // Called by a writer that found the table crowded, at most once between
    // two calls of Maintain(): wake the maintenance thread. Must not block.
    std::function<void()> wake;
  };

  // What Update() is to do with the key's slot.
  enum class Action : uint8_t { kKeep, kReplace, kRemove };
  struct Decision {
    Action action;
    Item* item = nullptr;  // kReplace: what is published (insert if absent)
    size_t bytes = 0;      // for UpdateAt(): slot::BytesToRead(*item), if known
  };
  enum class [[nodiscard]] Outcome : uint8_t{kDone, kFull};

  // `hash` must outlive the table: growth hashes keys anew. Ends the process
  // if the address space is not to be had.
  Assoc(const KeyHash& hash, const Options& options);
  ~Assoc();
  Assoc(const Assoc&) = delete;
  Assoc& operator=(const Assoc&) = delete;

  static bool SameKey(const Item* item, std::string_view key) {
    return item->key_length == key.size() &&
           SameBytes(item->key_data(), key.data(), key.size());
  }

  // The key's item, or nullptr. Waits for nobody.
  [[nodiscard]] Item* Find(uint64_t hash, std::string_view key) const;
  // Where a key stood when somebody looked: what UpdateAt() goes by.
  class Place {
   public:
    // Nothing is known. To be called at each quiescent state (I8).
    void Forget() {
      slot_ = nullptr;
      missed_ = false;
    }
    // The key was looked for, and not found.
    void Miss(uint64_t hash) {
      slot_ = nullptr;
      missed_ = true;
      hash_ = hash;
    }
    bool known() const { return slot_ != nullptr; }
    // It was looked for, and not found: to look again would be of no use.
    bool missed(uint64_t hash) const { return missed_ && hash == hash_; }
    // The item that stood there, nullptr if nothing is known.
    Item* item(uint64_t hash) const {
      return slot_ != nullptr && hash == hash_ ? slot::ItemOf(word_) : nullptr;
    }

    // The same without being asked whose place it is. known().
    Item* item() const { return slot::ItemOf(word_); }

   private:
    friend class Assoc;
    std::atomic<uint64_t>* slot_ = nullptr;
    uint64_t word_ = 0, hash_ = 0;
    TableState state_;
    uint32_t x_ = 0;
    bool missed_ = false;
  };
  // The key's item and its place, for a caller that is about to update it:
  // fetches what that will touch. A hint: it may miss a key that is there (one
  // that moves just now, say), and then, or if there is none, the place is not
  // known.
  [[nodiscard]] Item* Locate(uint64_t hash, std::string_view key,
                             Place* place) const;
  // The first steps of that, up to a slot with the key's tag, for a caller that
  // has something to do while the memory of each is on its way.
  class Seek;
  // Update() of a key that is still where it stood, under one lock: I8. False:
  // decide was not called. `place` knows something, and no quiescent state was
  // announced since.
  template <class Decide>
  [[nodiscard]] bool UpdateAt(const Place& place, Decide&& decide);
  // The same for any number of keys at once, which hides the latency of
  // memory: also fetches the items into the cache. The keys are looked up one
  // by one and in their order, as by Find; there is no moment at which all the
  // answers hold together.
  void FindBatch(Lookup* lookups, size_t n) const;
  // The stages of that, for a caller that has something to do between them: a
  // Locator for each key (its `hash` is there), as soon as it is known; Gather
  // them, at most kLookupGroup; Settle one after another, in their order. The
  // answer is what the table has when Settle is called.
  static constexpr size_t kLookupGroup = 32;
  class Locator;
  void Gather(Lookup* lookups, size_t n) const;
  [[nodiscard]] Item* Settle(const Lookup& lookup) const;

  // Calls decide(Item* old or nullptr) -> Decision with the key's two stripes
  // locked and does what it says. decide may run more than once (only the last
  // counts); it must be short, and may not allocate, lock, or call the table.
  // The item of kReplace must have the same key. The table does not touch
  // Item::state: decide sets and clears kLinked.
  // kFull: decide wanted an insert, there was no room, and the table may not
  // grow, or not until a merge that is being turned around has found room.
  // (While a walk is under way there is less of it, see W1.) Nothing was
  // changed. `fetched`: Locate() or Seek has been there just now.
  template <class Decide>
  Outcome Update(uint64_t hash, std::string_view key, Decide&& decide,
                 bool fetched = false);

  // Fetches what Update() of a key with this hash will touch, for a caller that
  // has something else to do meanwhile.
  void Prefetch(uint64_t hash) const;

  // By identity: true if `old` was in the table, and was removed.
  [[nodiscard]] bool Remove(uint64_t hash, Item* old);

  // The item in the two buckets of `hash` with the lowest recency: the
  // one to evict when Update said kFull. nullptr if both are empty.
  [[nodiscard]] Item* Victim(uint64_t hash) const;

  // A walk that meets every key which is there all the time at least once,
  // however often it is overwritten or moved meanwhile: index by index, and at
  // each index segment by segment. While one is under way the table does not
  // shrink, and inserts find a little less room to make (W1). Stands still
  // between two calls for as long as one likes. By one thread at a time.
  class Walk {
   public:
    enum class Step : uint8_t {
      kItems,  // items[0, n) are those of the next bucket
      kLater,  // the table is shrinking: ask again
      kDone,   // there is nothing left
    };
    explicit Walk(Assoc& table);
    ~Walk();
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    // False: kMaxWalks are under way already; then Next() may not be called.
    bool valid() const { return place_ >= 0; }
    // Room for kSlotsPerBucket items. The thread is on line, and the items are
    // valid until its next quiescent state.
    Step Next(Item** items, size_t* n);

   private:
    friend class Assoc;
    static uint64_t Position(uint32_t x, uint32_t segment) {
      return uint64_t{x} << 32 | segment;
    }
    bool Begin();
    std::atomic<uint64_t>& cursor() {
      return table_.walk_cursors_[static_cast<size_t>(place_)];
    }

    Assoc& table_;
    int place_ = -1;
    bool begun_ = false;
    uint32_t x_ = 0, segment_ = 0;
  };
  static constexpr unsigned kMaxWalks = 8;

  // --- Growth and shrinking. ---
  // Cheap. True: Maintain() has something to do.
  [[nodiscard]] bool NeedsMaintenance() const {
    return TableState(state_.load(std::memory_order_relaxed)).busy() ||
           growing_.load(std::memory_order_relaxed) || Crowded();
  }
  // Migrates up to max_buckets buckets of what is pending, and begins what
  // load asks for. Returns whether there is more to do right now. To be called
  // when NeedsMaintenance(), and about once a second whatever that says: only
  // then the table notices that it could shrink.
  bool Maintain(size_t max_buckets);
  void Maintain() {
    while (Maintain(kMaintainStep)) {
    }
  }

  // --- Figures. ---
  // Keys in the table; exact when nobody writes. Walks over the stripes: for
  // statistics, not for every command.
  size_t size() const;
  uint32_t segments() const {
    return TableState(state_.load(std::memory_order_relaxed)).segments();
  }
  size_t buckets() const { return size_t{segments()} << bits_; }
  // Memory of the segments in use or prepared, and of the stripes.
  size_t bytes() const;
  // log2 of the slots, rounded down (memcached: log2 of its chains).
  unsigned hash_power() const;
  // A round of growth has begun and is not at its end.
  bool is_expanding() const {
    return growing_.load(std::memory_order_relaxed) ||
           TableState(state_.load(std::memory_order_relaxed)).busy();
  }
  // Words moved within segments to make room, since the start.
  uint64_t moves() const { return moves_.load(std::memory_order_relaxed); }
  unsigned load_percent() const;
  // Load of the segments that are not split yet in this round: what growth
  // and shrinking go by.
  unsigned crowding_percent() const;

  // Tests: where the buckets that are in use and the stripes lie, in whole
  // pages.
  struct Region {
    void* at;
    size_t bytes;
  };
  Region slots_region() const { return {base_, segments() * segment_bytes()}; }
  Region stripes_region() const { return {stripes_, stripes_bytes_}; }

  // Counts the words in all slots and looks whether each key is where it is
  // to be. Only when nobody writes. Returns the number of keys, or -1.
  int64_t Verify() const;

 private:
  friend class AssocPeer;  // t/unit/assoc_peer.h: forces rounds

  enum class Applied : uint8_t { kYes, kNoRoom };
  using Slot = std::atomic<uint64_t>;

  static constexpr size_t kMaintainStep = 1024;

  Bucket& At(uint32_t segment, uint32_t x) const {
    return base_[(size_t{segment} << bits_) + x];
  }
  size_t segment_bytes() const { return sizeof(Bucket) << bits_; }
  size_t segment_slots() const { return size_t{kSlotsPerBucket} << bits_; }
  uint32_t stripe_count() const { return mask_ + 1; }
  // Acquire: whoever sees a state sees everything that was done before it was
  // published, above all that a new segment is there and empty.
  TableState State() const {
    return TableState(state_.load(std::memory_order_acquire));
  }

  // --- Reading (assoc.h, assoc_find.cc). ---
  // The other bucket of a key, beside the one that was located.
  const Bucket& Second(const Lookup& lookup) const {
    const Probe probe(lookup.hash, mask_);
    return lookup.bucket[int64_t{probe.x2} - int64_t{probe.x1}];
  }
  static uint64_t FindWord(const Bucket& bucket, uint64_t tag,
                           std::string_view key);
  bool SurelyAbsent(const Probe& probe, TableState state) const;
  Item* FindValidated(uint64_t hash, std::string_view key) const;
  Item* FindInAll(uint64_t hash, std::string_view key) const;
  Item* LocateSlowly(uint64_t hash, std::string_view key, Place* place) const;

  // --- Writing (assoc.cc). ---
  // Fetches what a writer will touch, so that it holds its locks for less.
  void Warm(const Probe& probe) const;
  // Locks the two stripes of the key, reads the state (I6), and migrates the
  // two buckets if they are being split (I5).
  TableState LockBoth(const Probe& probe);
  void LockPair(uint32_t x1, uint32_t x2);
  void UnlockPair(uint32_t x1, uint32_t x2);
  Slot* FindLocked(const Probe& probe, std::string_view key,
                   TableState state) const;
  Slot* FindLocked(const Probe& probe, const Item* item,
                   TableState state) const;
  template <class Match>
  Slot* FindSlot(const Probe& probe, TableState state, Match match) const;
  Slot* FreeSlot(uint32_t segment, uint32_t x) const;
  Applied Apply(const Probe& probe, TableState state, Slot* slot,
                const Decision& decision);
  // Something changed that makes another try worth while; false: full.
  bool MakeRoom(const Probe& probe);

  // --- Displacement (assoc_path.cc). ---
  struct Move;
  class PathSearch;
  enum class Displaced : uint8_t { kRoom, kRaced, kNoPath };
  Displaced Displace(uint32_t segment, uint32_t x1, uint32_t x2);
  bool MoveOne(uint32_t segment, const Move& move);
  static void MoveWord(Slot& from, Slot& to, uint64_t word, Stripe& to_stripe);

  // --- Walks (assoc_walk.cc). ---
  // W1: would this move within a segment hide a word from a walk? Certain with
  // the stripes of both buckets held, a hint otherwise.
  bool EscapesWalk(uint32_t segment, uint32_t from, uint32_t to) const;

  // --- Growth (assoc_grow.cc). ---
  void MapReservation();
  uint64_t CrowdedAt() const {
    return segment_slots() * segments() >> kPressureShift;
  }
  bool Crowded() const {
    return pressure_.load(std::memory_order_relaxed) >= CrowdedAt();
  }
  void NotePressure();
  bool OddWord(TableState state, uint64_t word) const;
  void PrefetchMigration(TableState state, uint32_t x) const;
  void MigrateSplit(TableState state, uint32_t x);
  bool TransferWord(TableState state, uint32_t x, unsigned i);
  bool CarryLocked(TableState state, Slot& from, uint32_t x, uint32_t other);
  bool TransferBucket(TableState state, uint32_t x);
  bool MarkTransferred(TableState state, uint32_t x);
  bool Carry(TableState state, uint32_t x);
  void HelpMigrate();
  bool GrowForWriter();
  bool TakeSegments(uint32_t segments) REQUIRES(resize_);
  bool Prepare(uint32_t segments) REQUIRES(resize_);
  void GiveBack(uint32_t segments) REQUIRES(resize_);
  void Publish(unsigned level, uint32_t split, Phase phase) REQUIRES(resize_);
  bool BeginSplit() REQUIRES(resize_);
  // False: a walk is under way.
  bool BeginMerge() REQUIRES(resize_);
  bool Sweep(size_t max_buckets) REQUIRES(resize_);
  void Finish() REQUIRES(resize_);
  bool StepIdle() REQUIRES(resize_);

  static constexpr unsigned kPressureShift = 8;

  // Read by everyone, written by resizing only.
  const KeyHash& hash_;
  const Options options_;
  uint32_t max_segments_;  // those that there is address space for
  const unsigned bits_;
  const uint32_t mask_;
  Bucket* base_ = nullptr;     // the reservation, aligned
  Stripe* stripes_ = nullptr;  // one for each bucket index, behind
  void* mapping_ = nullptr;
  size_t mapping_bytes_ = 0;
  size_t stripes_bytes_ = 0;
  alignas(kCacheLine) std::atomic<uint64_t> state_{0};
  // A round of growth is under way, from the first split to the last.
  std::atomic<bool> growing_{false};

  // Written on slow paths.
  alignas(kCacheLine) std::atomic<uint64_t> moves_{0};
  // Inserts since the last look at the load that found no free slot.
  std::atomic<uint64_t> pressure_{0};
  // From where down helpers migrate; a hint, the marks are the truth.
  std::atomic<int64_t> help_cursor_{0};
  std::atomic<uint32_t> prepared_{0};  // segments that are ours to use

  // Places that walks have taken, one bit each, and how many have begun.
  std::atomic<uint32_t> walks_taken_{0};
  std::atomic<uint32_t> walks_begun_{0};
  // What a walk has visited: positions below it. 0: no walk, or at its start.
  std::atomic<uint64_t> walk_cursors_[kMaxWalks] = {};

  Mutex resize_;
  uint32_t cursor_ GUARDED_BY(resize_) = 0;  // below it all are migrated
};

// --- Inline: what every read and every write goes through. ---

// The word of `key` in the bucket, or kEmpty. An item is looked at only behind
// a slot load with acquire, so that its content is there (I7); acquire also
// keeps the loads of a reader in order, which validation builds on.
CUCACHE_ALWAYS_INLINE uint64_t Assoc::FindWord(const Bucket& bucket,
                                               uint64_t tag,
                                               std::string_view key) {
  for (unsigned i = 0; i < kSlotsPerBucket; ++i) {
    const uint64_t word = bucket.slots[i].load(std::memory_order_acquire);
    if (slot::Tag(word) == tag && word != slot::kEmpty &&
        SameKey(slot::ItemOf(word), key)) {
      return word;
    }
  }
  return slot::kEmpty;
}

// Is the key in neither bucket of its segment? False: one may have its tag, or
// it is a moment at which that has to be asked in another way. `state` was read
// before this; why it may be believed stands at FindValidated().
CUCACHE_ALWAYS_INLINE bool Assoc::SurelyAbsent(const Probe& probe,
                                               TableState state) const {
  const Bucket* const segment = &At(state.SegmentOf(probe.group), 0);
  const uint64_t version = stripes_[probe.x1].Version();
  return !state.busy() && !HasTag(segment[probe.x1], probe.tag) &&
         !HasTag(segment[probe.x2], probe.tag) &&
         stripes_[probe.x1].Version() == version && State() == state;
}

// A hit in the first bucket reads nothing but the state, the bucket and the
// item. Only when that fails the version matters, and then all is read again.
CUCACHE_ALWAYS_INLINE Item* Assoc::Find(uint64_t hash,
                                        std::string_view key) const {
  const Probe probe(hash, mask_);
  const TableState state = State();
  const Bucket* const segment = &At(state.SegmentOf(probe.group), 0);
  // A quarter of the keys is in that one, and which cannot be predicted.
  PrefetchLine(&segment[probe.x2]);
  const Slot* const slot = FindTag(segment[probe.x1], probe.tag);
  if (slot != nullptr) return Settle({key, hash, nullptr, nullptr, slot});
  return SurelyAbsent(probe, state) ? nullptr : FindInAll(hash, key);
}

// The first stage, for any number of keys in a row: what it reads of the table
// it reads once. At(SegmentOf(group), x1), with the segment where the number of
// a bucket has it, above x1.
class Assoc::Locator {
 public:
  explicit Locator(const Assoc& table)
      : base_(table.base_),
        mask_(table.mask_),
        shift_(Probe::kIndexBits - table.bits_) {
    const TableState state = table.State();
    const uint64_t one = uint64_t{1} << table.bits_;
    split_ = state.split() * one;
    low_ = (one << state.level()) - one;
    high_ = 2 * low_ + one;
  }

  CUCACHE_ALWAYS_INLINE void operator()(Lookup* lookup) const {
    const uint64_t group = lookup->hash >> shift_;
    const uint64_t low = group & low_;
    const uint64_t segment = low < split_ ? group & high_ : low;
    lookup->bucket = &base_[segment + (lookup->hash & mask_)];
    PrefetchLine(lookup->bucket);
  }

 private:
  const Bucket* const base_;
  const uint64_t mask_;
  const unsigned shift_;
  uint64_t split_, low_, high_;
};

CUCACHE_ALWAYS_INLINE Item* Assoc::Settle(const Lookup& lookup) const {
  if (lookup.slot != nullptr) {
    // Acquire, as in FindWord, and for the order of these loads.
    const uint64_t word = lookup.slot->load(std::memory_order_acquire);
    Item* const item = slot::ItemOf(word);
    if (item != nullptr && SameKey(item, lookup.key)) return item;
  }
  return FindValidated(lookup.hash, lookup.key);
}

class Assoc::Seek {
 public:
  CUCACHE_ALWAYS_INLINE Seek(const Assoc& table, uint64_t hash)
      : table_(table),
        hash_(hash),
        probe_(hash, table.mask_),
        state_(table.State()),
        segment_(&table.At(state_.SegmentOf(probe_.group), 0)) {
    PrefetchLine(&segment_[probe_.x1]);
    PrefetchLine(&segment_[probe_.x2]);
    PrefetchLine(&table_.stripes_[probe_.x1]);
  }

  // Where the key's tag stands. For one key in some thousands it is another's
  // place, and in a race it may be that of any key: the caller compares the key
  // before UpdateAt(). A hint, so that nothing is validated: what it says is
  // compared under the lock. Knows nothing while a pair is being split or
  // merged, when a key has two segments.
  CUCACHE_ALWAYS_INLINE Place Guess() const {
    Place place;
    place.hash_ = hash_;
    place.state_ = state_;
    if (state_.busy()) [[unlikely]]
      return place;
    place.x_ = probe_.x1;
    const Slot* slot = FindTag(segment_[probe_.x1], probe_.tag);
    if (slot == nullptr) {
      PrefetchLine(&table_.stripes_[probe_.x2]);
      place.x_ = probe_.x2;
      slot = FindTag(segment_[probe_.x2], probe_.tag);
      place.missed_ = slot == nullptr;
      if (place.missed_) return place;
    }
    // Acquire, as in FindWord.
    place.word_ = slot->load(std::memory_order_acquire);
    if (place.word_ != slot::kEmpty) place.slot_ = const_cast<Slot*>(slot);
    return place;
  }

 private:
  const Assoc& table_;
  const uint64_t hash_;
  const Probe probe_;
  const TableState state_;
  const Bucket* const segment_;
};

CUCACHE_ALWAYS_INLINE Item* Assoc::Locate(uint64_t hash, std::string_view key,
                                          Place* place) const {
  *place = Seek(*this, hash).Guess();
  if (place->missed_) return nullptr;
  if (place->known() && SameKey(place->item(), key)) return place->item();
  return LocateSlowly(hash, key, place);
}

// I8. If the word is the one that was seen, it is the same item: no other can
// have its address, because the caller has been on line ever since (I7). So it
// is the key's, and the key is in the table, in this slot. As long as we hold
// the stripe of this bucket nobody can move, carry, replace or remove the word,
// all of which need it too; and nobody can insert the key, for which both
// stripes are needed. That the state is what it was, and idle, says that the
// slot is in the segment of the key; if a round begins after we have looked, it
// waits for our stripe before it touches the bucket.
template <class Decide>
CUCACHE_ALWAYS_INLINE bool Assoc::UpdateAt(const Place& place,
                                           Decide&& decide) {
  Stripe& stripe = stripes_[place.x_];
  stripe.Lock();
  // Relaxed: every writer of the slot held this lock.
  const bool there =
      place.slot_->load(std::memory_order_relaxed) == place.word_ &&
      State() == place.state_;
  if (there) [[likely]] {
    const Decision decision = decide(slot::ItemOf(place.word_));
    if (decision.action == Action::kReplace) {
      place.slot_->store(
          slot::Pack(slot::Tag(place.word_), decision.item,
                     decision.bytes != 0 ? decision.bytes
                                         : slot::BytesToRead(*decision.item)),
          std::memory_order_release);  // I4
    } else if (decision.action == Action::kRemove) {
      place.slot_->store(slot::kEmpty, std::memory_order_release);
      stripe.AddCount(-1);
    }
  }
  stripe.Unlock();
  return there;
}

template <class Decide>
Assoc::Outcome Assoc::Update(uint64_t hash, std::string_view key,
                             Decide&& decide, bool fetched) {
  const Probe probe(hash, mask_);
  if (!fetched) Warm(probe);
  for (;;) {
    const TableState state = LockBoth(probe);
    Slot* const slot = FindLocked(probe, key, state);
    const uint64_t word =
        slot == nullptr ? slot::kEmpty : slot->load(std::memory_order_relaxed);
    const Decision decision = decide(slot::ItemOf(word));
    const Applied applied = Apply(probe, state, slot, decision);
    UnlockPair(probe.x1, probe.x2);
    if (applied == Applied::kYes) return Outcome::kDone;
    if (!MakeRoom(probe)) return Outcome::kFull;
  }
}

}  // namespace cucache

#endif  // CUCACHE_CACHE_ASSOC_H_
