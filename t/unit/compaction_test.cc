// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Sparse pages (cache/compaction.cc): what clients deleted, or what expired,
// serves others without anything leaving.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cache/cache_at_once.h"
#include "cache_fixture.h"

namespace cucache {
namespace {

constexpr uint64_t kMegabytes = 16;

Settings Sized(bool evict = true) {
  Settings settings = SmallSettings(kMegabytes);
  settings.evict_to_free = evict;
  return settings;
}

class CompactionTest : public CacheFixture {
 protected:
  explicit CompactionTest(Settings settings = Sized())
      : CacheFixture(settings) {}

  static std::string Key(const std::string& group, int i) {
    return group + std::to_string(i);
  }
  // Stores `bytes` of items, in about so many that take memory like that.
  int Fill(const std::string& group, size_t length, size_t bytes,
           RelTime exptime = 0) {
    const int n = static_cast<int>(bytes / (length + 40));
    for (int i = 0; i < n; ++i) {
      const std::string key = Key(group, i);
      const RelTime at = i % 2 == 0 ? exptime : 0;
      EXPECT_TRUE(Set(key, ValueFor(key, 1, length), at)) << key;
      Step();
    }
    return n;
  }
  // As a server does it: the maintenance thread is never far behind.
  void Step() {
    t_.Quiescent();
    if (++steps_ % 64 == 0) Maintain();
  }
  void Maintain() {
    for (int i = 0; i < 4; ++i) {
      cache_.MaintainForTest(t_);
      Settle();
    }
  }
  void DeleteEverySecond(const std::string& group, int n) {
    for (int i = 0; i < n; i += 2) {
      EXPECT_TRUE(Delete(Key(group, i)));
      t_.Quiescent();
    }
    Settle();
  }
  void ExpectThere(const std::string& group, int n, int step, size_t length) {
    for (int i = step - 1; i < n; i += step) {
      const std::string key = Key(group, i);
      Item* item = Find(key);
      ASSERT_NE(item, nullptr) << key;
      ASSERT_EQ(ReadValue(*item), ValueFor(key, 1, length));
      t_.Quiescent();
    }
  }
  static constexpr size_t kMost = kMegabytes * 13 / 16 << 20;

