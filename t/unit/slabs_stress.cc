// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Memory under odd schedules: a reader that is stalled while others need
// memory, threads that go idle with chunks of draining pages in hand, items
// that were pinned once, large items that are given up half way, no eviction.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cache_fixture.h"

namespace cucache {
namespace {

using std::chrono::milliseconds;

Settings Sized(uint64_t megabytes, bool evict = true) {
  Settings settings = SmallSettings(megabytes);
  settings.page_size = 16384;
  settings.evict_to_free = evict;
  return settings;
}

class SlabsStress : public CacheFixture {
 protected:
  explicit SlabsStress(Settings settings = Sized(16))
      : CacheFixture(settings) {}

  // Stores until something had to leave, and a grace period later.
  size_t Fill(size_t length) {
    size_t n = 0;
    const std::string value(length, 'v');
    const uint64_t before = cache_.figures().evictions;
    while (cache_.figures().evictions == before && n < 1000000) {
      for (int i = 0; i < 100; ++i) {
        if (!Set("fill" + std::to_string(n++), value)) return n;
        t_.Quiescent();
      }
    }
    return n;
  }
};

// A reader that is on line and does not move on (preempted, or waiting for a
// lock) holds back the memory of what was drained. That is no reason to throw
// out the rest of the cache.
TEST_F(SlabsStress, StalledReaderDoesNotEmptyTheCache) {
  Fill(100);
  Settle();
  const uint64_t items = cache_.figures().curr_items;
  ThreadStats stats;
  CacheThread stalled(cache_, stats);
  stalled.Online();
  // Until the reserve is used up and one is refused.
  const std::string value(12000, 'w');
  for (int i = 0; i < 200; ++i) {
    if (!Set("w" + std::to_string(i), value)) break;
    t_.Quiescent();
  }
  stalled.Offline();
  Settle();
  EXPECT_GT(cache_.figures().curr_items, items / 2);
}

TEST_F(SlabsStress, MaintenanceDoesNotEmptyTheCacheForAStalledReader) {
  Fill(100);
  Settle();
  const uint64_t items = cache_.figures().curr_items;
  ThreadStats stats;
  CacheThread stalled(cache_, stats);
  stalled.Online();
  t_.Offline();
  std::string error;
  ASSERT_TRUE(cache_.StartMaintenance(&error)) << error;
  std::this_thread::sleep_for(milliseconds(300));
  cache_.StopMaintenance();
  stalled.Offline();
  t_.Online();
  Settle();
  EXPECT_GT(cache_.figures().curr_items, items / 2);
}

// The last chunk of a draining page, given back by a thread that then has
// nothing to do, must not keep the page from closing.
TEST_F(SlabsStress, IdleThreadKeepsNoDrainingPage) {
  Item* item = Make("alone", std::string(1000, 'x'));
  ASSERT_NE(item, nullptr);
  ThreadStats stats;
  CacheThread other(cache_, stats);
  other.Online();
  const size_t before = cache_.figures().total_pages;
  ASSERT_EQ(cache_.ReassignPage(other, -1, 1), ReassignStatus::kOk);
  cache_.Free(t_, item);
  for (int i = 0; i < 8; ++i) {
    t_.Quiescent();
    other.Quiescent();
  }
  EXPECT_EQ(cache_.figures().total_pages, before - 1);
  other.Offline();
}

// Nor must the chunks that a busy thread has in its hand (H1).
TEST_F(SlabsStress, NoHandKeepsADrainingPage) {
  std::vector<Item*> items;
  for (int i = 0; i < 8; ++i) {
    items.push_back(Make("key" + std::to_string(i), "value"));
    ASSERT_NE(items.back(), nullptr);
  }
  ThreadStats stats;
  CacheThread other(cache_, stats);
  other.Online();
  const size_t before = cache_.figures().total_pages;
  ASSERT_EQ(cache_.ReassignPage(other, -1, 1), ReassignStatus::kOk);
  for (Item* item : items) cache_.Free(t_, item);
  for (int i = 0; i < 8; ++i) {
    t_.Quiescent();
    other.Quiescent();
  }
  EXPECT_EQ(cache_.figures().total_pages, before - 1);
  other.Offline();
}

// A pin that is over leaves no trace: the item may be moved as before.
TEST_F(SlabsStress, ItemThatWasPinnedMovesLikeOthers) {
  const std::string value(1000, 'p');
  for (const char* key : {"plain", "pinned"}) {
    ASSERT_TRUE(Set(key, value));
    Item* item = Find(key);
    ASSERT_NE(item, nullptr);
    for (int i = 0; i < 3; ++i) item->Touch(clock_.now());
  }
  Item* pinned = Find("pinned");
  cache_.Pin(pinned);
  cache_.Unpin(t_, pinned);
  ASSERT_EQ(cache_.ReassignPage(t_, -1, 1), ReassignStatus::kOk);
  EXPECT_NE(Find("plain"), nullptr);
  EXPECT_NE(Find("pinned"), nullptr);
}

// A page that is being drained may be emptied by clients and serve another
// class before the draining goes on: it must not be drained as what it was.
TEST_F(SlabsStress, VictimThatWasEmptiedByClients) {
  // Each of the three sizes, and then as often as there is time for.
  const auto enough =
      std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int round = 0;
       round < 3 || (round < 20 && std::chrono::steady_clock::now() < enough);
       ++round) {
    const size_t small = Fill(4 + static_cast<size_t>(round % 3) * 16);
    for (size_t i = 0; i < small; ++i) {
      Delete("fill" + std::to_string(i));
      if (i % 100 == 0) t_.Quiescent();
    }
    Settle();
    EXPECT_EQ(cache_.figures().curr_items, 0u);
    const std::string value(5300, '\x01');
    for (int i = 0; i < 4000; ++i) {
      ASSERT_TRUE(Set("big" + std::to_string(i), value));
      t_.Quiescent();
    }
    for (int i = 0; i < 4000; ++i) Delete("big" + std::to_string(i));
    Settle();
  }
}

// A value of more pages than eviction copies is kept as others are: while it is
// asked for, and not longer.
TEST_F(SlabsStress, LargeValueStaysWhileItIsRead) {
  const std::string large = ValueFor("hot", 0, 1000000);
  ASSERT_TRUE(Set("hot", large));
  ASSERT_TRUE(Set("cold", ValueFor("cold", 0, 1000000)));
  const std::string value(1000, 's');
  const auto stream = [&](int from, bool read) {
    for (int i = from; i < from + 100000; ++i) {
      EXPECT_TRUE(Set("s" + std::to_string(i), value));
      Item* hot = read && i % 500 == 0 ? Find("hot") : nullptr;
      if (hot != nullptr) hot->Touch(clock_.now());
      t_.Quiescent();
    }
  };
  stream(0, true);
  Item* hot = Find("hot");
  ASSERT_NE(hot, nullptr);
  EXPECT_EQ(ReadValue(*hot), large);
  EXPECT_EQ(Find("cold"), nullptr);
  stream(100000, false);
  EXPECT_EQ(Find("hot"), nullptr);
}

// Marks that readers set faster than eviction takes them keep no set waiting.
TEST_F(SlabsStress, HotLargeValuesEverywhereLeaveRoom) {
  for (int i = 0; i < 40; ++i) {
    const std::string key = "hot" + std::to_string(i);
    ASSERT_TRUE(Set(key, std::string(1000000, 'h')));
    t_.Quiescent();
  }
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    ThreadStats stats;
    CacheThread t(cache_, stats);
    while (!stop) {
      t.Online();
      for (int i = 0; i < 40; ++i) {
        const std::string key = "hot" + std::to_string(i);
        Item* item = cache_.Find(t, cache_.Hash(key), key);
        if (item != nullptr) item->mark.store(3, std::memory_order_relaxed);
      }
      t.Offline();
    }
  });
  const std::string value(1000, 's');
  int stored = 0;
  while (stored < 50000 && Set("s" + std::to_string(stored), value)) {
    ++stored;
    t_.Quiescent();
  }
  EXPECT_EQ(stored, 50000);
  stop = true;
  reader.join();
}

