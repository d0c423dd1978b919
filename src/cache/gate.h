// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// May a newcomer that the ghost remembers start in main? While sizes grow, keys
// come back with larger values: each of them in main pushes out several small
// items that are still asked for, and all that are remembered do so in turn.
// Then they come in through probation, as if nobody knew them.
//
// Invariants:
//   D1 The gate is shut only while newcomers are in the mean kRatio times as
//      large as what is held, and only to one that is itself larger than that.
//      So where sizes do not change it does nothing, unless they are spread so
//      widely that what is held is that much smaller; with one size nothing
//      at all.
//   D2 It opens again when a hit on the newcomers that it keeps out would cost
//      less than a hit on what is held does. Otherwise a memory full of keys
//      that nobody asks for any more would keep out all others for ever, since
//      nothing leaves main while nothing enters it.
//
// The cost of a hit is bytes times the time for which they are held, and time
// is counted in newcomers. For what is held it is all the bytes, times the
// newcomers for each hit. For a newcomer that is remembered it is its bytes,
// times the others that were evicted since it was: for so long it would have
// had to be kept.
//
// Thread safety: QueueFor() by any thread, Fit() by one at a time. A thread
// counts for itself, and Fit() is given the sums.

#ifndef CUCACHE_CACHE_GATE_H_
#define CUCACHE_CACHE_GATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/stats.h"
#include "cache/slabs.h"

namespace cucache {

// Of one thread.
#define CUCACHE_NEWCOMER_COUNTERS(X)                           \
  X(stored)     /* keys that were not there */                 \
  X(bytes)      /* of the chunk, or the mean chunk, of each */ \
  X(remembered) /* that the ghost knew, and D1 is about */     \
  X(cost)       /* of these: bytes times newcomers */

#define CUCACHE_DECLARE(name) C name{};
template <class C>
struct NewcomersOf {
  CUCACHE_NEWCOMER_COUNTERS(CUCACHE_DECLARE)
};
#undef CUCACHE_DECLARE

class Gate {
 public:
  // D1, and the newcomers over which their mean is taken.
  static constexpr double kRatio = 1.75, kWindow = 16384;
  // D2: it opens below this part of what a hit costs now, and shuts again at
  // the whole. Misses come in bursts: a larger part would open it to keys that
  // push out what is asked for a moment later. The means are taken over kWindow
  // or this part of what is held, if that is more.
  static constexpr double kWorth = 0.25, kWorthWindow = 0.125;

  using Counters = NewcomersOf<Counter>;
  struct Counts : NewcomersOf<uint64_t> {
    uint64_t hits = 0;
  };

  // Of a newcomer that takes so many bytes and was evicted `age` others ago.
  Queue QueueFor(size_t bytes, uint64_t age, Counters* counters) const {
    if (bytes <= bound_.load(std::memory_order_relaxed)) return Queue::kMain;
    counters->remembered.Add();
    counters->cost.Add(bytes * age);
    return open_.load(std::memory_order_relaxed) ? Queue::kMain
                                                 : Queue::kProbation;
  }

  // What was counted since the last time, while so many chunks, of `mean`
  // bytes, were held.
  void Fit(const Counts& counts, uint64_t chunks, double mean);

 private:
  // How sums over a moving window move on when so many were stored.
  class Step {
   public:
    Step(uint64_t stored, double window);
    void Add(uint64_t n, double* sum) const;

   private:
    double keep_, part_;
  };

  double MeanOf(const Counts& counts);
  bool Worthless(const Counts& counts, double chunks, double mean);

  struct {
    double stored = 0, bytes = 0;
  } size_;
  struct {
    double stored = 0, hits = 0, remembered = 0, cost = 0;
  } worth_;
  std::atomic<size_t> bound_{SIZE_MAX};  // D1
  std::atomic<bool> open_{false};        // D2
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_GATE_H_
