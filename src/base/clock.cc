// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/clock.h"

#include <cstdlib>
#include <limits>

namespace cucache {

void Clock::Tick() {
  const int64_t elapsed = MonotonicSeconds() - monotonic_start_ +
                          skew_.load(std::memory_order_relaxed);
  const RelTime now = static_cast<RelTime>(elapsed) + kStart;
  const int64_t wall =
      std::time(nullptr) + skew_.load(std::memory_order_relaxed);
  const int64_t start = wall - now;
  // The seconds of the two do not begin together, so this is one more or less
  // in a part of each second. Only more than that is a clock that was set.
  if (std::llabs(start - wall_start_.load(std::memory_order_relaxed)) > 1) {
    wall_start_.store(start, std::memory_order_relaxed);
  }
  now_.store(now, std::memory_order_relaxed);
}

RelTime Clock::FromExptime(int64_t exptime) const {
  if (exptime == 0) return 0;
  if (exptime < 0) return kExpired;
  const RelTime current = now();
  int64_t when;
  if (exptime > kMaxDelta) {
    when = exptime - wall_start_.load(std::memory_order_relaxed);
    if (when <= static_cast<int64_t>(kStart)) return kExpired;
  } else {
    when = exptime + current;
  }
  // Further away than the clock reaches (136 years) is never.
  if (when > std::numeric_limits<RelTime>::max()) return 0;
  return static_cast<RelTime>(when);
}

}  // namespace cucache
