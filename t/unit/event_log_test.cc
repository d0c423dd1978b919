// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/event_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/ring.h"

namespace cucache {
namespace {

std::vector<std::string> DrainAll(Ring* ring) {
  std::vector<std::string> records;
  ring->Drain([&](std::string_view r) { records.emplace_back(r); });
  return records;
}

TEST(RingTest, RefusesWhatDoesNotFitAndKeepsTheRest) {
  Ring ring(20);
  EXPECT_TRUE(ring.Push("abc", "defg"));  // 9 with its length
  EXPECT_TRUE(ring.Push("hi", ""));       // 4
  EXPECT_FALSE(ring.Push("123456", ""));  // 8 are too many
  EXPECT_TRUE(ring.Push("12345", ""));    // 7: full to the last byte
  EXPECT_FALSE(ring.Push("", ""));
  EXPECT_EQ(DrainAll(&ring),
            (std::vector<std::string>{"abcdefg", "hi", "12345"}));
  EXPECT_TRUE(DrainAll(&ring).empty());
}

TEST(RingTest, RecordsWrapAtEveryPlace) {
  Ring ring(23);
  for (int i = 0; i < 200; ++i) {
    const std::string record = std::to_string(i * 7919) + "-tail";
    ASSERT_TRUE(ring.Push(record.substr(0, 2), record.substr(2)));
    ASSERT_EQ(DrainAll(&ring), std::vector<std::string>{record});
  }
}

TEST(RingTest, TwoThreadsLoseNothing) {
  constexpr int kRecords = 20000;
  Ring ring(300);
  std::thread producer([&] {
    for (int i = 0; i < kRecords; ++i) {
      while (!ring.Push("record ", std::to_string(i)))
        std::this_thread::yield();
    }
  });
  int next = 0;
  while (next < kRecords) {
    const size_t n = ring.Drain([&](std::string_view r) {
      ASSERT_EQ(r, "record " + std::to_string(next));
      ++next;
    });
    if (n == 0) std::this_thread::yield();
  }
  producer.join();
}

Event Stamped(EventKind kind, Event::Type type) {
  Event e{.kind = kind, .type = type};
  e.time_us = 1700000000000042;
  e.gid = 7;
  e.fd = 31;
  e.slab_class = 5;
  e.size = 4;
  return e;
}

TEST(EventLogTest, Lines) {
  Event e = Stamped(kWatchFetchers, Event::Type::kItemGet);
  e.status = "found";
  EXPECT_EQ(FormatEvent(e, "a#b"),
            "ts=1700000000.000042 gid=7 type=item_get key=a%23b status=found "
            "clsid=5 cfd=31 size=4\n");
  e = Stamped(kWatchMutations, Event::Type::kItemStore);
  e.status = "stored";
  e.command = "cas";
  e.ttl = 60;
  EXPECT_EQ(FormatEvent(e, "k"),
            "ts=1700000000.000042 gid=7 type=item_store key=k status=stored "
            "cmd=cas ttl=60 clsid=5 cfd=31 size=4\n");
  e = Stamped(kWatchDeletions, Event::Type::kDeleted);
  e.command = "md";
  EXPECT_EQ(FormatEvent(e, "k"),
            "ts=1700000000.000042 gid=7 type=deleted key=k cmd=md clsid=5 "
            "size=4\n");
  e = Stamped(kWatchEvictions, Event::Type::kEviction);
  e.fetched = true;
  e.ttl = -1;
  e.idle = 9;
  EXPECT_EQ(FormatEvent(e, "k"),
            "ts=1700000000.000042 gid=7 type=eviction key=k fetch=yes ttl=-1 "
            "la=9 clsid=5 size=4\n");
  e = Stamped(kWatchSysEvents, Event::Type::kText);
  EXPECT_EQ(FormatEvent(e, "type=x y=1"),
            "ts=1700000000.000042 gid=7 type=x y=1\n");
}

TEST(EventLogTest, AFullBufferDropsAndCounts) {
  EventLog log(1024);
  auto buffer = std::make_unique<EventBuffer>(log);
  for (int i = 0; i < 100; ++i) {
    buffer->Write({.kind = kWatchSysEvents}, "something of some length");
  }
  const EventLog::Figures f = log.figures();
  EXPECT_EQ(f.worker_written + f.worker_dropped, 100u);
  EXPECT_GT(f.worker_dropped, 0u);
  uint64_t last_gid = 0;
  const size_t n = log.Drain([&](const Event& e, std::string_view text) {
    EXPECT_EQ(text, "something of some length");
    EXPECT_GT(e.gid, last_gid);
    last_gid = e.gid;
  });
  EXPECT_EQ(n, f.worker_written);
  // There is room again.
  buffer->Write({.kind = kWatchSysEvents}, "after");
  EXPECT_EQ(log.figures().worker_written, f.worker_written + 1);
  // What a thread counted outlives it.
  buffer.reset();
  EXPECT_EQ(log.figures().worker_written, f.worker_written + 1);
  EXPECT_EQ(log.figures().worker_dropped, f.worker_dropped);
}

TEST(EventLogTest, WantsAndWatchers) {
  EventLog log(1024);
  EventBuffer buffer(log);
  EXPECT_FALSE(buffer.Wants(~0u));
  log.set_wanted(kWatchEvictions | kWatchFetchers);
  EXPECT_TRUE(buffer.Wants(kWatchFetchers));
  EXPECT_FALSE(buffer.Wants(kWatchMutations | kWatchDeletions));
  for (int i = 0; i < EventLog::kMaxWatchers; ++i) {
    EXPECT_TRUE(log.ReserveWatcher());
  }
  EXPECT_FALSE(log.ReserveWatcher());
  log.ReleaseWatcher();
  EXPECT_EQ(log.figures().watchers, 19u);
  EXPECT_TRUE(log.ReserveWatcher());
}

}  // namespace
}  // namespace cucache