 private:
  int steps_ = 0;
};

TEST_F(CompactionTest, WhatWasDeletedServesAnotherClass) {
  const int n = Fill("small", 200, kMost);
  ASSERT_EQ(cache_.figures().evictions, 0u);
  DeleteEverySecond("small", n);
  const int m = Fill("other", 900, kMost * 2 / 5);
  const CacheFigures f = cache_.figures();
  EXPECT_EQ(f.evictions, 0u);
  EXPECT_GT(f.compacted_pages, 100u);
  EXPECT_GT(f.compacted_items, 1000u);
  ExpectThere("small", n, 2, 200);
  ExpectThere("other", m, 1, 900);
}

TEST_F(CompactionTest, PagesComeBackUnasked) {
  const int n = Fill("key", 200, kMost);
  const uint64_t before = cache_.figures().total_pages;
  DeleteEverySecond("key", n);
  EXPECT_GT(cache_.figures().total_pages, before * 7 / 8);
  Maintain();
  const CacheFigures f = cache_.figures();
  EXPECT_LT(f.total_pages, before * 5 / 8);
  EXPECT_GT(f.slab_global_page_pool, before / 4);
  EXPECT_EQ(f.evictions, 0u);
  EXPECT_GE(f.slabs_moved, f.compacted_pages);
  ExpectThere("key", n, 2, 200);
}

TEST_F(CompactionTest, SoDoThoseOfTheExpired) {
  const int n = Fill("key", 200, kMost, clock_.now() + 100);
  clock_.Advance(101);
  Maintain();
  const int m = Fill("other", 900, kMost * 2 / 5);
  EXPECT_EQ(cache_.figures().evictions, 0u);
  ExpectThere("key", n, 2, 200);
  ExpectThere("other", m, 1, 900);
}

TEST_F(CompactionTest, LargeValuesToo) {
  const int n = Fill("large", 11000, kMost);
  DeleteEverySecond("large", n);
  const int m = Fill("other", 2000, kMost * 2 / 5);
  EXPECT_EQ(cache_.figures().evictions, 0u);
  EXPECT_GT(cache_.figures().moved_pieces, 0u);
  ExpectThere("large", n, 2, 11000);
  ExpectThere("other", m, 1, 2000);
}

// It is no reinsertion, and no reading.
TEST_F(CompactionTest, WhatMovesStaysAsItIs) {
  const int n = Fill("key", 200, kMost);
  for (int i = 1; i < n; i += 4) Find(Key("key", i))->Touch(clock_.now());
  std::vector<uint64_t> cas;
  for (int i = 1; i < n; i += 2) cas.push_back(Find(Key("key", i))->cas);
  DeleteEverySecond("key", n);
  Maintain();
  ASSERT_GT(cache_.figures().compacted_items, 0u);
  EXPECT_EQ(cache_.figures().moves_to_main, 0u);
  EXPECT_EQ(cache_.figures().moves_within_main, 0u);
  for (int i = 1; i < n; i += 2) {
    Item* item = Find(Key("key", i));
    ASSERT_NE(item, nullptr);
    EXPECT_EQ(item->recency(), i % 4 == 1 ? 1 : 0);
    EXPECT_EQ(item->cas, cas[static_cast<size_t>(i / 2)]);
  }
}

// V5: the work comes to an end, and nothing is done twice.
TEST_F(CompactionTest, ComesToAnEnd) {
  const int n = Fill("key", 200, kMost);
  DeleteEverySecond("key", n);
  for (int i = 0; i < 4; ++i) {
    clock_.Advance(1);
    Maintain();
  }
  const CacheFigures f = cache_.figures();
  EXPECT_LE(f.compacted_items, static_cast<uint64_t>(n));
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(10);
    Maintain();
  }
  EXPECT_EQ(cache_.figures().compacted_items, f.compacted_items);
}

// A chunk that a client fills keeps its page, which is not tried again and
// again, and gives chunks as before.
TEST_F(CompactionTest, PagesThatCannotBeEmptied) {
  const int n = Fill("key", 200, kMost);
  std::vector<Item*> held;
  for (int i = 0; i < n; i += 2) {
    EXPECT_TRUE(Delete(Key("key", i)));
    t_.Quiescent();
    if (i % 20 == 0)
      held.push_back(Make(Key("held", i), std::string(200, 'h')));
  }
  Maintain();
  for (int i = 0; i < 6; ++i) {
    clock_.Advance(1);
    Maintain();
  }
  const uint64_t moved = cache_.figures().compacted_items;
  EXPECT_LE(moved, static_cast<uint64_t>(n));
  Maintain();
  EXPECT_LE(cache_.figures().compacted_items, moved);
  ExpectThere("key", n, 2, 200);
  for (Item* item : held) cache_.Free(t_, item);
  const int m = Fill("again", 200, kMost * 2 / 5);
  EXPECT_EQ(cache_.figures().evictions, 0u);
  ExpectThere("again", m, 1, 200);
}

TEST_F(CompactionTest, ShrinkingTheMemoryEvictsNothingThatFits) {
  const int n = Fill("key", 200, kMost);
  DeleteEverySecond("key", n);
  ASSERT_TRUE(cache_.SetMemLimit((kMegabytes * 5 / 8) << 20));
  for (int i = 0; i < 20; ++i) Maintain();
  const CacheFigures f = cache_.figures();
  EXPECT_LE(f.malloced_bytes, (kMegabytes * 5 / 8) << 20);
  EXPECT_EQ(f.evictions, 0u);
  ExpectThere("key", n, 2, 200);
}

// What leaves in its turn leaves no sparse pages behind.
TEST_F(CompactionTest, NothingToDoWhereOnlyEvictionFrees) {
  for (const size_t length : {100u, 300u, 5000u, 11000u}) {
    Fill("key" + std::to_string(length), length, 2 * kMost);
  }
  const CacheFigures f = cache_.figures();
  EXPECT_GT(f.evictions, 10000u);
  EXPECT_LT(f.compacted_items, f.evictions / 100);
}

// `slabs reassign` empties pages in the same way: nothing leaves where memory
// is plenty, nor does what a client was sending meanwhile.
TEST_F(CompactionTest, WhereMemoryIsPlentyReassigningEvictsNothing) {
  Fill("small", 300, 1 << 20);
  const std::string value(300, 'x');
  Item* const slow = Make("slow", value);
  const int pages = static_cast<int>(cache_.figures().total_pages);
  for (int i = 0; i < pages; ++i) (void)cache_.ReassignPage(t_, -1, 1);
  ASSERT_TRUE(cache_.Update(t_, cache_.Hash("slow"), "slow", [slow](Item*) {
    return Cache::Decision{Cache::Action::kReplace, slow};
  }));
  clock_.Advance(1);
  Maintain();
  EXPECT_NE(Find("slow"), nullptr);
  EXPECT_EQ(cache_.figures().evictions, 0u);
}

class NoEvictionTest : public CompactionTest {
 protected:
  NoEvictionTest() : CompactionTest(Sized(false)) {}
};

// With -M as well, where nothing else could get at that memory.
TEST_F(NoEvictionTest, WhatWasDeletedServesAnotherClass) {
  int n = 0;
  while (Set(Key("small", n), ValueFor(Key("small", n), 1, 200))) {
    ++n;
    t_.Quiescent();
  }
  DeleteEverySecond("small", n);
  Maintain();
  const int m = Fill("other", 900, kMost * 2 / 5);
  ExpectThere("small", n, 2, 200);
  ExpectThere("other", m, 1, 900);
}

// Nor is there a ghost then: that memory is for items.
TEST(Memory, WithoutEvictionThereIsNoGhost) {
  const auto pages = [](bool evict) {
    Settings settings = Sized(evict);
    Clock clock;
    Cache cache(settings, clock);
    ThreadStats stats;
    CacheThread t(cache, stats);
    t.Online();
    for (int i = 0; i < 50000; ++i) {
      const std::string key = std::to_string(i);
      const ItemShape shape{.key = key, .hash = cache.Hash(key)};
      int c = 0;
      if (cache.SetAtOnce(t, shape, "", 0, &c) == nullptr) {
        // Its tag is another key's: the long way.
        Item* item = nullptr;
        if (cache.Allocate(t, shape, &item) != AllocateStatus::kOk) break;
        const auto link = [item](Item*) {
          return Cache::Decision{Cache::Action::kReplace, item};
        };
        if (!cache.Update(t, shape.hash, key, link)) break;
      }
      if (i % 64 == 0) cache.MaintainForTest(t);
    }
    clock.Advance(1);
    cache.MaintainForTest(t);
    const CacheFigures f = cache.figures();
    EXPECT_EQ(f.curr_items, 50000u);
    t.Offline();
    return f.total_pages + f.slab_global_page_pool;
  };
  EXPECT_GT(pages(false), pages(true));
}

}  // namespace
}  // namespace cucache
