// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "cache/cache_at_once.h"
#include "cache_fixture.h"

namespace cucache {
namespace {

class CacheTest : public CacheFixture {};

TEST_F(CacheTest, StoresAndFinds) {
  ASSERT_TRUE(Set("key", "value", 0, 77));
  Item* item = Find("key");
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(item->key(), "key");
  EXPECT_EQ(ReadValue(*item), "value");
  EXPECT_EQ(item->flags(), 77u);
  EXPECT_EQ(Find("kez"), nullptr);
}

TEST_F(CacheTest, FlagsTakeNoMemoryWhenZero) {
  ASSERT_TRUE(Set("key", "value"));
  EXPECT_EQ(cache_.ItemBytes(Find("key")), 24u + 3 + 5);
  ASSERT_TRUE(Set("key", "value", 0, 1));
  EXPECT_EQ(cache_.ItemBytes(Find("key")), 24u + 4 + 3 + 5);
}

TEST_F(CacheTest, ReplacesAndCounts) {
  ASSERT_TRUE(Set("key", "one"));
  const uint64_t first = Find("key")->cas;
  ASSERT_TRUE(Set("key", "second"));
  EXPECT_EQ(ReadValue(*Find("key")), "second");
  EXPECT_GT(Find("key")->cas, first);
  CacheFigures f = cache_.figures();
  EXPECT_EQ(f.curr_items, 1u);
  EXPECT_EQ(f.bytes, 24u + 3 + 6);
  EXPECT_TRUE(Delete("key"));
  EXPECT_FALSE(Delete("key"));
  f = cache_.figures();
  EXPECT_EQ(f.curr_items, 0u);
  EXPECT_EQ(f.bytes, 0u);
}

TEST_F(CacheTest, CasIdsGrowPerKeyAcrossThreads) {
  ThreadStats stats;
  CacheThread other(cache_, stats);
  ASSERT_TRUE(Set("key", "a"));
  uint64_t last = Find("key")->cas;
  // The other thread's lease begins above this one's; after it, this one must
  // leave its own lease.
  last = cache_.NextCas(other, last);
  EXPECT_GT(cache_.NextCas(t_, last), last);
}

class SetAtOnceTest : public CacheTest {
 protected:
  Item* SetAtOnce(std::string_view key, std::string_view value,
                  RelTime exptime = 0, uint32_t flags = 0,
                  uint64_t new_cas = 0) {
    ItemShape shape;
    shape.key = key;
    shape.hash = cache_.Hash(key);
    shape.flags = flags;
    shape.exptime = exptime;
    shape.value_length = static_cast<uint32_t>(value.size());
    int c = 0;
    Item* const item = cache_.SetAtOnce(t_, shape, value.data(), new_cas, &c);
    if (item != nullptr) {
      EXPECT_EQ(c, cache_.RowOf(item));
      EXPECT_EQ(item, Find(key));
    }
    return item;
  }
};

// Lengths around those where it copies in another way; the figures are those
// of a cache that was filled the long way.
TEST_F(SetAtOnceTest, DoesWhatAllocateAndUpdateDo) {
  for (const size_t key_length : {1u, 15u, 16u, 17u, 33u, 64u, 65u, 250u}) {
    const std::string key(key_length, 'k');
    ASSERT_TRUE(Set(key, "before", 0, 0));
    for (size_t length = 0; length <= 200; ++length) {
      const std::string value = ValueFor(key, length, length);
      Item* const old = Find(key);
      old->Touch(clock_.now());
      const uint64_t cas = old->cas;
      const uint8_t recency = old->recency();
      const auto flags = static_cast<uint32_t>(length % 3);
      const RelTime exptime = length % 2 == 0 ? 0 : clock_.now() + 100;
      Item* const item = SetAtOnce(key, value, exptime, flags);
      ASSERT_NE(item, nullptr) << length;
      ASSERT_NE(item, old);
      EXPECT_EQ(item->key(), key);
      EXPECT_EQ(ReadValue(*item), value);
      EXPECT_EQ(item->flags(), flags);
      EXPECT_EQ(item->exptime, exptime);
      EXPECT_GT(item->cas, cas);
      EXPECT_EQ(item->recency(), recency);
      EXPECT_FALSE(item->fetched());
      EXPECT_EQ(cache_.figures().curr_items, 1u);
      EXPECT_EQ(cache_.figures().bytes, cache_.ItemBytes(item));
      t_.Quiescent();
    }
    ASSERT_TRUE(Delete(key));
  }
  EXPECT_EQ(cache_.figures().bytes, 0u);
  EXPECT_EQ(cache_.figures().total_items, 8u * 202u);
}

TEST_F(SetAtOnceTest, LeavesTheRestToOthers) {
  EXPECT_EQ(SetAtOnce("absent", std::string(100000, 'x')), nullptr);
  EXPECT_EQ(Find("absent"), nullptr);
  ASSERT_TRUE(Set("key", "old", clock_.now() + 5));
  // In pieces, too large.
  EXPECT_EQ(SetAtOnce("key", std::string(100000, 'x')), nullptr);
  EXPECT_EQ(SetAtOnce("key", std::string(2 << 20, 'x')), nullptr);
  EXPECT_EQ(ReadValue(*Find("key")), "old");
  Item* const item = SetAtOnce("key", "new", clock_.now() + 5, 0, 77777);
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(item->cas, 77777u);
  clock_.Advance(6);
  EXPECT_EQ(SetAtOnce("key", "newer"), nullptr);
  ASSERT_TRUE(Set("key", "again"));
  cache_.FlushAll(t_);
  EXPECT_EQ(SetAtOnce("key", "newest"), nullptr);
  EXPECT_EQ(Find("key"), nullptr);
}

TEST_F(SetAtOnceTest, OfAKeyThatIsNotThere) {
  for (size_t length = 0; length <= 200; ++length) {
    const std::string key = "key" + std::to_string(length);
    const std::string value = ValueFor(key, length, length);
    const auto flags = static_cast<uint32_t>(length % 3);
    const RelTime exptime = length % 2 == 0 ? 0 : clock_.now() + 100;
    const size_t bytes = cache_.figures().bytes;
    Item* const item = SetAtOnce(key, value, exptime, flags, length);
    ASSERT_NE(item, nullptr) << length;
    EXPECT_EQ(item->key(), key);
    EXPECT_EQ(ReadValue(*item), value);
    EXPECT_EQ(item->flags(), flags);
    EXPECT_EQ(item->exptime, exptime);
    EXPECT_TRUE(length == 0 ? item->cas != 0 : item->cas == length);
    EXPECT_EQ(item->mark, 0);
    EXPECT_EQ(cache_.figures().curr_items, length + 1);
    EXPECT_EQ(cache_.figures().bytes, bytes + cache_.ItemBytes(item));
    t_.Quiescent();
  }
  clock_.Advance(101);
  cache_.MaintainForTest(t_);
  EXPECT_EQ(cache_.figures().curr_items, 101u);
}

// That a key was not found is remembered as little as where one stood: another
// may have stored it since.
TEST_F(SetAtOnceTest, AKeyThatComesMeanwhile) {
  ThreadStats stats;
  CacheThread other(cache_, stats);
  ItemShape shape;
  shape.key = "key";
  shape.hash = cache_.Hash(shape.key);
  shape.value_length = 1;
  Finding why;
  ASSERT_EQ(cache_.FindToUpdate(t_, shape.hash, shape.key, &why), nullptr);
  int c = 0;
  other.Online();
  ASSERT_NE(cache_.SetAtOnce(other, shape, "a", 0, &c), nullptr);
  other.Offline();
  bool seen = false;
  const auto look = [&](Item* old) {
    seen = old != nullptr;
    return Cache::Decision{Cache::Action::kKeep};
  };
  ASSERT_TRUE(cache_.Update(t_, shape.hash, shape.key, look));
  EXPECT_TRUE(seen);
  ASSERT_NE(SetAtOnce("key", "b"), nullptr);
  EXPECT_EQ(cache_.figures().curr_items, 1u);
}

// Keys that share tag and first bucket: what is found for one may be another's,
// and nothing may become of that.
TEST_F(SetAtOnceTest, OfKeysThatLookAlike) {
  constexpr int kKeys = 120000;
  constexpr uint64_t kBuckets = 2048;  // of a segment, with 16 MB
  std::map<std::pair<uint64_t, uint64_t>, std::string> seen;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 0; i < kKeys; ++i) {
    const std::string key = "key" + std::to_string(i);
    const uint64_t hash = cache_.Hash(key);
    const auto [same, fresh] =
        seen.try_emplace({hash >> slot::kTagShift, hash % kBuckets}, key);
    if (!fresh) pairs.emplace_back(same->second, key);
  }
  ASSERT_FALSE(pairs.empty());  // some fifty, as a rule
  for (const auto& [one, other] : pairs) {
    ASSERT_TRUE(Set(one, "one"));
    EXPECT_EQ(SetAtOnce(other, "first"), nullptr);
    ASSERT_TRUE(Set(other, "first"));
    (void)SetAtOnce(one, "second");
    ASSERT_TRUE(Find(one) != nullptr && Find(other) != nullptr);
    EXPECT_EQ(ReadValue(*Find(other)), "first");
    EXPECT_EQ(cache_.figures().curr_items, 2u);
    ASSERT_TRUE(Delete(one) && Delete(other));
    t_.Quiescent();
  }
  // Each time a chunk is taken, and given back: otherwise all that there are
  // would be used up.
  ASSERT_TRUE(Set(pairs[0].first, "stays"));
  for (size_t bytes = 0; bytes < settings_.maxbytes; bytes += 48) {
    ASSERT_EQ(SetAtOnce(pairs[0].second, "x"), nullptr);
  }
  EXPECT_NE(Find(pairs[0].first), nullptr);
  EXPECT_EQ(cache_.figures().evictions, 0u);
  EXPECT_LT(cache_.figures().total_pages, 8u);
}

// What it is to take the place of has gone meanwhile.
TEST_F(SetAtOnceTest, OthersAreFaster) {
  ASSERT_TRUE(Set("key", "1"));
  ItemShape shape;
  shape.key = "key";
  shape.hash = cache_.Hash("key");
  shape.value_length = 1;
  Finding why;
  Item* const old = cache_.FindToUpdate(t_, shape.hash, "key", &why);
  ASSERT_NE(old, nullptr);
  ThreadStats stats;
  CacheThread other(cache_, stats);
  other.Online();
  int c = 0;
  Item* const item = cache_.SetAtOnce(other, shape, "2", 0, &c);
  ASSERT_NE(item, nullptr);
  other.Offline();
  const auto inherit = [](Item*) { FAIL(); };
  EXPECT_EQ(cache_.ReplaceAtOnce(t_, old, shape, c, "3", 0, 0, inherit),
            nullptr);
  EXPECT_EQ(Find("key"), item);
  EXPECT_EQ(cache_.figures().curr_items, 1u);
}

class SmallItemsTest : public CacheFixture {
 protected:
  static Settings Small() {
    Settings settings = SmallSettings();
    settings.item_size_max = 1024;
    return settings;
  }
  SmallItemsTest() : CacheFixture(Small()) {}
};

// To the byte what Allocate() takes.
TEST_F(SmallItemsTest, AtOnceOrNotAtAll) {
  ItemShape shape;
  shape.key = "key";
  shape.hash = cache_.Hash("key");
  const std::string value(1024, 'x');
  int stored = 0;
  for (shape.value_length = 900; shape.value_length < 1024;
       ++shape.value_length) {
    Item* item;
    const bool fits = cache_.Allocate(t_, shape, &item) == AllocateStatus::kOk;
    if (fits) cache_.Free(t_, item);
    int c;
    item = cache_.SetAtOnce(t_, shape, value.data(), 0, &c);
    ASSERT_EQ(item != nullptr, fits) << shape.value_length;
    stored += fits;
    t_.Quiescent();
  }
  EXPECT_TRUE(0 < stored && stored < 124);
}

// An overwrite is none less because another key was missed just before it.
TEST_F(SetAtOnceTest, AnOverwriteBehindAMiss) {
  for (int i = 0; i < 32; ++i) {
    const std::string key = "key" + std::to_string(i);
    ASSERT_TRUE(Set(key, "old"));
    Find(key)->Touch(clock_.now());
    Finding why;
    const uint64_t hash = cache_.Hash("absent");
    ASSERT_EQ(cache_.FindToUpdate(t_, hash, "absent", &why), nullptr);
    Item* const item = SetAtOnce(key, "new");
    ASSERT_TRUE(item != nullptr && item->recency() == 1);
    t_.Quiescent();
  }
}

// The crawler has to hear of an expiry that came like this.
TEST_F(SetAtOnceTest, TellsTheCrawler) {
  ASSERT_TRUE(Set("key", "old"));
  cache_.MaintainForTest(t_);
  ASSERT_NE(SetAtOnce("key", "new", clock_.now() + 3), nullptr);
  clock_.Advance(4);
  cache_.MaintainForTest(t_);
  EXPECT_EQ(cache_.figures().curr_items, 0u);
}

// I8: what Allocate() learned is not used beyond a quiescent state, when the
// address of the old item may be another's.
TEST_F(CacheTest, APlaceIsForgottenAtAQuiescentState) {
  ASSERT_TRUE(Set("key", "old"));
  Finding why;
  const uint64_t hash = cache_.Hash("key");
  Item* const old = cache_.FindToUpdate(t_, hash, "key", &why);
  EXPECT_TRUE(Cache::Holds(t_, hash, old));
  EXPECT_FALSE(Cache::Holds(t_, hash + 1, old));
  t_.Quiescent();
  EXPECT_FALSE(Cache::Holds(t_, hash, old));
  EXPECT_EQ(old, cache_.FindToUpdate(t_, hash, "key", &why));
  t_.Reclaim();
  EXPECT_FALSE(Cache::Holds(t_, hash, old));
  EXPECT_EQ(old, cache_.FindToUpdate(t_, hash, "key", &why));
  t_.Offline();
  EXPECT_FALSE(Cache::Holds(t_, hash, old));
  t_.Online();
}

// A thread that sleeps leaves nothing behind that only it could free.
TEST_F(CacheTest, OthersFreeWhatASleeperRetired) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Set("key", "value"));
  t_.Quiescent();  // too little to be looked after
  t_.Offline();
  EXPECT_EQ(cache_.figures().limbo_items, 2u);
  std::string error;
  ASSERT_TRUE(cache_.StartMaintenance(&error)) << error;
  for (int i = 0; i < 1000 && cache_.figures().limbo_items != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  cache_.StopMaintenance();
  EXPECT_EQ(cache_.figures().limbo_items, 0u);
  t_.Online();
}

