// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the commands mean, one thread at a time. (executor_threads_test.cc has
// many.)

#include <algorithm>

#include "t/unit/command_fixture.h"

namespace cucache {
namespace {

using ExecutorTest = CommandTest;

TEST_F(ExecutorTest, SetAndGet) {
  EXPECT_EQ(worker->Get("k").status, Status::kNotFound);
  Request request = Worker::Key("k");
  request.flags = 77;
  const Result stored = worker->Store(request, "value");
  EXPECT_EQ(stored.status, Status::kStored);
  EXPECT_EQ(stored.value_length, 5u);
  const Result got = worker->Get("k");
  ASSERT_EQ(got.status, Status::kHit);
  EXPECT_EQ(ValueOf(got.item), "value");
  EXPECT_EQ(got.item->flags(), 77u);
  EXPECT_EQ(got.cas, stored.cas);
  EXPECT_NE(got.cas, 0u);
  EXPECT_EQ(worker->stats.get_cmds.value(), 2u);
  EXPECT_EQ(worker->stats.get_hits.value(), 1u);
  EXPECT_EQ(worker->stats.get_misses.value(), 1u);
  EXPECT_EQ(worker->stats.set_cmds.value(), 1u);
}

TEST_F(ExecutorTest, EmptyValueAndLongKey) {
  const std::string key(kMaxKeyLength, 'k');
  EXPECT_EQ(worker->Set(key, "").status, Status::kStored);
  EXPECT_EQ(worker->Value(key), "");
}

TEST_F(ExecutorTest, CasIdsGrow) {
  uint64_t last = 0;
  for (int i = 0; i < 600; ++i) {
    const uint64_t cas = worker->Set("k", "v").cas;
    EXPECT_GT(cas, last);
    last = cas;
  }
  worker->Delete("k");
  EXPECT_GT(worker->Set("k", "v").cas, last);
}

TEST_F(ExecutorTest, AddAndReplace) {
  EXPECT_EQ(worker->StoreAs(StoreMode::kReplace, "k", "a").status,
            Status::kNotStored);
  EXPECT_EQ(worker->StoreAs(StoreMode::kAdd, "k", "b").status, Status::kStored);
  const Result refused = worker->StoreAs(StoreMode::kAdd, "k", "c");
  EXPECT_EQ(refused.status, Status::kNotStored);
  EXPECT_EQ(refused.cas, 0u);
  EXPECT_EQ(refused.value_length, 1u);
  EXPECT_EQ(worker->Value("k"), "b");
  EXPECT_EQ(worker->StoreAs(StoreMode::kReplace, "k", "d").status,
            Status::kStored);
  EXPECT_EQ(worker->Value("k"), "d");
}

TEST_F(ExecutorTest, RefusedAddMakesTheItemStay) {
  worker->Set("k", "v");
  worker->StoreAs(StoreMode::kAdd, "k", "w");
  const Result got = worker->Get("k", kNoBump);
  EXPECT_EQ(got.item->recency(), 1);
  EXPECT_FALSE(got.was_fetched);
}

TEST_F(ExecutorTest, Cas) {
  EXPECT_EQ(worker->Cas("k", "a", 5).status, Status::kNotFound);
  const uint64_t first = worker->Set("k", "b").cas;
  EXPECT_EQ(worker->Cas("k", "c", first + 1).status, Status::kExists);
  EXPECT_EQ(worker->Cas("k", "c", 0).status, Status::kExists);
  EXPECT_EQ(worker->Value("k"), "b");
  const Result stored = worker->Cas("k", "d", first);
  EXPECT_EQ(stored.status, Status::kStored);
  EXPECT_GT(stored.cas, first);
  EXPECT_EQ(worker->Cas("k", "e", first).status, Status::kExists);
  EXPECT_EQ(worker->Value("k"), "d");
  EXPECT_EQ(worker->stats.cas_misses.value(), 1u);
  EXPECT_EQ(worker->stats.cas_hits.value(), 1u);
  EXPECT_EQ(worker->stats.cas_badval.value(), 3u);
}

TEST_F(ExecutorTest, ReplaceWithCompareIsACas) {
  Request request = Worker::Key("k", kCompareCas);
  request.mode = StoreMode::kReplace;
  request.cas = 9;
  EXPECT_EQ(worker->Store(request, "a").status, Status::kNotFound);
  request.cas = worker->Set("k", "b").cas;
  EXPECT_EQ(worker->Store(request, "c").status, Status::kStored);
}

TEST_F(ExecutorTest, AddIgnoresCompare) {
  Request request = Worker::Key("k", kCompareCas);
  request.mode = StoreMode::kAdd;
  request.cas = 9;
  EXPECT_EQ(worker->Store(request, "a").status, Status::kStored);
  EXPECT_EQ(worker->Store(request, "a").status, Status::kNotStored);
}

TEST_F(ExecutorTest, ExplicitCas) {
  Request request = Worker::Key("k", kExplicitCas);
  request.new_cas = 1234567;
  EXPECT_EQ(worker->Store(request, "a").cas, 1234567u);
  EXPECT_EQ(worker->Get("k").cas, 1234567u);
  // Whatever comes next is above, so that it is newer.
  EXPECT_NE(worker->Set("k", "b").cas, 1234567u);
}

TEST_F(ExecutorTest, AppendAndPrepend) {
  EXPECT_EQ(worker->StoreAs(StoreMode::kAppend, "k", "x").status,
            Status::kNotStored);
  Request request = Worker::Key("k");
  request.flags = 5;
  request.exptime = clock.FromExptime(100);
  worker->Store(request, "mid");
  request.mode = StoreMode::kAppend;
  request.flags = 6;
  request.exptime = 0;
  const Result appended = worker->Store(request, "-end");
  EXPECT_EQ(appended.status, Status::kStored);
  EXPECT_EQ(appended.value_length, 7u);
  request.mode = StoreMode::kPrepend;
  EXPECT_EQ(worker->Store(request, "start-").value_length, 13u);
  const Result got = worker->Get("k");
  EXPECT_EQ(ValueOf(got.item), "start-mid-end");
  EXPECT_EQ(got.item->flags(), 5u);
  EXPECT_EQ(got.item->exptime.load(), clock.FromExptime(100));
}

TEST_F(ExecutorTest, AppendComparesUnlessZero) {
  const uint64_t cas = worker->Set("k", "a").cas;
  Request request = Worker::Key("k", kCompareCas);
  request.mode = StoreMode::kAppend;
  request.cas = cas + 1;
  const Result refused = worker->Store(request, "bc");
  EXPECT_EQ(refused.status, Status::kExists);
  EXPECT_EQ(refused.value_length, 2u);
  request.cas = 0;
  EXPECT_EQ(worker->Store(request, "b").status, Status::kStored);
  request.cas = worker->Get("k").cas;
  EXPECT_EQ(worker->Store(request, "c").status, Status::kStored);
  EXPECT_EQ(worker->Value("k"), "abc");
}

TEST_F(ExecutorTest, AppendVivifies) {
  Request request = Worker::Key("k", kVivify);
  request.mode = StoreMode::kAppend;
  request.vivify_exptime = clock.FromExptime(50);
  EXPECT_EQ(worker->Store(request, "a").status, Status::kStored);
  EXPECT_EQ(worker->Get("k").exptime_before, clock.FromExptime(50));
  EXPECT_EQ(worker->Store(request, "b").status, Status::kStored);
  EXPECT_EQ(worker->Value("k"), "ab");
}

TEST_F(ExecutorTest, AppendMakesLargeValues) {
  std::string expected;
  worker->Set("k", "");
  for (int i = 0; i < 30; ++i) {
    const std::string part(20000, static_cast<char>('a' + i % 26));
    ASSERT_EQ(worker->StoreAs(StoreMode::kAppend, "k", part).status,
              Status::kStored);
    expected += part;
  }
  EXPECT_EQ(worker->Value("k"), expected);
  // More than an item may have: refused, and the old value stays.
  const std::string half(settings.item_size_max / 2, 'x');
  EXPECT_EQ(worker->StoreAs(StoreMode::kAppend, "k", half).status,
            Status::kNotStored);
  EXPECT_EQ(worker->Value("k"), expected);
}

TEST_F(ExecutorTest, TooLargeSetTakesTheOldValueAway) {
  worker->Set("k", "old");
  const std::string huge(settings.item_size_max + 1, 'x');
  EXPECT_EQ(worker->StoreAs(StoreMode::kAdd, "k", huge).status,
            Status::kTooLarge);
  EXPECT_EQ(worker->Value("k"), "old");
  EXPECT_EQ(worker->Set("k", huge).status, Status::kTooLarge);
  EXPECT_EQ(worker->Value("k"), "-");
  EXPECT_EQ(worker->stats.store_too_large.value(), 2u);
}

TEST_F(ExecutorTest, WithoutEvictionMemoryRunsOut) {
  Restart([](Settings& s) {
    s.maxbytes = 4 << 20;
    s.evict_to_free = false;
  });
  const std::string value(10000, 'v');
  Status status = Status::kStored;
  int stored = 0;
  for (; stored < 2000 && status == Status::kStored; ++stored) {
    status = worker->Set("key" + std::to_string(stored), value).status;
    worker->thread.Quiescent();
  }
  EXPECT_EQ(status, Status::kNoMemory);
  EXPECT_GT(stored, 100);
  EXPECT_EQ(worker->stats.store_no_memory.value(), 1u);
  EXPECT_EQ(worker->Value("key0"), value);
  // A failed set takes the old value away.
  EXPECT_EQ(worker->Set("key0", std::string(20000, 'w')).status,
            Status::kNoMemory);
  EXPECT_EQ(worker->Value("key0"), "-");
}

TEST_F(ExecutorTest, Delete) {
  EXPECT_EQ(worker->Delete("k").status, Status::kNotFound);
  worker->Set("k", "v");
  EXPECT_EQ(worker->Delete("k").status, Status::kDeleted);
  EXPECT_EQ(worker->Value("k"), "-");
  const uint64_t cas = worker->Set("k", "v").cas;
  Request request = Worker::Key("k", kCompareCas);
  request.cas = cas + 1;
  EXPECT_EQ(worker->Delete(request).status, Status::kExists);
  EXPECT_EQ(worker->stats.delete_misses.value(), 1u);
  request.options |= kIsMeta;
  EXPECT_EQ(worker->Delete(request).status, Status::kExists);
  request.cas = cas;
  EXPECT_EQ(worker->Delete(request).status, Status::kDeleted);
  EXPECT_EQ(worker->stats.delete_hits.value(), 2u);
  EXPECT_EQ(worker->stats.delete_misses.value(), 2u);
}

TEST_F(ExecutorTest, DeleteXKeepsAnEmptyItem) {
  Request request = Worker::Key("k");
  request.flags = 9;
  request.exptime = clock.FromExptime(10);
  const uint64_t cas = worker->Store(request, "value").cas;
  EXPECT_EQ(worker->Delete("k", kDropValue).status, Status::kDeleted);
  const Result got = worker->Get("k");
  ASSERT_EQ(got.status, Status::kHit);
  EXPECT_EQ(ValueOf(got.item), "");
  EXPECT_EQ(got.item->flags(), 0u);
  EXPECT_EQ(got.exptime_before, 0u);
  EXPECT_EQ(got.cas, cas);
  EXPECT_FALSE(got.stale);
  EXPECT_EQ(worker->Delete("absent", kDropValue).status, Status::kNotFound);
}

TEST_F(ExecutorTest, DeleteXIIsStaleToo) {
  const uint64_t cas = worker->Set("k", "value").cas;
  EXPECT_EQ(worker->Delete("k", kDropValue | kInvalidate).status,
            Status::kDeleted);
  const Result got = worker->Get("k");
  EXPECT_TRUE(got.stale);
  EXPECT_TRUE(got.won);
  EXPECT_GT(got.cas, cas);
}

TEST_F(ExecutorTest, IncrAndDecr) {
  EXPECT_EQ(worker->Incr("n", 1).status, Status::kNotFound);
  EXPECT_EQ(worker->Incr("n", 1, kDecrement).status, Status::kNotFound);
  worker->Set("n", "99");
  Result result = worker->Incr("n", 1);
  EXPECT_EQ(result.status, Status::kHit);
  EXPECT_EQ(result.value, 100u);
  EXPECT_EQ(worker->Value("n"), "100");
  EXPECT_EQ(worker->Incr("n", 1, kDecrement).value, 99u);
  EXPECT_EQ(worker->Value("n"), "99");  // not padded
  EXPECT_EQ(worker->Incr("n", 1000, kDecrement).value, 0u);
  EXPECT_EQ(worker->stats.incr_hits.value(), 1u);
  EXPECT_EQ(worker->stats.incr_misses.value(), 1u);
  EXPECT_EQ(worker->stats.decr_hits.value(), 2u);
  EXPECT_EQ(worker->stats.decr_misses.value(), 1u);
}

TEST_F(ExecutorTest, IncrWraps) {
  worker->Set("n", "18446744073709551615");
  EXPECT_EQ(worker->Incr("n", 2).value, 1u);
  EXPECT_EQ(worker->Value("n"), "1");
}

TEST_F(ExecutorTest, WhatIsANumber) {
  for (const char* text : {"", "x", "1x", "18446744073709551616", "-1"}) {
    worker->Set("n", text);
    EXPECT_EQ(worker->Incr("n", 1).status, Status::kNonNumeric) << text;
    EXPECT_EQ(worker->Value("n"), text);
  }
  for (const char* text : {"5", " 5", "5 ", "5 apples", "005", "+5"}) {
    worker->Set("n", text);
    EXPECT_EQ(worker->Incr("n", 1).value, 6u) << text;
  }
  worker->Set("n", std::string(300, '0'));
  EXPECT_EQ(worker->Incr("n", 1).status, Status::kNonNumeric);
}

TEST_F(ExecutorTest, IncrKeepsFlagsExpiryAndMarks) {
  Request request = Worker::Key("n");
  request.binary_key = true;
  request.flags = 3;
  request.exptime = clock.FromExptime(70);
  worker->Store(request, "9");
  worker->Get("n");
  EXPECT_EQ(worker->Incr("n", 1).status, Status::kHit);
  const Result got = worker->Get("n");
  EXPECT_EQ(ValueOf(got.item), "10");
  EXPECT_EQ(got.item->flags(), 3u);
  EXPECT_EQ(got.exptime_before, clock.FromExptime(70));
  EXPECT_TRUE(got.was_fetched);
  EXPECT_TRUE(got.item->HasState(Item::kBinaryKey));
}

TEST_F(ExecutorTest, ArithmeticVivifiesComparesAndTouches) {
  Request request = Worker::Key("n", kVivify | kExplicitCas);
  request.initial = 15;
  request.vivify_exptime = clock.FromExptime(30);
  request.new_cas = 500;
  Result result = worker->Count(request);
  EXPECT_EQ(result.status, Status::kHit);
  EXPECT_EQ(result.value, 15u);
  EXPECT_EQ(result.cas, 500u);
  EXPECT_EQ(worker->Get("n").exptime_before, clock.FromExptime(30));

  request = Worker::Key("n", kCompareCas | kTouch);
  request.delta = 5;
  request.cas = 501;
  EXPECT_EQ(worker->Count(request).status, Status::kExists);
  request.cas = 500;
  request.exptime = clock.FromExptime(60);
  EXPECT_EQ(worker->Count(request).value, 20u);
  EXPECT_EQ(worker->Get("n").exptime_before, clock.FromExptime(60));
  request.cas = 0;  // compares with nothing
  EXPECT_EQ(worker->Count(request).value, 25u);
}

TEST_F(ExecutorTest, IncrOfAStaleItemKeepsItStale) {
  worker->Set("n", "1");
  worker->Delete("n", kInvalidate);
  worker->Incr("n", 1);
  Result got = worker->Get("n");
  EXPECT_TRUE(got.stale);
  EXPECT_TRUE(got.won);
  worker->Incr("n", 1);
  got = worker->Get("n");
  EXPECT_TRUE(got.stale);
  EXPECT_FALSE(got.won);
  EXPECT_TRUE(got.won_by_other);
}

TEST_F(ExecutorTest, Expiry) {
  Request request = Worker::Key("k");
  request.exptime = clock.FromExptime(10);
  worker->Store(request, "v");
  clock.Advance(9);
  EXPECT_EQ(worker->Value("k"), "v");
  clock.Advance(1);
  EXPECT_EQ(worker->Value("k"), "-");
  EXPECT_EQ(worker->stats.get_expired.value(), 1u);
  request.exptime = clock.FromExptime(-1);
  worker->Store(request, "v");
  EXPECT_EQ(worker->Value("k"), "-");
  EXPECT_EQ(worker->StoreAs(StoreMode::kAdd, "k", "w").status, Status::kStored);
}

TEST_F(ExecutorTest, TouchChangesTheExpiryOnly) {
  EXPECT_EQ(worker->Touch("k", 10).status, Status::kNotFound);
  const uint64_t cas = worker->Set("k", "v").cas;
  EXPECT_EQ(worker->Touch("k", 10).status, Status::kHit);
  EXPECT_EQ(worker->Get("k").cas, cas);
  EXPECT_EQ(worker->Get("k").exptime_before, clock.FromExptime(10));
  EXPECT_TRUE(worker->Get("k").was_fetched);
  clock.Advance(11);
  EXPECT_EQ(worker->Value("k"), "-");
  EXPECT_EQ(worker->stats.touch_cmds.value(), 2u);
  EXPECT_EQ(worker->stats.touch_hits.value(), 1u);
  EXPECT_EQ(worker->stats.touch_misses.value(), 1u);
}

TEST_F(ExecutorTest, GetAndTouch) {
  Request request = Worker::Key("k", kTouch | kIsTouch);
  request.exptime = clock.FromExptime(20);
  EXPECT_EQ(worker->Fetch(request).status, Status::kNotFound);
  worker->Set("k", "v");
  const Result got = worker->Fetch(request);
  EXPECT_EQ(got.status, Status::kHit);
  EXPECT_EQ(got.exptime_before, 0u);
  EXPECT_EQ(got.item->exptime.load(), clock.FromExptime(20));
  EXPECT_EQ(worker->stats.touch_cmds.value(), 2u);
  EXPECT_EQ(worker->stats.touch_hits.value(), 1u);
  EXPECT_EQ(worker->stats.touch_misses.value(), 1u);
  EXPECT_EQ(worker->stats.get_cmds.value(), 0u);
  // mg with T: a hit is a touch, a miss is a get.
  request.options = kTouch;
  request.key = "absent";
  worker->Fetch(request);
  EXPECT_EQ(worker->stats.get_misses.value(), 1u);
}

TEST_F(ExecutorTest, WhatAHitTells) {
  worker->Set("k", "v");
  clock.Advance(5);
  Result got = worker->Get("k", kNoBump);
  EXPECT_FALSE(got.was_fetched);
  EXPECT_EQ(got.idle, 5u);
  got = worker->Get("k");
  EXPECT_FALSE(got.was_fetched);
  got = worker->Get("k", kNoBump);
  EXPECT_TRUE(got.was_fetched);
  clock.Advance(100);
  EXPECT_EQ(worker->Get("k").idle, 105u);
  EXPECT_EQ(worker->Get("k").idle, 0u);
}

TEST_F(ExecutorTest, WarmGetWritesNothingToTheItem) {
  const Item* item = worker->Set("k", "v").item;
  for (int i = 0; i < 4; ++i) worker->Get("k");
  char before[sizeof(Item)], after[sizeof(Item)];
  std::memcpy(before, static_cast<const void*>(item), sizeof(Item));
  for (int i = 0; i < 10; ++i) worker->Get("k");
  std::memcpy(after, static_cast<const void*>(item), sizeof(Item));
  EXPECT_EQ(std::memcmp(before, after, sizeof(Item)), 0);
}

TEST_F(ExecutorTest, FlushAll) {
  worker->Set("k", "v");
  EXPECT_EQ(worker->Admin("flush_all"), "OK\r\n");
  EXPECT_EQ(worker->Value("k"), "-");
  EXPECT_EQ(worker->stats.get_flushed.value(), 1u);
  worker->Set("k", "w");
  EXPECT_EQ(worker->Value("k"), "w");
}

TEST_F(ExecutorTest, Inspect) {
  ItemFacts facts;
  EXPECT_FALSE(worker->executor.Inspect(Worker::Key("k"), &facts));
  Request request = Worker::Key("k");
  request.exptime = clock.FromExptime(50);
  const uint64_t cas = worker->Store(request, "value").cas;
  clock.Advance(3);
  ASSERT_TRUE(worker->executor.Inspect(request, &facts));
  EXPECT_EQ(facts.ttl, 47);
  EXPECT_EQ(facts.idle, 3u);
  EXPECT_EQ(facts.cas, cas);
  EXPECT_FALSE(facts.fetched);
  EXPECT_GT(facts.slab_class, 0);
  EXPECT_GE(facts.size, sizeof(Item) + 6);
  EXPECT_FALSE(worker->Get("k").was_fetched);
  EXPECT_EQ(worker->stats.meta_cmds.value(), 2u);
}

TEST_F(ExecutorTest, ManyKeysAtOnce) {
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) {
    keys.push_back("key" + std::to_string(i));
    if (i % 3 != 0) worker->Set(keys.back(), std::to_string(i));
  }
  std::vector<Lookup> lookups;
  for (const std::string& key : keys) lookups.push_back({key, 0, nullptr});
  Executor& executor = worker->executor;
  for (Lookup& lookup : lookups) executor.Locator()(&lookup);
  constexpr size_t kGroup = Assoc::kLookupGroup;
  for (size_t i = 0; i < keys.size(); i += kGroup) {
    executor.Gather(&lookups[i], std::min(kGroup, keys.size() - i));
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    Result result;
    Item* const found = executor.Settle(lookups[i]);
    executor.Fetch(Worker::Key(keys[i]), found, &result);
    ASSERT_EQ(result.status, i % 3 != 0 ? Status::kHit : Status::kNotFound);
    if (result.item == nullptr) continue;
    EXPECT_EQ(ValueOf(result.item), std::to_string(i));
  }
}

}  // namespace
}  // namespace cucache
