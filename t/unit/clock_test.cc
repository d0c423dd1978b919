// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace cucache {
namespace {

// The wall clock's second does not begin when the monotonic one's does.
TEST(ClockTest, AMomentKeepsItsWallTime) {
  using std::chrono::steady_clock;
  Clock clock;
  const RelTime in_a_minute = clock.now() + 60;
  const int64_t wall = clock.ToWall(in_a_minute);
  const int64_t wanted = std::time(nullptr) + 3600 * 24 * 60;
  const RelTime absolute = clock.FromExptime(wanted);
  EXPECT_LE(std::llabs(wall - std::time(nullptr) - 60), 2);
  const auto end = steady_clock::now() + std::chrono::milliseconds(1500);
  while (steady_clock::now() < end) {
    clock.Tick();
    ASSERT_EQ(clock.ToWall(in_a_minute), wall);
    ASSERT_EQ(clock.FromExptime(wanted), absolute);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace
}  // namespace cucache