TEST_F(CacheTest, ExpiresOnTime) {
  ASSERT_TRUE(Set("key", "value", clock_.now() + 10));
  clock_.Advance(9);
  EXPECT_NE(Find("key"), nullptr);
  clock_.Advance(1);
  Finding why;
  EXPECT_EQ(Find("key", &why), nullptr);
  EXPECT_EQ(why, Finding::kExpired);
  EXPECT_EQ(cache_.figures().curr_items, 0u);
  EXPECT_EQ(Find("key", &why), nullptr);
  EXPECT_EQ(why, Finding::kMissing);
}

TEST_F(CacheTest, CrawlerFreesTheExpiredAndOnlyThem) {
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(Set("k" + std::to_string(i), "value",
                    i % 2 == 0 ? clock_.now() + 5 : 0));
  }
  cache_.MaintainForTest(t_);
  EXPECT_EQ(cache_.figures().curr_items, 2000u);
  clock_.Advance(6);
  cache_.MaintainForTest(t_);
  EXPECT_EQ(cache_.figures().curr_items, 1000u);
  EXPECT_EQ(cache_.figures().crawler_reclaimed, 1000u);
  for (int i = 1; i < 2000; i += 2) {
    ASSERT_NE(Find("k" + std::to_string(i)), nullptr);
  }
}

