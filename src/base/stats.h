// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Counters. Each thread has its own block on its own cache lines and is the
// only one that writes it, with relaxed stores; whoever asks sums the blocks.
// (Counterpart: struct thread_stats and slab_stats, which lock.)
//
// A counter is added to a table below: declaration and sum come from there.
// What `stats` shows of it is a row of command/stats_general.def.
//
// Thread safety: a Counter has one writer; anyone may read. A reset does not
// write the counters (that would be a second writer): command/command_state.h
// remembers the sums of that moment, and they are subtracted.

#ifndef CUCACHE_BASE_STATS_H_
#define CUCACHE_BASE_STATS_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace cucache {

class Counter {
 public:
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n,
                 std::memory_order_relaxed);
  }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Per thread.
#define CUCACHE_THREAD_COUNTERS(X) \
  X(get_cmds)                      \
  X(get_hits)                      \
  X(get_misses)                    \
  X(get_expired)                   \
  X(get_flushed)                   \
  X(touch_cmds)                    \
  X(touch_hits)                    \
  X(touch_misses)                  \
  X(delete_hits)                   \
  X(delete_misses)                 \
  X(incr_hits)                     \
  X(incr_misses)                   \
  X(decr_hits)                     \
  X(decr_misses)                   \
  X(sums_in_place)                 \
  X(cas_hits)                      \
  X(cas_badval)                    \
  X(cas_misses)                    \
  X(set_cmds)                      \
  X(meta_cmds)                     \
  X(flush_cmds)                    \
  X(store_too_large)               \
  X(store_no_memory)               \
  X(bytes_read)                    \
  X(bytes_written)                 \
  X(conn_yields)                   \
  X(auth_cmds)                     \
  X(auth_errors)                   \
  X(idle_kicks)                    \
  X(read_buf_oom)                  \
  X(response_obj_oom)              \
  X(grace_waits)

// Per thread and slab class (rows of `stats slabs`).
#define CUCACHE_CLASS_COUNTERS(X) \
  X(get_hits)                     \
  X(set_cmds)                     \
  X(delete_hits)                  \
  X(incr_hits)                    \
  X(decr_hits)                    \
  X(cas_hits)                     \
  X(cas_badval)                   \
  X(touch_hits)

// Size classes, and behind them the numbers of large values (Cache::RowOf).
inline constexpr int kMaxSlabClasses = 160;
inline constexpr int kClassRows = kMaxSlabClasses + 64;

#define CUCACHE_DECLARE(name) C name;
template <class C>
struct ThreadCountersOf {
  CUCACHE_THREAD_COUNTERS(CUCACHE_DECLARE)
};
template <class C>
struct ClassCountersOf {
  CUCACHE_CLASS_COUNTERS(CUCACHE_DECLARE)
};
#undef CUCACHE_DECLARE

struct alignas(64) ThreadStats : ThreadCountersOf<Counter> {
  std::array<ClassCountersOf<Counter>, kClassRows> slab;
};

// What was counted since a reset. The baseline may be newer than the sum, when
// one thread resets while another sums up.
constexpr uint64_t CountedSince(uint64_t baseline, uint64_t sum) {
  return sum > baseline ? sum - baseline : 0;
}

// Plain numbers, for sums.
struct StatsSum : ThreadCountersOf<uint64_t> {
  std::array<ClassCountersOf<uint64_t>, kClassRows> slab;

  StatsSum() : ThreadCountersOf<uint64_t>{}, slab{} {}
  void Add(const ThreadStats& stats);
  void Subtract(const StatsSum& baseline);
};

}  // namespace cucache

#endif  // CUCACHE_BASE_STATS_H_
