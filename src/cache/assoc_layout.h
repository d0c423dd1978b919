// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The words that the table (assoc.h) consists of: slot, bucket, stripe, state,
// and how a hash is cut into the numbers that choose among them.
//
// Everything shared is a lock-free atomic. The memory order of each access is
// argued where it is made; doc/table.md has the whole argument.

#ifndef CUCACHE_CACHE_ASSOC_LAYOUT_H_
#define CUCACHE_CACHE_ASSOC_LAYOUT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/locks.h"
#include "cache/item.h"

// For functions whose only effect is a prefetch (g++ 12 takes calls of them
// for calls without effect and drops them) and for the few lines every read
// goes through.
#define CUCACHE_ALWAYS_INLINE inline __attribute__((always_inline))

namespace cucache {

inline constexpr unsigned kSlotsPerBucket = 8;
inline constexpr size_t kCacheLine = 64;

CUCACHE_ALWAYS_INLINE void PrefetchLine(const void* address) {
  __builtin_prefetch(address, 0, 3);
}

// --- Slot word: tag 16 | address / 8 in 44 | lines to prefetch - 1 in 4. ---
// 0 is an empty slot. Items are aligned to 8, and below
// kItemAddressEnd = 2^47.
namespace slot {

inline constexpr uint64_t kEmpty = 0;
inline constexpr unsigned kTagShift = 48;
inline constexpr uint64_t kLinesMask = 15;
inline constexpr uint64_t kAddressMask =
    ((uint64_t{1} << kTagShift) - 1) & ~kLinesMask;
inline constexpr unsigned kAddressShift = 1;
static_assert(kItemAlignment << kAddressShift == kLinesMask + 1);

inline uint64_t Tag(uint64_t word) { return word >> kTagShift; }
inline Item* ItemOf(uint64_t word) {
  return reinterpret_cast<Item*>((word & kAddressMask) >> kAddressShift);
}
inline unsigned Lines(uint64_t word) {
  return static_cast<unsigned>(word & kLinesMask) + 1;
}

// What a reader of the whole item touches there.
inline size_t BytesToRead(const Item& item) {
  return item.prefix_size() + (item.chunked() ? 0 : item.value_length);
}

// Of which it has `bytes` to read, in 16 lines at most.
inline uint64_t Pack(uint64_t tag, const Item* item, size_t bytes) {
  const uint64_t address = reinterpret_cast<uint64_t>(item);
  const uint64_t lines = (address % kCacheLine + bytes - 1) / kCacheLine;
  return tag << kTagShift | address << kAddressShift |
         (lines < kLinesMask ? lines : kLinesMask);
}

}  // namespace slot

// One cache line.
struct alignas(kCacheLine) Bucket {
  std::atomic<uint64_t> slots[kSlotsPerBucket];
};
static_assert(sizeof(Bucket) == kCacheLine);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// Where a hash leads: x = low 15 bits (or fewer), g = the next 33, tag = the
// top 16. The three share no bit, so that the segment says nothing about the
// bucket, and neither about the tag.
struct Probe {
  static constexpr unsigned kIndexBits = 15;
  static constexpr unsigned kGroupBits = 33;

  // An odd number below mask + 1: the distance of the two buckets of a tag.
  // Odd, so that the two always differ; by exclusive or, so that each leads
  // to the other without the key.
  static uint32_t Distance(uint64_t tag, uint32_t mask) {
    return (static_cast<uint32_t>(tag) * 0x5bd1e995u | 1u) & mask;
  }

  Probe(uint64_t hash, uint32_t mask)
      : tag(hash >> slot::kTagShift),
        group(hash >> kIndexBits & ((uint64_t{1} << kGroupBits) - 1)),
        x1(static_cast<uint32_t>(hash) & mask),
        x2(x1 ^ Distance(tag, mask)) {}

  uint64_t tag;
  uint64_t group;
  uint32_t x1;
  uint32_t x2;
};

// Lock, mark and version of one bucket index, in all segments, in one word,
// and the number of keys whose first bucket has this index.
//   bit 0      held
//   bits 1-8   mark: the sequence number (mod 256) of the last resizing round
//              that is done with this bucket; changed by the holder only
//   bits 9-63  version: bumped by the holder when a word is moved into the
//              bucket. 55 bits do not wrap in the life of a process.
class CAPABILITY("stripe") Stripe {
 public:
  Stripe() = default;
  Stripe(const Stripe&) = delete;
  Stripe& operator=(const Stripe&) = delete;