TEST_F(CacheTest, CrawlerSeesAnExpiryThatCameLater) {
  ASSERT_TRUE(Set("key", "value"));
  cache_.MaintainForTest(t_);
  const RelTime at = clock_.now() + 3;
  ASSERT_TRUE(cache_.Update(t_, cache_.Hash("key"), "key", [&](Item* old) {
    old->exptime = at;
    cache_.NoteExpiry(old, at);
    return Cache::Decision{Cache::Action::kKeep};
  }));
  clock_.Advance(4);
  cache_.MaintainForTest(t_);
  EXPECT_EQ(cache_.figures().curr_items, 0u);
}

TEST_F(CacheTest, FlushHidesWhatWasStoredBefore) {
  ASSERT_TRUE(Set("old", "value"));
  cache_.FlushAll(t_);
  ASSERT_TRUE(Set("new", "value"));
  Finding why;
  EXPECT_EQ(Find("old", &why), nullptr);
  EXPECT_EQ(why, Finding::kFlushed);
  EXPECT_NE(Find("new"), nullptr);
}

// As an incr would be that has read the old value when the flush comes.
TEST_F(CacheTest, FlushHidesWhatIsMadeOfWhatItHides) {
  const uint64_t hash = cache_.Hash("key");
  ASSERT_TRUE(Set("key", "1"));
  Finding why;
  Item* const old = cache_.FindToUpdate(t_, hash, "key", &why);
  ASSERT_NE(old, nullptr);
  cache_.FlushAll(t_);
  ASSERT_TRUE(Cache::Holds(t_, hash, old));
  ItemShape shape;
  shape.key = "key";
  shape.hash = hash;
  shape.value_length = 1;
  ASSERT_NE(
      cache_.ReplaceAtOnce(t_, old, shape, cache_.ClassAtOnce(shape.Bytes()),
                           "2", 0, 0, [](Item*) {}),
      nullptr);
  EXPECT_EQ(Find("key", &why), nullptr);
  EXPECT_EQ(why, Finding::kFlushed);
}

