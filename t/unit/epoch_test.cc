// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/epoch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

namespace cucache {
namespace {

TEST(EpochTest, NothingPassesBeforeTwoAdvances) {
  EpochDomain domain;
  const uint64_t stamp = domain.Stamp();
  EXPECT_FALSE(domain.Passed(stamp));
  domain.TryAdvance();
  EXPECT_FALSE(domain.Passed(stamp));
  domain.TryAdvance();
  EXPECT_TRUE(domain.Passed(stamp));
}

TEST(EpochTest, OneOnLineHoldsTheEpochBackUntilItIsQuiescent) {
  EpochDomain domain;
  EpochParticipant p(domain);
  EXPECT_FALSE(p.online());
  p.Online();
  EXPECT_TRUE(p.online());
  const uint64_t stamp = domain.Stamp();
  for (int i = 0; i < 10; ++i) domain.TryAdvance();
  EXPECT_FALSE(domain.Passed(stamp));
  p.Quiescent();
  for (int i = 0; i < 10; ++i) domain.TryAdvance();
  EXPECT_TRUE(domain.Passed(stamp));
}

TEST(EpochTest, WhoIsOffLineHoldsNothingBack) {
  EpochDomain domain;
  EpochParticipant sleeping(domain);
  EpochParticipant stalled(domain);
  stalled.Online();
  const uint64_t stamp = domain.Stamp();
  for (int i = 0; i < 10; ++i) domain.TryAdvance();
  EXPECT_FALSE(domain.Passed(stamp));
  stalled.Offline();
  for (int i = 0; i < 2; ++i) domain.TryAdvance();
  EXPECT_TRUE(domain.Passed(stamp));
}

TEST(EpochTest, ParticipantsComeAndGo) {
  EpochDomain domain;
  EpochParticipant first(domain);
  auto second = std::make_unique<EpochParticipant>(domain);
  auto third = std::make_unique<EpochParticipant>(domain);
  second->Online();
  second->Offline();
  second.reset();
  third->Online();
  const uint64_t stamp = domain.Stamp();
  for (int i = 0; i < 3; ++i) domain.TryAdvance();
  EXPECT_FALSE(domain.Passed(stamp));
  third->Offline();
  third.reset();
  for (int i = 0; i < 3; ++i) domain.TryAdvance();
  EXPECT_TRUE(domain.Passed(stamp));
}

// Readers of a pointer that is replaced all the time, and whose old targets are
// overwritten as soon as their grace period is over.
TEST(EpochTest, ReadersNeverSeeReusedMemory) {
  constexpr int kReaders = 3;
  constexpr int kReplacements = 20000;
  constexpr uint64_t kAlive = 0x600d;
  struct Node {
    uint64_t alive = kAlive;  // plain: a race on it is a bug, and TSan says so
    uint64_t stamp = 0;
  };
  EpochDomain domain;
  std::atomic<Node*> current{new Node};
  std::atomic<bool> stop{false};
  std::atomic<int> dead{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] {
      EpochParticipant self(domain);
      for (int n = 0; !stop.load(std::memory_order_relaxed); ++n) {
        self.Online();
        for (int k = 0; k < 50; ++k) {
          const Node* const node = current.load(std::memory_order_acquire);
          if (node->alive != kAlive) dead.fetch_add(1);
          if (k % 10 == i) self.Quiescent();
        }
        self.Offline();
        if (n % 64 == 0) std::this_thread::yield();
      }
    });
  }
  std::deque<Node*> retired;
  size_t reused = 0;
  const auto reclaim = [&] {
    domain.TryAdvance();
    while (!retired.empty() && domain.Passed(retired.front()->stamp)) {
      retired.front()->alive = 0;
      delete retired.front();
      retired.pop_front();
      ++reused;
    }
  };
  for (int n = 0; n < kReplacements; ++n) {
    Node* const old = current.exchange(new Node, std::memory_order_acq_rel);
    old->stamp = domain.Stamp();
    retired.push_back(old);
    if (n % 8 == 0) reclaim();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  while (!retired.empty()) reclaim();
  EXPECT_EQ(size_t{kReplacements}, reused);
  EXPECT_EQ(0, dead);
  delete current.load();
}

}  // namespace
}  // namespace cucache