class NoEviction : public SlabsStress {
 protected:
  NoEviction() : SlabsStress(Sized(8, false)) {}
};

// With -M, what was deleted can be used by every thread, not only by the one
// that deleted it.
TEST_F(NoEviction, DeletedMemoryServesOtherThreads) {
  const std::string value(15000, 'm');
  std::vector<std::string> keys;
  for (int i = 0; i < 5000; ++i) {
    keys.push_back("m" + std::to_string(i));
    if (!Set(keys.back(), value)) break;
    t_.Quiescent();
  }
  keys.pop_back();
  ASSERT_GT(keys.size(), 100u);
  ThreadStats stats;
  CacheThread other(cache_, stats);
  other.Online();
  const uint64_t hash = cache_.Hash(keys[0]);
  ASSERT_TRUE(cache_.Update(other, hash, keys[0], [](Item*) {
    return Cache::Decision{Cache::Action::kRemove};
  }));
  for (int i = 0; i < 8; ++i) {
    other.Quiescent();
    t_.Quiescent();
  }
  other.Offline();
  EXPECT_TRUE(Set("next", value));
}

// Uploads that never end hold one chunk each, and not a page each.
TEST_F(SlabsStress, HalfDoneSetsDoNotHoldThePages) {
  const std::string value(100, 'h');
  std::vector<Item*> held;
  bool refused = false;
  for (int n = 0; held.size() < 1500 && !refused; ++n) {
    if (n % 200 == 0) {
      Item* item = Make("half" + std::to_string(n), value);
      ASSERT_NE(item, nullptr);
      held.push_back(item);
    }
    refused = !Set("k" + std::to_string(n), value);
    t_.Quiescent();
  }
  EXPECT_FALSE(refused);
  // 60 KB of 16 MB are held.
  EXPECT_GT(cache_.figures().curr_items, 80000u);
  for (Item* item : held) cache_.Free(t_, item);
}

