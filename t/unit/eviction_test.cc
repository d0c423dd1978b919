// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/eviction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <thread>

#include "cache_fixture.h"

namespace cucache {
namespace {

class EvictionTest : public CacheFixture {};

TEST_F(EvictionTest, EvictsButNeverFails) {
  for (int i = 0; i < 300000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(Set(key, ValueFor(key, 0, 100 + i % 300))) << i;
    if (i % 16 == 0) t_.Quiescent();
  }
  const CacheFigures f = cache_.figures();
  EXPECT_GT(f.evictions, 100000u);
  EXPECT_LE(f.malloced_bytes + f.hash_bytes, uint64_t{16} << 20);
  // Most of the memory holds items.
  EXPECT_GT(f.bytes, (uint64_t{16} << 20) * 3 / 4);
  for (int i = 0; i < 300000; ++i) {
    const std::string key = "k" + std::to_string(i);
    Item* item = Find(key);
    if (item != nullptr) {
      ASSERT_EQ(ReadValue(*item), ValueFor(key, 0, 100 + i % 300));
    }
    if (i % 16 == 0) t_.Quiescent();
  }
}

TEST_F(EvictionTest, WhatIsReadStays) {
  for (int i = 0; i < 200000; ++i) {
    ASSERT_TRUE(Set("scan" + std::to_string(i), std::string(200, 'x')));
    const std::string hot = "hot" + std::to_string(i % 1000);
    Item* item = Find(hot);
    if (item == nullptr) {
      ASSERT_TRUE(Set(hot, hot));
    } else {
      item->Touch(clock_.now());
    }
    t_.Quiescent();
  }
  int there = 0;
  for (int i = 0; i < 1000; ++i) {
    there += Find("hot" + std::to_string(i)) != nullptr ? 1 : 0;
  }
  EXPECT_GE(there, 990);
}

TEST_F(EvictionTest, NoSizeCalcifies) {
  int n = 0;
  for (size_t size : {100u, 2000u, 500000u, 60u, 9000u, 100u, 900000u}) {
    for (size_t bytes = 0; bytes < (40u << 20); bytes += size) {
      const std::string key = "k" + std::to_string(n++);
      ASSERT_TRUE(Set(key, std::string(size, 'x'))) << size << " " << n;
      ASSERT_NE(Find(key), nullptr);
      if (n % 16 == 0) t_.Quiescent();
    }
    EXPECT_LE(cache_.figures().malloced_bytes, uint64_t{16} << 20);
  }
}

TEST_F(EvictionTest, OneLargeAmongManySmall) {
  for (int i = 0; i < 200000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(Set(key, "small value"));
    if (i % 20000 == 19999) {
      ASSERT_TRUE(Set("large" + key, ValueFor(key, 2, 1000000)));
      ASSERT_EQ(ReadValue(*Find("large" + key)), ValueFor(key, 2, 1000000));
    }
    if (i % 16 == 0) t_.Quiescent();
  }
}

TEST(Eviction, OneSizeWeighsOne) {
  EXPECT_EQ(Eviction::Weigh(240, 240), 1.0);
  EXPECT_EQ(Eviction::Weigh(60, 240), 0.5);
  EXPECT_EQ(Eviction::Weigh(540, 240), 1.5);
  EXPECT_EQ(Eviction::Weigh(48, 1 << 20), Eviction::kLeastWeight);
  EXPECT_EQ(Eviction::Weigh(1 << 20, 48), Eviction::kMostWeight);
}

TEST_F(EvictionTest, UnreadItemsOfOneSizeAllLeaveInTheirTurn) {
  const std::string value(200, 'v');
  for (int i = 0; i < 300000; ++i) {
    ASSERT_TRUE(Set("key" + std::to_string(1000000 + i), value));
    t_.Quiescent();
  }
  EXPECT_GT(cache_.figures().evictions, 100000u);
  EXPECT_EQ(cache_.figures().moves_to_main, 0u);
  EXPECT_EQ(cache_.figures().moves_within_main, 0u);
}

// Sizes by turns, each item read as often as every other: of the small ones
// more are kept, and of the large ones some.
TEST_F(EvictionTest, SmallItemsStayLongerAndLargeOnesAreNotShutOut) {
  constexpr uint32_t kKeys = 20000;
  const std::string small(100, 's'), large(4000, 'l');
  std::array<uint32_t, 2> hits{}, reads{};
  uint64_t seed = 1;
  for (int i = 0; i < 600000; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const auto key = static_cast<uint32_t>((seed >> 33) % kKeys);
    const bool is_large = key % 4 == 0;
    Item* item = Find(std::to_string(key));
    if (item != nullptr) {
      item->Touch(clock_.now());
    } else {
      ASSERT_TRUE(Set(std::to_string(key), is_large ? large : small));
    }
    t_.Quiescent();
    if (i < 300000) continue;
    ++reads[is_large];
    hits[is_large] += item != nullptr ? 1 : 0;
  }
  const double small_share = 1.0 * hits[0] / reads[0];
  const double large_share = 1.0 * hits[1] / reads[1];
  EXPECT_GT(small_share, large_share + 0.1);
  EXPECT_GT(large_share, 0.4);
}

// In a full memory one leaves for each that comes, and none for an overwrite.
TEST_F(EvictionTest, LargeValuesLeaveOneByOne) {
  const std::string value(66560, 'x');
  int n = 0;
  const auto evicted_by = [&](int i) {
    const uint64_t before = cache_.figures().evictions;
    EXPECT_TRUE(Set("key" + std::to_string(i), value));
    Settle();
    // The epoch moves on, as it does in a server: what left is not in flight.
    for (int k = 0; k < 2; ++k) {
      EXPECT_TRUE(Set("small", "value"));
      Settle();
    }
    return cache_.figures().evictions - before;
  };
  while (evicted_by(n) == 0) ASSERT_LT(++n, 1000);
  for (int i = 1; i <= 3 * n; ++i) ASSERT_EQ(evicted_by(n + i), 1u) << i;
  for (int i = 0; i < n; ++i) ASSERT_EQ(evicted_by(4 * n), 0u) << i;
}

// Behind a page of heads there are a hundred pages of pieces: whoever wants a
// page must not take them all, nor the same again while they are in flight.
TEST_F(EvictionTest, LargeValuesDoNotLeaveInHeaps) {
  const std::string value(1000000, 'x');
  const auto items = [&] { return cache_.figures().curr_items; };
  uint64_t most = 0, least = ~uint64_t{0};
  std::string error;
  ASSERT_TRUE(cache_.StartMaintenance(&error)) << error;
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(Set("key" + std::to_string(i), value));
    t_.Reclaim();
    most = std::max(most, items());
    if (i > 150) least = std::min(least, items());
    // Others are at work, too.
    if (i % 8 == 0) {
      t_.Offline();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      t_.Online();
    }
  }
  cache_.StopMaintenance();
  EXPECT_GE(least, most * 3 / 4) << most;
}

// While clients send large values the oldest pages of probation are those that
// are being filled; they must be found again when they are.
TEST_F(EvictionTest, ValuesThatAreFilledSlowlyLeaveLikeOthers) {
  const auto small = [](int i) { return "small" + std::to_string(i); };
  const auto large = [](int i) { return "large" + std::to_string(i); };
  constexpr int kSmall = 90000, kLarge = 120, kAtOnce = 6;
  for (int i = 0; i < kSmall; ++i) {
    ASSERT_TRUE(Set(small(i), std::string(100, 'x')));
    Find(small(i))->Touch(clock_.now());
    t_.Quiescent();
  }
  const std::string value(500000, 'x');
  for (int first = 0; first < kLarge; first += kAtOnce) {
    std::array<Item*, kAtOnce> items;
    for (int i = 0; i < kAtOnce; ++i) {
      items[i] = Make(large(first + i), value);
      ASSERT_NE(items[i], nullptr);
      Settle();
    }
    for (Item* item : items) {
      const std::string key(item->key());
      ASSERT_TRUE(cache_.Update(t_, cache_.Hash(key), key, [&](Item*) {
        return Cache::Decision{Cache::Action::kReplace, item};
      }));
    }
    cache_.MaintainForTest(t_);
  }
  int smalls = 0, larges = 0;
  for (int i = 0; i < kSmall; ++i) smalls += Find(small(i)) != nullptr ? 1 : 0;
  for (int i = 0; i < kLarge; ++i) larges += Find(large(i)) != nullptr ? 1 : 0;
  EXPECT_GE(smalls, kSmall * 3 / 4);
  EXPECT_LE(larges, kLarge / 4);
}

class SmallMemoryTest : public CacheFixture {
 protected:
  SmallMemoryTest() : CacheFixture(SmallSettings(2)) {}
};

// Who drains a page passes by what is being stored there. When that is linked,
// the page is to be used again, be there only one item in it: there is a page
// for each size, and together they are much of a small memory.
TEST_F(SmallMemoryTest, PagesKeptByWhatWasBeingStoredAreUsed) {
  constexpr int kMany = 20000, kSizes = 40;
  const std::string value(200, 'x');
  int n = 0;
  const auto store_many = [&] {
    for (int i = 0; i < kMany; ++i) {
      const std::string key = "key" + std::to_string(n++);
      ASSERT_TRUE(Set(key, value));
      Find(key)->Touch(clock_.now());
      if (i % 8 == 0) cache_.MaintainForTest(t_);
    }
  };
  store_many();
  const uint64_t before = cache_.figures().curr_items;
  std::array<Item*, kSizes> items;
  for (int i = 0; i < kSizes; ++i) {
    items[i] = Make("size" + std::to_string(i), std::string(300 + 50 * i, 'x'));
    ASSERT_NE(items[i], nullptr);
  }
  store_many();
  for (Item* item : items) {
    const std::string key(item->key());
    ASSERT_TRUE(cache_.Update(t_, cache_.Hash(key), key, [&](Item*) {
      return Cache::Decision{Cache::Action::kReplace, item};
    }));
  }
  store_many();
  EXPECT_GE(cache_.figures().curr_items, before * 9 / 10);
}

}  // namespace
}  // namespace cucache