TEST_F(CacheTest, AlsoIfTheFlushComesWithinTheUpdate) {
  ASSERT_TRUE(Set("key", "1"));
  Item* const item = Make("key", "2");
  ASSERT_NE(item, nullptr);
  // What another thread may do at this point.
  const auto decide = [&](Item* old) {
    EXPECT_NE(old, nullptr);
    cache_.FlushAll(t_);
    return Cache::Decision{Cache::Action::kReplace, item};
  };
  ASSERT_TRUE(cache_.Update(t_, cache_.Hash("key"), "key", decide));
  EXPECT_EQ(Find("key"), nullptr);
  ASSERT_TRUE(Set("key", "3"));
  EXPECT_NE(Find("key"), nullptr);
}

// So that get_flushed can say why there was a miss.
TEST_F(CacheTest, FlushedItemsAreThereForAMoment) {
  ASSERT_TRUE(Set("old", "value"));
  ASSERT_TRUE(Set("other", "value"));
  std::string error;
  ASSERT_TRUE(cache_.StartMaintenance(&error)) << error;
  cache_.FlushAll(t_);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  Finding why;
  EXPECT_EQ(Find("old", &why), nullptr);
  EXPECT_EQ(why, Finding::kFlushed);
  clock_.Advance(2);
  for (int i = 0; i < 1000 && cache_.figures().curr_items != 0; ++i) {
    t_.Quiescent();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(cache_.figures().curr_items, 0u);
  cache_.StopMaintenance();
}

TEST_F(CacheTest, FlushLaterHappensOnTime) {
  ASSERT_TRUE(Set("old", "value"));
  cache_.FlushAllAt(t_, clock_.now() + 5);
  clock_.Advance(4);
  EXPECT_NE(Find("old"), nullptr);
  clock_.Advance(1);
  EXPECT_EQ(Find("old"), nullptr);
  ASSERT_TRUE(Set("new", "value"));
  EXPECT_NE(Find("new"), nullptr);
}

TEST_F(CacheTest, ThousandFlushesNeverBringAnythingBack) {
  ASSERT_TRUE(Set("old", "value"));
  for (int i = 0; i < 1000; ++i) {
    cache_.FlushAll(t_);
    ASSERT_EQ(Find(i % 2 == 0 ? "old" : "older"), nullptr);
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(Set(key, "value"));
    if (i >= 256) {
      ASSERT_EQ(Find("k" + std::to_string(i - 256)), nullptr);
    }
    ASSERT_NE(Find(key), nullptr);
    Settle();
  }
}

TEST_F(CacheTest, NeitherDoFlushesThatComeLater) {
  ASSERT_TRUE(Set("old", "value"));
  for (int i = 0; i < 256; ++i) {
    cache_.FlushAllAt(t_, clock_.now());
    // Somebody looks, so it happens.
    ASSERT_TRUE(Set("other", "value"));
    ASSERT_TRUE(Set("other", "value"));
  }
  EXPECT_EQ(Find("old"), nullptr);
}

// What seemed dead may have been touched since.
TEST_F(CacheTest, OnlyTheDeadAreRemovedAsSuch) {
  ASSERT_TRUE(Set("key", "value"));
  Item* item = Find("key");
  EXPECT_FALSE(cache_.RemoveDead(t_, cache_.Hash("key"), item));
  EXPECT_EQ(Find("key"), item);
  item->exptime = Clock::kExpired;
  EXPECT_TRUE(cache_.RemoveDead(t_, cache_.Hash("key"), item));
  EXPECT_FALSE(cache_.RemoveDead(t_, cache_.Hash("key"), item));
  EXPECT_EQ(Find("key"), nullptr);
}

TEST_F(CacheTest, LargeValuesInPieces) {
  settings_.item_size_max = 8 << 20;
  for (size_t length : {1u, 8000u, 16000u, 16384u, 20000u, 100000u, 5000000u}) {
    const std::string key = "key" + std::to_string(length);
    const std::string value = ValueFor(key, 1, length);
    ASSERT_TRUE(Set(key, value, 0, 5)) << length;
    Item* item = Find(key);
    ASSERT_NE(item, nullptr);
    ASSERT_EQ(ReadValue(*item), value) << length;
    // From odd offsets, too.
    std::string part(length - length / 3, '\0');
    CopyValueOut(*item, length / 3, part.data(), part.size());
    ASSERT_EQ(part, value.substr(length / 3));
    ASSERT_TRUE(Delete(key));
  }
  Settle();
  EXPECT_EQ(cache_.figures().limbo_items, 0u);
}

TEST_F(CacheTest, TooLargeIsSaidAsInMemcached) {
  // 48 + 8 + key + 1 + value + 2 may be item_size_max.
  const size_t most = (1 << 20) - 48 - 8 - 3 - 1 - 2;
  EXPECT_TRUE(Set("key", std::string(most, 'x')));
  EXPECT_FALSE(Set("key", std::string(most + 1, 'x')));
}

TEST_F(CacheTest, PinnedItemsOutliveTheirRemoval) {
  const std::string value = ValueFor("key", 1, 300000);
  ASSERT_TRUE(Set("key", value));
  Item* item = Find("key");
  cache_.Pin(item);
  cache_.Pin(item);
  ASSERT_TRUE(Delete("key"));
  Settle();
  for (int i = 0; i < 20000; ++i) {
    ASSERT_TRUE(Set("k" + std::to_string(i), std::string(2000, 'y')));
    t_.Quiescent();
  }
  EXPECT_EQ(ReadValue(*item), value);
  cache_.Unpin(t_, item);
  EXPECT_EQ(ReadValue(*item), value);
  cache_.Unpin(t_, item);
  for (int i = 0; i < 20000; ++i) {
    ASSERT_TRUE(Set("k" + std::to_string(i), std::string(2000, 'y')));
    t_.Quiescent();
  }
}

TEST_F(CacheTest, WalkVisitsEveryItemOnce) {
  std::set<std::string> expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(Set(key, std::string(static_cast<size_t>(i % 700), 'x')));
    if (i % 7 == 0) {
      Delete(key);
    } else {
      expected.insert(key);
    }
  }
  ASSERT_TRUE(Set("large", std::string(200000, 'x')));
  expected.insert("large");
  std::multiset<std::string> seen;
  WalkCursor cursor;
  while (cache_.Walk(&cursor, 100, [&](Item& item) {
    seen.insert(std::string(item.key()));
  })) {
    t_.Quiescent();
  }
  EXPECT_EQ(seen.size(), expected.size());
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), expected.begin()));
}