// An item that stays is seen by a walk, also when its page is emptied.
TEST_F(SlabsStress, WalkSeesWhatMoves) {
  const std::string value(3000, 'w');
  const auto key = [](int i) { return "walk" + std::to_string(i); };
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(Set(key(i), value));
  for (int i = 0; i < 40; ++i) Find(key(i))->Touch(clock_.now());
  // The first pages close, and are the next to be opened.
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Delete(key(i)));
  Settle();
  std::vector<std::string> seen;
  WalkCursor cursor;
  const auto visit = [&](Item& item) { seen.emplace_back(item.key()); };
  bool more = cache_.Walk(&cursor, 12, visit);
  for (int i = 0; i < 8; ++i) {
    (void)cache_.ReassignPage(t_, -1, 1);
    Settle();
  }
  while (more) more = cache_.Walk(&cursor, 64, visit);
  for (int i = 10; i < 40; ++i) {
    if (Find(key(i)) == nullptr) continue;
    EXPECT_NE(std::count(seen.begin(), seen.end(), key(i)), 0) << key(i);
  }
}

// Large items given up half way, while their pages are looked at.
TEST(LargeItems, GivenUpWhileOthersDrain) {
  Clock clock;
  Settings settings = Sized(8);
  Cache cache(settings, clock);
  std::string error;
  ASSERT_TRUE(cache.StartMaintenance(&error)) << error;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> stored{0}, wrong{0};
  const auto work = [&](int id) {
    ThreadStats stats;
    CacheThread t(cache, stats);
    t.Online();
    for (uint64_t n = 0; !stop; ++n) {
      const std::string key = std::to_string(id) + "k" + std::to_string(n % 40);
      const size_t length = n % 3 == 0 ? 12000 : 20000 + n % 7 * 15000;
      ItemShape shape;
      shape.key = key;
      shape.hash = cache.Hash(key);
      shape.value_length = static_cast<uint32_t>(length);
      Item* item;
      t.Quiescent();
      if (cache.Allocate(t, shape, &item) != AllocateStatus::kOk) continue;
      if (n % 2 == 0) {
        cache.Free(t, item);
        continue;
      }
      const std::string value = ValueFor(key, 0, length);
      CopyValueIn(item, 0, value.data(), length);
      if (!cache.Update(t, shape.hash, key, [&](Item*) {
            return Cache::Decision{Cache::Action::kReplace, item};
          })) {
        cache.Free(t, item);
        continue;
      }
      ++stored;
      if (Item* found = cache.Find(t, shape.hash, key)) {
        found->Touch(clock.now());
        if (ReadValue(*found) != value) ++wrong;
      }
    }
    t.Offline();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(work, i);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  // On a busy machine it may take longer.
  for (int i = 0; i < 600 && stored <= 100; ++i) {
    std::this_thread::sleep_for(milliseconds(100));
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  EXPECT_GT(stored, 100u);
  EXPECT_EQ(wrong, 0u);
  EXPECT_LE(cache.figures().malloced_bytes, settings.maxbytes.load());
}

}  // namespace
}  // namespace cucache
