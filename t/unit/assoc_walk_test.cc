// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Walks over the keys of the table. With threads: assoc_stress.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "cache/assoc.h"
#include "t/unit/assoc_items.h"
#include "t/unit/assoc_peer.h"

namespace cucache {
namespace {

using Action = Assoc::Action;
using Decision = Assoc::Decision;
using Step = Assoc::Walk::Step;

class WalkTest : public testing::Test {
 protected:
  ~WalkTest() override {
    for (Item* item : items_) FreeItem(item);
  }
  void Make(unsigned bits, uint32_t segments, bool expand) {
    Assoc::Options o;
    o.segment_bits = bits;
    o.initial_segments = segments;
    o.max_segments = 256;
    o.expand = expand;
    table_ = std::make_unique<Assoc>(hash_, o);
  }
  bool Set(const std::string& key) {
    Item* const item = items_.emplace_back(NewItem(key, "v"));
    return table_->Update(hash_(key), key, [item](Item*) {
      return Decision{Action::kReplace, item};
    }) == Assoc::Outcome::kDone;
  }
  void Delete(const std::string& key) {
    (void)table_->Update(hash_(key), key,
                         [](Item*) { return Decision{Action::kRemove}; });
  }
  static std::string Stable(int n) { return "stable" + std::to_string(n); }
  void SetStable(int n) {
    for (int i = 0; i < n; ++i) ASSERT_TRUE(Set(Stable(i)));
  }
  // Walks to the end; how often each key was met. `meanwhile` runs between any
  // two buckets.
  template <class F>
  std::map<std::string, int> Walk(F&& meanwhile) {
    std::map<std::string, int> met;
    Assoc::Walk walk(*table_);
    EXPECT_TRUE(walk.valid());
    for (;;) {
      Item* items[kSlotsPerBucket];
      size_t n;
      const Step step = walk.Next(items, &n);
      if (step == Step::kDone) return met;
      EXPECT_EQ(step, Step::kItems);
      for (size_t i = 0; i < n; ++i) ++met[std::string(items[i]->key())];
      meanwhile();
    }
  }
  static int Missed(const std::map<std::string, int>& met, int n) {
    int missed = 0;
    for (int i = 0; i < n; ++i) missed += !met.contains(Stable(i));
    return missed;
  }

  const KeyHash hash_{12345};
  std::unique_ptr<Assoc> table_;
  std::deque<Item*> items_;
  std::mt19937 random_{1};
};

TEST_F(WalkTest, MeetsEachKeyOnce) {
  Make(6, 4, true);
  SetStable(1500);
  const auto met = Walk([] {});
  EXPECT_EQ(met.size(), 1500u);
  for (const auto& [key, times] : met) EXPECT_EQ(times, 1) << key;
}

// A full table in which every insert displaces others.
TEST_F(WalkTest, MissesNothingWhileKeysAreDisplacedAndOverwritten) {
  Make(8, 2, false);
  const int slots = 2 * 256 * 8;
  const int stable = slots / 2;
  SetStable(stable);
  std::deque<std::string> others;
  int next = 0;
  const auto insert = [&] {
    std::string key = "o" + std::to_string(next++);
    if (Set(key)) others.push_back(std::move(key));
  };
  while (stable + others.size() < slots * 0.95) insert();
  const uint64_t moves = table_->moves();
  const auto met = Walk([&] {
    for (int i = 0; i < 10; ++i) {
      std::swap(others.front(), others[random_() % others.size()]);
      Delete(others.front());
      others.pop_front();
      insert();
      Set(Stable(static_cast<int>(random_() % stable)));
    }
  });
  EXPECT_GT(table_->moves(), moves + 1000);
  EXPECT_EQ(Missed(met, stable), 0);
  // The restriction costs next to nothing.
  EXPECT_GT(stable + others.size(), slots * 0.94);
  EXPECT_EQ(table_->Verify(), static_cast<int64_t>(stable + others.size()));
}

TEST_F(WalkTest, MissesNothingWhileTheTableGrows) {
  Make(6, 1, true);
  SetStable(400);
  int next = 0;
  const uint32_t before = table_->segments();
  const auto met = Walk([&] {
    for (int i = 0; i < 5; ++i) Set("g" + std::to_string(next++));
    (void)table_->Maintain(16);
  });
  EXPECT_GT(table_->segments(), before + 2);
  EXPECT_EQ(Missed(met, 400), 0);
}

TEST_F(WalkTest, TheTableShrinksOnlyBehindIt) {
  Make(6, 1, true);
  SetStable(4000);
  table_->Maintain();
  const uint32_t before = table_->segments();
  ASSERT_GT(before, 4u);
  for (int i = 100; i < 4000; ++i) Delete(Stable(i));
  const auto met = Walk([&] { (void)table_->Maintain(1024); });
  EXPECT_EQ(Missed(met, 100), 0);
  EXPECT_EQ(table_->segments(), before);
  table_->Maintain();
  EXPECT_LT(table_->segments(), before / 2);
}

TEST_F(WalkTest, WaitsForAShrinkingTable) {
  Make(6, 1, true);
  SetStable(2000);
  table_->Maintain();
  for (int i = 100; i < 2000; ++i) Delete(Stable(i));
  ASSERT_TRUE(AssocPeer::BeginMerge(*table_));
  {
    Assoc::Walk walk(*table_);
    Item* items[kSlotsPerBucket];
    size_t n;
    EXPECT_EQ(walk.Next(items, &n), Step::kLater);
    EXPECT_EQ(n, 0u);
    while (AssocPeer::Sweep(*table_, 16)) {
    }
    EXPECT_EQ(walk.Next(items, &n), Step::kItems);
    EXPECT_FALSE(AssocPeer::BeginMerge(*table_));
  }
  EXPECT_TRUE(AssocPeer::BeginMerge(*table_));
}

TEST_F(WalkTest, PlacesAreLimited) {
  Make(6, 1, true);
  std::deque<Assoc::Walk> walks;
  for (unsigned i = 0; i < Assoc::kMaxWalks; ++i) {
    EXPECT_TRUE(walks.emplace_back(*table_).valid());
  }
  EXPECT_FALSE(Assoc::Walk(*table_).valid());
  walks.pop_front();
  EXPECT_TRUE(Assoc::Walk(*table_).valid());
}

}  // namespace
}  // namespace cucache