  void Lock() ACQUIRE() {
    uint64_t word = word_.load(std::memory_order_relaxed);
    // Acquire: what the previous holder did happens before what we do.
    while ((word & kHeld) != 0 ||
           !word_.compare_exchange_weak(word, word | kHeld,
                                        std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
      word = WaitUnheld();
    }
  }
  // Nobody but the holder changes the word while it is held: a store does.
  void Unlock() RELEASE() {
    word_.store(word_.load(std::memory_order_relaxed) & ~kHeld,
                std::memory_order_release);
  }

  // For readers: changes whenever a word was moved into the bucket. The lock
  // bit is masked, a reader does not care whether somebody writes.
  uint64_t Version() const {
    // Acquire: the loads of slots that follow stay behind it.
    return word_.load(std::memory_order_acquire) >> kVersionShift;
  }
  // Release: whoever sees the new version sees the word that was moved in.
  void BumpVersion() REQUIRES(this) {
    word_.store(
        word_.load(std::memory_order_relaxed) + (uint64_t{1} << kVersionShift),
        std::memory_order_release);
  }

  bool Marked(uint64_t round) const {
    // Acquire: whoever sees the mark sees the bucket that is done.
    return (word_.load(std::memory_order_acquire) >> 1 & kMarkMask) ==
           (round & kMarkMask);
  }
  void SetMark(uint64_t round) REQUIRES(this) {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    word_.store((word & ~(kMarkMask << 1)) | (round & kMarkMask) << 1,
                std::memory_order_release);
  }

  // Relaxed: a sum over stripes is exact only when nobody writes.
  void AddCount(int64_t delta) REQUIRES(this) {
    count_.store(count_.load(std::memory_order_relaxed) + delta,
                 std::memory_order_relaxed);
  }
  int64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  static constexpr uint64_t kHeld = 1;
  static constexpr uint64_t kMarkMask = 255;
  static constexpr unsigned kVersionShift = 9;

  // Returns an unheld word. Yields after a short spin: the holder may have
  // been preempted.
  __attribute__((noinline)) uint64_t WaitUnheld() const {
    for (int spins = 0;; ++spins) {
      const uint64_t word = word_.load(std::memory_order_relaxed);
      if ((word & kHeld) == 0) return word;
      if (spins < 128) {
        CpuRelax();
      } else {
        sched_yield();
      }
    }
  }

  std::atomic<uint64_t> word_{0};
  std::atomic<int64_t> count_{0};
};
static_assert(sizeof(Stripe) == 16);

// What happens to the pair of segments {split, split + 2^level}. "Odd" keys
// are those of the pair with bit `level` of the group set.
enum class Phase : uint8_t {
  kIdle = 0,     // nothing
  kSplit = 1,    // odd keys go from split to its twin, bucket by bucket
  kMerge = 2,    // odd keys go from the twin to split, key by key
  kUnmerge = 3,  // a merge that found no room: they go back, key by key
};

// The shape of the table in one word: level 6 | split 20 | phase 2 | sequence
// 36. The sequence counts changes of the word, so that an old one never comes
// back while somebody still compares with it (2^36 changes, each of them after
// a walk over a segment).
class TableState {
 public:
  TableState() = default;
  explicit TableState(uint64_t word) : word_(word) {}
  TableState(unsigned level, uint32_t split, Phase phase, uint64_t sequence)
      : word_(level | uint64_t{split} << kSplitShift |
              uint64_t{static_cast<uint8_t>(phase)} << kPhaseShift |
              sequence << kSequenceShift) {}

  uint64_t word() const { return word_; }
  unsigned level() const { return static_cast<unsigned>(word_ & 63); }
  uint32_t split() const {
    return static_cast<uint32_t>(word_ >> kSplitShift & kSplitMask);
  }
  Phase phase() const { return static_cast<Phase>(word_ >> kPhaseShift & 3); }
  uint64_t sequence() const { return word_ >> kSequenceShift; }
  bool busy() const { return phase() != Phase::kIdle; }
  uint32_t twin() const { return split() + (uint32_t{1} << level()); }
  // Segments that may hold something.
  uint32_t segments() const { return twin() + (busy() ? 1 : 0); }

  // The segment of a group, unless it belongs to the pair that is busy: then
  // it is split() for all keys of the pair.
  uint32_t SegmentOf(uint64_t group) const {
    const uint64_t low_mask = (uint64_t{1} << level()) - 1;
    const uint64_t low = group & low_mask;
    return static_cast<uint32_t>(low < split() ? group & (2 * low_mask + 1)
                                               : low);
  }
  bool Odd(uint64_t group) const { return (group >> level() & 1) != 0; }
  // Does the key have two segments to look in?
  bool InPair(uint64_t group) const {
    return busy() && SegmentOf(group) == split();
  }
  // Where the odd keys of the pair come from, and where they go to.
  uint32_t source() const {
    return phase() == Phase::kMerge ? twin() : split();
  }
  uint32_t target() const {
    return phase() == Phase::kMerge ? split() : twin();
  }
  // Where a key is to be inserted.
  uint32_t HomeOf(uint64_t group) const {
    const uint32_t segment = SegmentOf(group);
    return busy() && segment == split() && Odd(group) ? target() : segment;
  }

  friend bool operator==(TableState, TableState) = default;

  static constexpr uint32_t kMaxSegments = 1u << 20;

 private:
  static constexpr unsigned kSplitShift = 6;
  static constexpr uint64_t kSplitMask = kMaxSegments - 1;
  static constexpr unsigned kPhaseShift = 26;
  static constexpr unsigned kSequenceShift = 28;

  uint64_t word_ = 0;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_ASSOC_LAYOUT_H_
