// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The gate (cache/gate.h): what it makes of counts, and what it is for.

#include "cache/gate.h"

#include <gtest/gtest.h>

#include <string>

#include "cache_fixture.h"

namespace cucache {
namespace {

constexpr double kMean = 100;
constexpr uint64_t kChunks = 10000;
constexpr uint64_t kMany = 1 << 20;  // all that was before is forgotten

// Newcomers of so many bytes, and a hit for every second of them.
Gate::Counts Newcomers(uint64_t n, uint64_t bytes) {
  Gate::Counts counts;
  counts.stored = n;
  counts.bytes = n * bytes;
  counts.hits = n / 2;
  return counts;
}

Queue QueueOf(const Gate& gate, size_t bytes) {
  Gate::Counters counters;
  return gate.QueueFor(bytes, 1, &counters);
}

TEST(Gate, OpenToAllBeforeItIsFitted) {
  EXPECT_EQ(Queue::kMain, QueueOf(Gate(), size_t{1} << 40));
}

TEST(Gate, OpenToAllWhileNewcomersAreLikeWhatIsHeld) {
  Gate gate;
  gate.Fit(Newcomers(kMany, 174), kChunks, kMean);
  EXPECT_EQ(Queue::kMain, QueueOf(gate, size_t{1} << 40));
}

TEST(Gate, ShutToLargeOnesWhileSizesGrow) {
  Gate gate;
  gate.Fit(Newcomers(kMany, 176), kChunks, kMean);
  EXPECT_EQ(Queue::kMain, QueueOf(gate, 175));
  EXPECT_EQ(Queue::kProbation, QueueOf(gate, 176));
  // What is held has come to be as large.
  gate.Fit(Newcomers(1, 176), kChunks, 101);
  EXPECT_EQ(Queue::kMain, QueueOf(gate, 1000));
}

TEST(Gate, TheMeanMovesOverTheWindow) {
  Gate gate;
  gate.Fit(Newcomers(kMany, 100), kChunks, kMean);
  const auto part = static_cast<uint64_t>(Gate::kWindow) / 16;
  int parts = 0;
  while (QueueOf(gate, 1000) == Queue::kMain) {
    gate.Fit(Newcomers(part, 300), kChunks, kMean);
    ASSERT_LT(++parts, 100);
  }
  // 100 + 200 * (1 - (15 / 16)^n) > 175 from n = 8 on.
  EXPECT_EQ(8, parts);
}

// Fits the gate to newcomers of ten times the mean, some of which were evicted
// so many others ago. A hit on what is held costs 2e6.
Queue OfRemembered(Gate* gate, uint64_t age) {
  Gate::Counts counts = Newcomers(kMany, 1000);
  Gate::Counters counters;
  gate->Fit(counts, kChunks, kMean);
  for (int i = 0; i < 10; ++i) (void)gate->QueueFor(1000, age, &counters);
  counts.remembered = counters.remembered.value();
  counts.cost = counters.cost.value();
  EXPECT_EQ(10u, counts.remembered);
  gate->Fit(counts, kChunks, kMean);
  return QueueOf(*gate, 1000);
}

// D2.
TEST(Gate, OpensWhereWhatIsHeldIsOfMuchLessUse) {
  Gate gate;
  EXPECT_EQ(Queue::kProbation, OfRemembered(&gate, 501));
  EXPECT_EQ(Queue::kMain, OfRemembered(&gate, 499));
}

TEST(Gate, ShutsAgainOnlyWhenWhatIsHeldIsOfMoreUse) {
  Gate gate;
  EXPECT_EQ(Queue::kMain, OfRemembered(&gate, 499));
  // Each time what was remembered is forgotten, and the gate shut, at first:
  // then less is enough, as it would be for one that was never open.
  Gate::Counts counts = Newcomers(100, 1000);
  counts.remembered = 1000;
  counts.cost = 1000 * uint64_t{1000} * 1900;
  gate.Fit(counts, kChunks, kMean);
  EXPECT_EQ(Queue::kMain, QueueOf(gate, 1000));
  counts = Newcomers(100, 1000);
  counts.remembered = 1000;
  counts.cost = 1000 * uint64_t{1000} * 2200;
  gate.Fit(counts, kChunks, kMean);
  EXPECT_EQ(Queue::kProbation, QueueOf(gate, 1000));
}

// A cache of 16 MB which holds keys with small values, about half of those that
// are asked for; and keys whose values are ten times as large, which come in
// turn, each before the ghost has forgotten it.
class GateTest : public CacheFixture {
 protected:
  static constexpr int kSmall = 200000, kLarge = 9000;
  static constexpr size_t kSmallBytes = 100, kLargeBytes = 1000;

  GateTest() {
    for (int i = 0; i < kSmall / 4; ++i) Ask("first" + std::to_string(i), 100);
    cache_.MaintainForTest(t_);  // from here on there is a ghost
    for (int i = 0; i < 500000; ++i) AskSmall();
  }
  // Look-aside, and counted as the server does.
  bool Ask(const std::string& key, size_t length) {
    Item* item = Find(key);
    if (item != nullptr) {
      item->Touch(clock_.now());
      stats_.get_hits.Add();
    } else {
      EXPECT_TRUE(Set(key, std::string(length, 'x')));
    }
    t_.Quiescent();
    return item != nullptr;
  }
  bool AskSmall() {
    seed_ = seed_ * 6364136223846793005u + 1442695040888963407u;
    return Ask("small" + std::to_string((seed_ >> 33) % kSmall), kSmallBytes);
  }
  bool AskLarge() {
    return Ask("large" + std::to_string(turn_++ % kLarge), kLargeBytes);
  }

 private:
  uint64_t seed_ = 1;
  int turn_ = 0;
};

// Without the gate a third of them would be hits.
TEST_F(GateTest, WhatIsAskedForStaysWhileSizesGrow) {
  int hits = 0;
  constexpr int kAsked = 400000;
  for (int i = 0; i < kAsked; ++i) {
    hits += AskSmall() ? 1 : 0;
    if (i % 4 == 0) AskLarge();
  }
  EXPECT_GT(hits, kAsked * 45 / 100);
}

// With a gate that is always shut none of them would be.
TEST_F(GateTest, WhatNobodyAsksForDoesNotKeepOthersOut) {
  int hits = 0;
  for (int round = 0; round < 12; ++round) {
    hits = 0;
    for (int i = 0; i < kLarge; ++i) hits += AskLarge() ? 1 : 0;
  }
  EXPECT_GT(hits, kLarge * 95 / 100);
}

// Nobody reads, so there is no other way into main; it is said that many do, so
// that a gate that is shut would not open (D2).
TEST_F(CacheFixture, OfOneSizeAllThatAreRememberedStartInMain) {
  const std::string value(200, 'x');
  for (int i = 0; i < 200000; ++i) {
    ASSERT_TRUE(Set("key" + std::to_string(i % 80000), value));
    t_.Quiescent();
    stats_.get_hits.Add(1000);
    if (i == 40000) cache_.MaintainForTest(t_);  // now there is a ghost
  }
  uint64_t in_main = 0;
  for (const SlabClassFigures& f : cache_.class_figures()) {
    in_main += f.number_cold;
  }
  EXPECT_EQ(0u, cache_.figures().moves_to_main);
  EXPECT_GT(in_main, 9 * cache_.figures().curr_items / 10);
}

}  // namespace
}  // namespace cucache