TEST_F(CacheTest, ReassignLosesNothingThatFits) {
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "k" + std::to_string(i);
    expected[key] = ValueFor(key, 3, 300);
    ASSERT_TRUE(Set(key, expected[key], clock_.now() + 1000, 9));
    Find(key)->Touch(clock_.now());
  }
  const int c = cache_.SlabClass(Find("k1"));
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(cache_.ReassignPage(t_, c, 1), ReassignStatus::kOk);
    Settle();
  }
  EXPECT_EQ(cache_.ReassignPage(t_, 1, 1), ReassignStatus::kSame);
  EXPECT_EQ(cache_.ReassignPage(t_, 1000, 1), ReassignStatus::kBadClass);
  for (const auto& [key, value] : expected) {
    Item* item = Find(key);
    ASSERT_NE(item, nullptr) << key;
    ASSERT_EQ(ReadValue(*item), value);
    ASSERT_EQ(item->flags(), 9u);
    ASSERT_EQ(item->exptime, clock_.now() + 1000);
  }
}

TEST_F(CacheTest, MemoryLimitShrinksAndGrows) {
  for (int i = 0; i < 100000; ++i) {
    ASSERT_TRUE(Set("k" + std::to_string(i), std::string(200, 'x')));
    if (i % 16 == 0) t_.Quiescent();
  }
  ASSERT_TRUE(cache_.SetMemLimit(8 << 20));
  for (int i = 0; i < 50; ++i) {
    cache_.MaintainForTest(t_);
    Settle();
  }
  EXPECT_LE(cache_.figures().malloced_bytes, uint64_t{8} << 20);
  ASSERT_TRUE(cache_.SetMemLimit(24 << 20));
  for (int i = 0; i < 200000; ++i) {
    ASSERT_TRUE(Set("k" + std::to_string(i), std::string(200, 'x')));
    if (i % 16 == 0) t_.Quiescent();
  }
  EXPECT_GT(cache_.figures().bytes, uint64_t{17} << 20);
}

class NoEvictionTest : public CacheFixture {
 protected:
  static Settings NoEviction() {
    Settings settings = SmallSettings(8);
    settings.evict_to_free = false;
    return settings;
  }
  NoEvictionTest() : CacheFixture(NoEviction()) {}
};

TEST_F(NoEvictionTest, RefusesWhenFullAndKeepsEverything) {
  int stored = 0;
  while (Set("k" + std::to_string(stored), std::string(500, 'x'))) ++stored;
  EXPECT_GT(stored, 8000);
  for (int i = 0; i < stored; ++i) {
    ASSERT_NE(Find("k" + std::to_string(i)), nullptr);
  }
  for (int i = 0; i < 100; ++i) Delete("k" + std::to_string(i));
  Settle();
  EXPECT_TRUE(Set("again", std::string(500, 'x')));
}

}  // namespace
}  // namespace cucache
