// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Slabs, pins and the ghost, each alone; page sizes and the crawler in a cache.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/epoch.h"
#include "base/hash.h"
#include "cache/cache.h"
#include "cache/ghost.h"
#include "cache/pins.h"
#include "cache/slabs.h"

namespace cucache {
namespace {

TEST(Ghost, RemembersAndForgets) {
  Ghost ghost;
  ghost.Add(1);  // no room yet
  EXPECT_EQ(0u, ghost.Forget(1));
  (void)ghost.Resize(10000);
  KeyHash hash(1);
  for (int i = 0; i < 5000; ++i) ghost.Add(hash(std::to_string(i)));
  // To ask is to forget: each is asked for once, the odd ones later.
  int known = 0, strangers = 0;
  for (int i = 0; i < 5000; i += 2) {
    known += ghost.Forget(hash(std::to_string(i))) != 0 ? 1 : 0;
    strangers += ghost.Forget(hash("x" + std::to_string(i))) != 0 ? 1 : 0;
  }
  EXPECT_GT(known, 2475);
  EXPECT_LT(strangers, 10);
  for (int i = 0; i < 40000; ++i) ghost.Add(hash("y" + std::to_string(i)));
  known = 0;
  for (int i = 1; i < 5000; i += 2) {
    known += ghost.Forget(hash(std::to_string(i))) != 0 ? 1 : 0;
  }
  EXPECT_LT(known, 25);
  EXPECT_NE(0u, ghost.Forget(hash("y39999")));
  EXPECT_EQ(0u, ghost.Forget(hash("y39999")));
  ghost.Clear();
  EXPECT_EQ(0u, ghost.Forget(hash("y39998")));
}

TEST(Ghost, KnowsHowManyHaveComeSince) {
  Ghost ghost;
  (void)ghost.Resize(10000);
  KeyHash hash(1);
  for (int i = 0; i < 30000; ++i) ghost.Add(hash(std::to_string(i)));
  for (const int age : {1000, 3000, 6000}) {
    double sum = 0;
    int known = 0;
    for (int i = 30000 - age - 100; i < 30000 - age + 100; ++i) {
      const uint64_t said = ghost.Forget(hash(std::to_string(i)));
      known += said != 0 ? 1 : 0;
      sum += static_cast<double>(said);
    }
    EXPECT_GT(known, 150);
    EXPECT_NEAR(sum / known, age, 0.1 * age + 200);
  }
}

TEST(Pins, LastOneOutFrees) {
  alignas(16) char memory[64] = {};
  Item* item = reinterpret_cast<Item*>(memory);
  Pins pins;
  EXPECT_TRUE(pins.MayFree(item));
  pins.Pin(item);
  pins.Pin(item);
  EXPECT_FALSE(pins.MayFree(item));
  EXPECT_FALSE(pins.Unpin(item));
  EXPECT_TRUE(pins.Unpin(item));
  pins.Pin(item);
  EXPECT_FALSE(pins.Unpin(item));  // was not retired: lives on
  EXPECT_TRUE(pins.MayFree(item));
}

class SlabsTest : public ::testing::Test {
 protected:
  static Slabs::Options Small() {
    Slabs::Options options;
    options.max_bytes = 1 << 20;
    options.page_size = 16384;
    return options;
  }
  void GracePeriod() {
    for (int i = 0; i < 3; ++i) epochs_.TryAdvance();
  }
  Clock clock_;
  EpochDomain epochs_;
  Slabs slabs_{Small(), epochs_, clock_};
};

TEST_F(SlabsTest, ClassesHoldWhatTheySay) {
  for (size_t size = 1; size <= slabs_.max_chunk(); ++size) {
    const int c = slabs_.ClassFor(size);
    ASSERT_GE(slabs_.chunk_size(c), size);
    if (c > 1) {
      ASSERT_LT(slabs_.chunk_size(c - 1), size);
    }
  }
  EXPECT_EQ(slabs_.ClassFor(slabs_.max_chunk() + 1), 0);
  for (int c = 1; c <= slabs_.classes(); ++c) {
    EXPECT_EQ(slabs_.chunk_size(c) % kItemAlignment, 0u);
    // At the end of a page less than one step of the next class is lost.
    EXPECT_LT(
        slabs_.page_size() - slabs_.chunks_per_page(c) * slabs_.chunk_size(c),
        std::max(slabs_.chunk_size(c) / 10, uint32_t{512}));
  }
}

// An item that is dead when it is published may be seen by the crawler before:
// then it was not freed, and its page is looked at again (X1).
TEST(CrawlerTest, WhatIsAboutToBePublished) {
  Settings settings;
  Clock clock;
  Cache cache(settings, clock);
  ThreadStats stats;
  CacheThread t(cache, stats);
  t.Online();
  const ItemShape shape{
      .key = "key", .exptime = Clock::kExpired, .hash = cache.Hash("key")};
  Item* item = nullptr;
  ASSERT_EQ(cache.Allocate(t, shape, &item), AllocateStatus::kOk);
  item->state.fetch_or(Item::kLinked);
  cache.NoteExpiry(item, shape.exptime);
  for (uint64_t looks = 0; looks < 5;) {
    cache.MaintainForTest(t);
    const CacheFigures f = cache.figures();
    ASSERT_GT(f.crawler_items_checked, looks);
    ASSERT_EQ(f.crawler_reclaimed, 0u);
    looks = f.crawler_items_checked;
  }
  item->state.fetch_and(static_cast<uint8_t>(~Item::kLinked));
  cache.Free(t, item);
  t.Offline();
}

// -I and page_size are given by themselves: -I counts for more, or values that
// may be stored could not be.
TEST(PageSize, HasRoomForThePointersToAllPieces) {
  for (const uint32_t page_size : {0u, 64u << 10, 1024u << 10}) {
    Settings settings;
    settings.maxbytes = uint64_t{1} << 30;
    settings.item_size_max = 200 << 20;
    settings.page_size = page_size;
    Clock clock;
    Cache cache(settings, clock);
    ThreadStats stats;
    CacheThread t(cache, stats);
    t.Online();
    const std::string key(kMaxKeyLength, 'k');
    const ItemShape shape{.key = key,
                          .flags = 1,
                          .hash = cache.Hash(key),
                          .value_length = (200 << 20) - 1024};
    Item* item = nullptr;
    ASSERT_EQ(cache.Allocate(t, shape, &item), AllocateStatus::kOk);
    cache.Free(t, item);
    t.Offline();
  }
}

TEST_F(SlabsTest, ChunksAreDistinctAndComeBack) {
  const int c = slabs_.ClassFor(100);
  ASSERT_TRUE(slabs_.OpenPage(c, Queue::kMain, 0));
  std::set<char*> chunks;
  char* got[7];
  size_t n;
  while ((n = slabs_.Take(c, Queue::kMain, got, 7)) != 0) {
    for (size_t i = 0; i < n; ++i) {
      std::memset(got[i], 0, slabs_.chunk_size(c));
      EXPECT_TRUE(chunks.insert(got[i]).second);
      EXPECT_EQ(slabs_.ClassOf(got[i]), c);
      EXPECT_EQ(slabs_.QueueOf(got[i]), Queue::kMain);
    }
  }
  EXPECT_EQ(chunks.size(), slabs_.chunks_per_page(c));
  EXPECT_EQ(slabs_.FreeChunks(c, Queue::kMain), 0u);
  std::vector<char*> back(chunks.begin(), chunks.end());
  slabs_.Give(back.data(), 10);
  EXPECT_EQ(slabs_.FreeChunks(c, Queue::kMain), 10u);
  EXPECT_EQ(slabs_.Take(c, Queue::kProbation, got, 7), 0u);
  EXPECT_EQ(slabs_.Take(c, Queue::kMain, got, 7), 7u);
}

TEST_F(SlabsTest, DrainedPageWaitsForGraceThenServesAnyClass) {
  const int c = slabs_.ClassFor(100);
  slabs_.set_page_limit(1);
  ASSERT_TRUE(slabs_.OpenPage(c, Queue::kProbation, 0));
  EXPECT_FALSE(slabs_.OpenPage(c, Queue::kProbation, 0));
  char* got[3];
  ASSERT_EQ(slabs_.Take(c, Queue::kProbation, got, 3), 3u);
  const PageIndex p = slabs_.PageOf(got[0]);
  EXPECT_TRUE(slabs_.StartDraining(p));
  EXPECT_FALSE(slabs_.StartDraining(p));
  char* none;
  EXPECT_EQ(slabs_.Take(c, Queue::kProbation, &none, 1), 0u);
  EpochParticipant reader(epochs_);
  reader.Online();
  slabs_.Give(got, 3);
  EXPECT_EQ(slabs_.page(p).state.load(), PageState::kClosed);
  GracePeriod();
  EXPECT_FALSE(slabs_.OpenPage(c + 1, Queue::kMain, 0));  // a reader is on
  reader.Offline();
  GracePeriod();
  EXPECT_TRUE(slabs_.OpenPage(c + 1, Queue::kMain, 0));
  EXPECT_EQ(slabs_.queue_pages(Queue::kProbation), 0u);
  EXPECT_EQ(slabs_.queue_pages(Queue::kMain), 1u);
}

TEST_F(SlabsTest, WhatWasGivenBackGetsMemoryAheadOfNeed) {
  constexpr size_t kPages = 8;
  for (size_t i = 0; i < kPages; ++i) {
    ASSERT_TRUE(slabs_.OpenPage(1, Queue::kMain, 0));
  }
  const size_t page = slabs_.page_size();
  EXPECT_EQ(slabs_.resident_bytes(), kPages * page);
  for (PageIndex p = 0; p < kPages; ++p) (void)slabs_.StartDraining(p);
  EXPECT_EQ(slabs_.open_pages(), 0u);
  slabs_.ReleaseClosedPages(2, kPages);
  EXPECT_EQ(slabs_.resident_bytes(), kPages * page);  // no grace period yet
  GracePeriod();
  slabs_.ReleaseClosedPages(2, 3);
  EXPECT_EQ(slabs_.resident_bytes(), (kPages - 3) * page);
  slabs_.ReleaseClosedPages(2, kPages);
  EXPECT_EQ(slabs_.resident_bytes(), 2 * page);
  slabs_.PrefaultPages(5);
  EXPECT_EQ(slabs_.resident_bytes(), 5 * page);
  for (size_t i = 0; i < kPages; ++i) {
    ASSERT_TRUE(slabs_.OpenPage(1, Queue::kMain, 0));
  }
  EXPECT_EQ(slabs_.resident_bytes(), kPages * page);
  EXPECT_EQ(slabs_.touched_pages(), kPages);
}

// Or it would be taken and given back for as long as there is more in use.
TEST_F(SlabsTest, NoneGetsMemoryAboveALimitThatWasLowered) {
  constexpr size_t kPages = 8;
  for (size_t i = 0; i < kPages; ++i) {
    ASSERT_TRUE(slabs_.OpenPage(1, Queue::kMain, 0));
  }
  for (PageIndex p = 0; p < kPages / 2; ++p) (void)slabs_.StartDraining(p);
  GracePeriod();
  slabs_.ReleaseClosedPages(0, kPages);
  const size_t in_use = slabs_.open_pages() * slabs_.page_size();
  EXPECT_EQ(slabs_.resident_bytes(), in_use);
  slabs_.set_page_limit(kPages / 4);
  slabs_.PrefaultPages(2);
  EXPECT_EQ(slabs_.resident_bytes(), in_use);
  // What waits for its grace period counts, too.
  (void)slabs_.StartDraining(kPages - 1);
  slabs_.set_page_limit(kPages / 2);
  EXPECT_FALSE(slabs_.OpenPage(1, Queue::kMain, 0));
  GracePeriod();
  EXPECT_TRUE(slabs_.OpenPage(1, Queue::kMain, 0));
  EXPECT_EQ(slabs_.resident_bytes(), in_use);
}

// Or to give one back to it would take a part of the next.
TEST(SlabsPageTest, IsNoPartOfAPageOfTheSystem) {
  Clock clock;
  EpochDomain epochs;
  Slabs::Options options;
  options.page_size = 2048;
  options.max_item_bytes = 1024;
  const Slabs slabs(options, epochs, clock);
  EXPECT_EQ(slabs.page_size(), sysconf(_SC_PAGESIZE));
}

// The flags that the kernel keeps for the arena, as " rd wr ... hg ".
std::string FlagsOfArena(const Slabs& slabs) {
  const auto arena = reinterpret_cast<uintptr_t>(slabs.arena_span().first);
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t from, to;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) {
      here = from <= arena && arena < to;
    } else if (here && line.starts_with("VmFlags:")) {
      return line.substr(8) + " ";
    }
  }
  return "";
}

TEST(HugePages, InALargeMemoryUntilItGetsSmaller) {
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "this kernel has no huge pages";
  }
  Clock clock;
  EpochDomain epochs;
  Slabs::Options options;
  options.max_bytes = 64 << 20;
  EXPECT_EQ(FlagsOfArena(Slabs(options, epochs, clock)).find(" hg "),
            std::string::npos);
  options.max_bytes = 1 << 30;
  Slabs large(options, epochs, clock);
  const std::string flags = FlagsOfArena(large);
  if (flags.empty()) GTEST_SKIP() << "this kernel does not tell";
  EXPECT_NE(flags.find(" hg "), std::string::npos);
  large.StopHugePages();
  EXPECT_EQ(FlagsOfArena(large).find(" hg "), std::string::npos);
}

TEST_F(SlabsTest, LeavesWhatItIsToldToLeave) {
  const size_t limit = slabs_.page_limit();
  size_t opened = 0;
  while (slabs_.OpenPage(1, Queue::kProbation, 5)) ++opened;
  EXPECT_EQ(opened, limit - 5);
  while (slabs_.OpenPage(1, Queue::kProbation, 0)) ++opened;
  EXPECT_EQ(opened, limit);
}

}  // namespace
}  // namespace cucache
