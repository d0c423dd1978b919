// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Warm restarts into memory that has no room for all, or just enough.

#include <gtest/gtest.h>

#include <string>

#include "restart_fixture.h"

namespace cucache {
namespace {

using Status = RestartLoader::Status;

TEST(RestartRoom, WithoutEvictionTheRestIsDropped) {
  Box from(64);
  for (int i = 0; i < 40000; ++i) {
    from.Set("k" + std::to_string(i), std::string(1000, 'v'));
  }
  const std::string file = SaveToString(from.cache());
  Box to(16);
  to.settings().evict_to_free = false;
  const Loaded loaded = LoadFromString(file, &to);
  EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_GT(loaded.figures.dropped, 20000u);
  EXPECT_EQ(40000u, loaded.figures.dropped + loaded.figures.items);
  EXPECT_EQ(loaded.figures.items, to.All().size());
}

// Nor is there less room for them than there was, the reserve included.
TEST(RestartRoom, WithoutEvictionAllThatWasThereComesBack) {
  for (const int threads : {1, 3}) {
    Box from;
    from.settings().evict_to_free = false;
    uint64_t n = 0;
    while (from.Set("k" + std::to_string(n), std::string(n % 2 * 600, 'v'))) {
      if (++n % 64 == 0) from.cache().MaintainForTest(from.thread());
    }
    Box to(16, "4m", n);
    to.settings().evict_to_free = false;
    const Loaded loaded =
        LoadFromString(SaveToString(from.cache()), &to,
                       {.now = kSomeTime, .threads = threads});
    EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
    EXPECT_EQ(0u, loaded.figures.dropped) << "of " << n;
  }
}

// The threads that loaded are gone, and what they evicted is told as that of
// others: how long the last was idle, not a sum over them.
TEST(RestartRoom, IdleTimesOfTheEvictedDoNotAddUp) {
  Box from(64);
  for (int i = 0; i < 200000; ++i) {
    from.Set("k" + std::to_string(i), std::string(100, 'v'));
  }
  from.clock().Advance(100);
  Box to(16);
  const Loaded loaded = LoadFromString(SaveToString(from.cache()), &to,
                                       {.now = kSomeTime, .threads = 4});
  EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_GT(to.cache().figures().evictions, 10000u);
  for (const SlabClassFigures& row : to.cache().class_figures()) {
    EXPECT_LT(row.evicted_time, 110u);
  }
}

}  // namespace
}  // namespace cucache
