// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What only the meta commands can ask for: vivify, recache, stale items and
// who wins them.

#include "t/unit/command_fixture.h"

namespace cucache {
namespace {

using ExecutorMetaTest = CommandTest;

TEST_F(ExecutorMetaTest, Vivify) {
  Request request = Worker::Key("k", kVivify);
  request.vivify_exptime = clock.FromExptime(30);
  const Result first = worker->Fetch(request);
  EXPECT_EQ(first.status, Status::kHit);
  EXPECT_TRUE(first.won);
  EXPECT_FALSE(first.won_by_other);
  EXPECT_FALSE(first.stale);
  EXPECT_EQ(first.exptime_before, 0u);
  EXPECT_EQ(first.value_length, 0u);
  EXPECT_EQ(first.item->exptime.load(), clock.FromExptime(30));
  const Result second = worker->Fetch(request);
  EXPECT_FALSE(second.won);
  EXPECT_TRUE(second.won_by_other);
  EXPECT_EQ(second.cas, first.cas);
  EXPECT_EQ(worker->stats.get_hits.value(), 2u);
  // The winner stores with the CAS id it was given.
  EXPECT_EQ(worker->Cas("k", "new", first.cas).status, Status::kStored);
  const Result third = worker->Fetch(request);
  EXPECT_FALSE(third.won || third.won_by_other);
  EXPECT_EQ(ValueOf(third.item), "new");
}

TEST_F(ExecutorMetaTest, VivifyWithExplicitCas) {
  Request request = Worker::Key("k", kVivify | kExplicitCas);
  request.new_cas = 99;
  EXPECT_EQ(worker->Fetch(request).cas, 99u);
}

TEST_F(ExecutorMetaTest, Recache) {
  Request request = Worker::Key("k", kRecache);
  request.recache_ttl = 30;
  worker->Set("k", "v");
  EXPECT_FALSE(worker->Fetch(request).won);  // never expires
  worker->Touch("k", 100);
  EXPECT_FALSE(worker->Fetch(request).won);
  worker->Touch("k", 29);
  const Result won = worker->Fetch(request);
  EXPECT_TRUE(won.won);
  EXPECT_FALSE(won.won_by_other);
  const Result lost = worker->Fetch(request);
  EXPECT_FALSE(lost.won);
  EXPECT_TRUE(lost.won_by_other);
  EXPECT_TRUE(worker->Get("k").won_by_other);
}

// memcached judges an R by the expiry that a T on the same line gives.
TEST_F(ExecutorMetaTest, RecacheSeesTheNewExpiry) {
  Request request = Worker::Key("k", kRecache | kTouch);
  request.recache_ttl = 30;
  worker->Set("k", "v");
  worker->Touch("k", 10);
  request.exptime = clock.FromExptime(100);
  EXPECT_FALSE(worker->Fetch(request).won);
  request.exptime = clock.FromExptime(20);
  EXPECT_TRUE(worker->Fetch(request).won);
}

TEST_F(ExecutorMetaTest, InvalidateMakesStale) {
  EXPECT_EQ(worker->Delete("k", kInvalidate).status, Status::kNotFound);
  const uint64_t cas = worker->Set("k", "v").cas;
  Request request = Worker::Key("k", kInvalidate | kTouch);
  request.exptime = clock.FromExptime(40);
  EXPECT_EQ(worker->Delete(request).status, Status::kDeleted);
  EXPECT_EQ(worker->stats.delete_hits.value(), 0u);
  const Result first = worker->Get("k");
  EXPECT_TRUE(first.stale);
  EXPECT_TRUE(first.won);
  EXPECT_GT(first.cas, cas);
  EXPECT_EQ(first.exptime_before, clock.FromExptime(40));
  const Result second = worker->Get("k");
  EXPECT_TRUE(second.stale);
  EXPECT_FALSE(second.won);
  EXPECT_TRUE(second.won_by_other);
  // The next round has its own winner.
  worker->Delete("k", kInvalidate);
  EXPECT_TRUE(worker->Get("k").won);
  EXPECT_EQ(worker->Set("k", "fresh").status, Status::kStored);
  const Result last = worker->Get("k");
  EXPECT_FALSE(last.stale || last.won || last.won_by_other);
}

TEST_F(ExecutorMetaTest, InvalidateComparesAndTakesAnId) {
  const uint64_t cas = worker->Set("k", "v").cas;
  Request request = Worker::Key("k", kInvalidate | kCompareCas | kExplicitCas);
  request.cas = cas + 1;
  request.new_cas = 77777;
  EXPECT_EQ(worker->Delete(request).status, Status::kExists);
  EXPECT_FALSE(worker->Get("k").stale);
  request.cas = cas;
  EXPECT_EQ(worker->Delete(request).status, Status::kDeleted);
  EXPECT_EQ(worker->Get("k").cas, 77777u);
}

TEST_F(ExecutorMetaTest, OlderStoreIsStale) {
  const uint64_t old_cas = worker->Set("k", "1").cas;
  Request request = Worker::Key("k");
  request.exptime = clock.FromExptime(90);
  const uint64_t cas = worker->Store(request, "2").cas;
  EXPECT_EQ(worker->Cas("k", "3", cas + 1, kInvalidate).status,
            Status::kExists);
  EXPECT_EQ(worker->Cas("k", "4", old_cas, kInvalidate).status,
            Status::kStored);
  const Result first = worker->Get("k");
  EXPECT_EQ(ValueOf(first.item), "4");
  EXPECT_TRUE(first.stale);
  EXPECT_TRUE(first.won);
  EXPECT_EQ(first.exptime_before, clock.FromExptime(90));
  // Who has won stays the winner when an older value comes once more.
  EXPECT_EQ(worker->Cas("k", "5", old_cas, kInvalidate).status,
            Status::kStored);
  EXPECT_FALSE(worker->Get("k").won);
  EXPECT_TRUE(worker->Get("k").won_by_other);
  // Equal: fresh.
  const uint64_t now = worker->Get("k").cas;
  EXPECT_EQ(worker->Cas("k", "6", now, kInvalidate).status, Status::kStored);
  EXPECT_FALSE(worker->Get("k").stale);
}

TEST_F(ExecutorMetaTest, BinaryKeysStayBinary) {
  worker->SetBinary("k", "1");
  worker->StoreAs(StoreMode::kAppend, "k", "2");
  EXPECT_TRUE(worker->Get("k").item->HasState(Item::kBinaryKey));
  worker->Delete("k", kDropValue);
  EXPECT_TRUE(worker->Get("k").item->HasState(Item::kBinaryKey));
  worker->Set("k", "1");
  EXPECT_FALSE(worker->Get("k").item->HasState(Item::kBinaryKey));
}

}  // namespace
}  // namespace cucache
