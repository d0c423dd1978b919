// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The server's coarse clock: whole seconds since shortly before the start
// (memcached's rel_time_t and current_time). Monotonic time inside; wall time
// only at the edge, where a client gives an absolute expiry.
//
// Thread safety: Tick() by one thread (the dispatcher, several times a
// second). Everything else by any thread at any time; an Advance() beside a
// Tick() may be seen only with the next one.

#ifndef CUCACHE_BASE_CLOCK_H_
#define CUCACHE_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>
#include <ctime>

namespace cucache {

using RelTime = uint32_t;  // seconds; 0 means "never" where an expiry stands

class Clock {
 public:
  Clock() { Tick(); }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  RelTime now() const { return now_.load(std::memory_order_relaxed); }
  // Seconds since the start.
  RelTime uptime() const { return now() - kStart; }
  // Wall time that a relative time stands for, to the second or one beside it;
  // the same each time, unless the wall clock was set.
  int64_t ToWall(RelTime t) const {
    return wall_start_.load(std::memory_order_relaxed) + t;
  }

  // A client's exptime as a relative time. 0 is never; a negative one is in
  // the past (returns kExpired); up to 30 days is relative to now; larger
  // ones are absolute wall times, in the past if before the start.
  RelTime FromExptime(int64_t exptime) const;

  // Reads the monotonic and the wall clock.
  void Tick();

  // Moves the clock forward for good: for tests, and the command debugtime.
  void Advance(uint32_t seconds) {
    skew_.fetch_add(seconds, std::memory_order_relaxed);
    Tick();
  }

  // A moment that has always passed already (memcached's realtime(-1) = 1).
  static constexpr RelTime kExpired = 1;
  // The clock starts here, so that kExpired is in the past from the start.
  static constexpr RelTime kStart = 2;
  static constexpr int64_t kMaxDelta = 60 * 60 * 24 * 30;

 private:
  static int64_t MonotonicSeconds() {
    timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
  }

  const int64_t monotonic_start_ = MonotonicSeconds();
  std::atomic<uint32_t> skew_{0};
  std::atomic<RelTime> now_{kStart};
  // Wall time of relative time 0; follows the wall clock when that jumps.
  std::atomic<int64_t> wall_start_{0};
};

}  // namespace cucache

#endif  // CUCACHE_BASE_CLOCK_H_
