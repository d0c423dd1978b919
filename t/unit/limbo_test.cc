// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/limbo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace cucache {
namespace {

class LimboTest : public ::testing::Test {
 protected:
  void Add(size_t n, uint32_t value_length = 0) {
    for (size_t i = 0; i < n; ++i) {
      Item& item = items_.emplace_back();
      item.value_length = value_length;
      if (!limbo_.Add(&item)) {
        limbo_.Grow();
        ASSERT_TRUE(limbo_.Add(&item));
      }
    }
    ExpectSize();
  }
  size_t FreePassed() {
    const size_t before = freed_.size();
    limbo_.FreePassed(epochs_, [this](Item* item) { freed_.push_back(item); });
    ExpectSize();
    return freed_.size() - before;
  }
  // In the order in which they came, each once.
  void ExpectOrder() {
    for (size_t i = 0; i < freed_.size(); ++i) {
      ASSERT_EQ(freed_[i], &items_[i]) << i;
    }
  }
  void ExpectSize() {
    EXPECT_EQ(limbo_.size(), items_.size() - freed_.size());
    EXPECT_EQ(limbo_.empty(), items_.size() == freed_.size());
  }

  EpochDomain epochs_;
  Limbo limbo_;
  std::deque<Item> items_;
  std::vector<Item*> freed_;
};

TEST_F(LimboTest, FreesAfterTheGracePeriod) {
  for (const size_t n : {1u, 15u, 200u}) {
    Add(n);
    EXPECT_EQ(FreePassed(), 0u);
    epochs_.TryAdvance();
    EXPECT_EQ(FreePassed(), 0u);
    epochs_.TryAdvance();
    EXPECT_EQ(FreePassed(), n);
  }
  ExpectOrder();
  EXPECT_EQ(limbo_.weight(), 0u);
}

// What nobody has looked at has no stamp yet, however old it is.
TEST_F(LimboTest, TheGracePeriodBeginsWithTheNextLook) {
  Add(1);
  epochs_.TryAdvance();
  epochs_.TryAdvance();
  Add(15);
  EXPECT_EQ(FreePassed(), 0u);
  epochs_.TryAdvance();
  epochs_.TryAdvance();
  EXPECT_EQ(FreePassed(), 16u);
}

// In each epoch some come; each time those of two epochs before leave.
TEST_F(LimboTest, EachEpochHasItsOwn) {
  size_t left = 0;
  for (size_t n = 1; n < 50; ++n) {
    Add(n);
    left += FreePassed();
    // Once more in the same epoch.
    Add(1);
    left += FreePassed();
    const size_t passed = n < 3 ? 0 : (n - 2) * (n - 1) / 2 + (n - 2);
    ASSERT_EQ(left, passed) << n;
    epochs_.TryAdvance();
  }
  ExpectOrder();
}

// While somebody reads, it grows; all come out again, in their order.
TEST_F(LimboTest, GrowsAndKeepsTheOrder) {
  EpochParticipant reader(epochs_);
  for (size_t round = 1; round < 4; ++round) {
    reader.Online();
    for (size_t i = 0; i < 300 * round; ++i) {
      Add(1 + i * 7 % 16);
      if (i % 3 == 0) {
        EXPECT_EQ(FreePassed(), 0u);
      }
      epochs_.TryAdvance();
    }
    EXPECT_EQ(FreePassed(), 0u);
    reader.Offline();
    epochs_.TryAdvance();
    epochs_.TryAdvance();
    FreePassed();
    EXPECT_TRUE(limbo_.empty());
  }
  ExpectOrder();
}

TEST_F(LimboTest, LargeItemsWeighMore) {
  Add(2, 100);
  EXPECT_EQ(limbo_.weight(), 2u);
  Add(1, 1 << 20);
  EXPECT_EQ(limbo_.weight(), 2u + 1 + (1 << 20) / 4096);
  EXPECT_EQ(FreePassed(), 0u);
  epochs_.TryAdvance();
  epochs_.TryAdvance();
  EXPECT_EQ(FreePassed(), 3u);
  EXPECT_EQ(limbo_.weight(), 0u);
}

TEST_F(LimboTest, WhatIsLeftIsHandedOver) {
  Add(16);
  EXPECT_EQ(FreePassed(), 0u);
  epochs_.TryAdvance();
  Add(2);
  const Limbo::Rest rest = limbo_.TakeAll(epochs_);
  ASSERT_EQ(rest.items.size(), 18u);
  for (size_t i = 0; i < 18; ++i) EXPECT_EQ(rest.items[i], &items_[i]);
  EXPECT_FALSE(epochs_.Passed(rest.stamp));
  epochs_.TryAdvance();
  EXPECT_FALSE(epochs_.Passed(rest.stamp));
  epochs_.TryAdvance();
  EXPECT_TRUE(epochs_.Passed(rest.stamp));
  EXPECT_TRUE(limbo_.empty());
  EXPECT_EQ(limbo_.weight(), 0u);
}

// G1: the owner adds without the lock while others free with it. Each item
// comes out once, in order, with what the owner wrote into it.
TEST_F(LimboTest, OthersFreeWhileTheOwnerAdds) {
  constexpr uint32_t kItems = 200000;
  std::deque<Item> items(kItems);
  std::mutex lock;
  std::atomic<bool> done{false};
  std::atomic<uint32_t> next{0};
  uint32_t wrong = 0;
  size_t most = 0;
  const auto look = [&] {
    std::lock_guard<std::mutex> held(lock);
    limbo_.FreePassed(epochs_, [&](Item* item) {
      wrong += item != &items[next] || item->value_length != next;
      ++next;
    });
  };
  std::thread frees([&] {
    while (!done) {
      epochs_.TryAdvance();
      look();
    }
  });
  std::thread asks([&] {
    while (!done) most = std::max({most, limbo_.size(), limbo_.weight()});
  });
  for (uint32_t i = 0; i < kItems; ++i) {
    items[i].value_length = i;
    if (!limbo_.Add(&items[i])) {
      std::lock_guard<std::mutex> held(lock);
      limbo_.Grow();
      EXPECT_TRUE(limbo_.Add(&items[i]));
    }
    // So that it frees, and not only at the end.
    while (i == kItems / 2 && next == 0) std::this_thread::yield();
  }
  done = true;
  frees.join();
  asks.join();
  for (int i = 0; i < 3; ++i) {
    look();
    epochs_.TryAdvance();
  }
  EXPECT_EQ(next, kItems);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(limbo_.weight(), 0u);
  // No difference was below zero.
  EXPECT_LT(most, size_t{kItems} * kItems);
}

}  // namespace
}  // namespace cucache
