// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Many executors on one cache: nothing is lost, and where one must win,
// exactly one does.

#include <atomic>
#include <barrier>
#include <map>
#include <thread>

#include "t/unit/command_fixture.h"

namespace cucache {
namespace {

constexpr int kThreads = 4;

class ExecutorThreadsTest : public CommandTest {
 protected:
  void SetUp() override {
    Start([](Settings& s) { s.maxbytes = 64 << 20; });
    std::string error;
    ASSERT_TRUE(cache->StartMaintenance(&error)) << error;
  }
  void TearDown() override {
    cache->StopMaintenance();
    CommandTest::TearDown();
  }

  // Runs body(worker, number of the thread) in each of n threads.
  void Run(int n, const std::function<void(Worker&, int)>& body) {
    worker->thread.Offline();
    std::vector<std::unique_ptr<Worker>> workers;
    for (int i = 0; i < n; ++i) {
      workers.push_back(std::make_unique<Worker>(*cache, settings, control));
      workers.back()->thread.Offline();
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < n; ++i) {
      threads.emplace_back([&, i] {
        workers[static_cast<size_t>(i)]->thread.Online();
        body(*workers[static_cast<size_t>(i)], i);
        workers[static_cast<size_t>(i)]->thread.Offline();
      });
    }
    for (std::thread& thread : threads) thread.join();
    control.threads.resize(1);
    worker->thread.Online();
  }
  // The same in rounds: all threads begin each round together, and in
  // between check(round) runs alone. The executors are quiescent meanwhile.
  void Rounds(int rounds, const std::function<void(int)>& prepare,
              const std::function<void(Worker&, int round)>& body,
              const std::function<void(int)>& check) {
    std::barrier begin(kThreads + 1), end(kThreads + 1);
    // `worker` is the conductor's in between, and Run()'s before and after.
    std::barrier handed_over(kThreads + 1), given_back(kThreads + 1);
    std::thread conductor([&] {
      handed_over.arrive_and_wait();
      worker->thread.Online();
      for (int round = 0; round < rounds; ++round) {
        prepare(round);
        worker->thread.Offline();
        begin.arrive_and_wait();
        end.arrive_and_wait();
        worker->thread.Online();
        check(round);
      }
      worker->thread.Offline();
      given_back.arrive_and_wait();
    });
    Run(kThreads, [&](Worker& mine, int) {
      handed_over.arrive_and_wait();
      for (int round = 0; round < rounds; ++round) {
        mine.thread.Offline();
        begin.arrive_and_wait();
        mine.thread.Online();
        body(mine, round);
        mine.thread.Offline();
        end.arrive_and_wait();
      }
      given_back.arrive_and_wait();
      mine.thread.Online();
    });
    conductor.join();
    worker->thread.Online();
  }
};

TEST_F(ExecutorThreadsTest, NoIncrementIsLost) {
  constexpr int kTimes = 20000;
  worker->Set("n", "0");
  Run(kThreads, [&](Worker& mine, int) {
    for (int i = 0; i < kTimes; ++i) {
      ASSERT_EQ(mine.Incr("n", 1).status, Status::kHit);
      mine.thread.Quiescent();
    }
  });
  EXPECT_EQ(worker->Value("n"), std::to_string(kThreads * kTimes));
}

TEST_F(ExecutorThreadsTest, ArithmeticCreatesOnce) {
  std::atomic<uint64_t> sum{0};
  Rounds(
      500, [&](int) { worker->Delete("n"); },
      [&](Worker& mine, int) {
        Request request = Worker::Key("n", kVivify);
        request.initial = 9;
        mine.Count(request);
      },
      [&](int) { sum += std::stoull(worker->Value("n")); });
  EXPECT_EQ(sum.load(), 500u * (9 + kThreads - 1));
}

TEST_F(ExecutorThreadsTest, NoCasOverwritesAnother) {
  constexpr int kTimes = 3000;
  worker->Set("n", "0");
  Run(kThreads, [&](Worker& mine, int) {
    for (int i = 0; i < kTimes;) {
      const Result got = mine.Get("n");
      ASSERT_EQ(got.status, Status::kHit);
      const int next = std::stoi(ValueOf(got.item)) + 1;
      const Result result = mine.Cas("n", std::to_string(next), got.cas);
      if (result.status == Status::kStored) ++i;
      mine.thread.Quiescent();
    }
  });
  EXPECT_EQ(worker->Value("n"), std::to_string(kThreads * kTimes));
}

TEST_F(ExecutorThreadsTest, NoPartIsLostOrOutOfOrder) {
  constexpr int kTimes = 700;
  worker->Set("k", "");
  Run(kThreads, [&](Worker& mine, int number) {
    for (int i = 0; i < kTimes; ++i) {
      const bool front = number % 2 == 1;
      const std::string part =
          std::to_string(number) + ":" + std::to_string(i) + ",";
      ASSERT_EQ(mine.StoreAs(front ? StoreMode::kPrepend : StoreMode::kAppend,
                             "k", part)
                    .status,
                Status::kStored);
      mine.thread.Quiescent();
    }
  });
  std::istringstream parts(worker->Value("k"));
  std::map<int, std::vector<int>> seen;
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t colon = part.find(':');
    seen[std::stoi(part)].push_back(std::stoi(part.substr(colon + 1)));
  }
  for (int number = 0; number < kThreads; ++number) {
    const std::vector<int>& order = seen[number];
    ASSERT_EQ(order.size(), static_cast<size_t>(kTimes));
    for (int i = 0; i < kTimes; ++i) {
      const int expected = number % 2 == 1 ? kTimes - 1 - i : i;
      ASSERT_EQ(order[static_cast<size_t>(i)], expected);
    }
  }
}

TEST_F(ExecutorThreadsTest, OneAddIsStored) {
  std::atomic<int> stored{0};
  Rounds(
      2000, [&](int) { stored = 0; },
      [&](Worker& mine, int round) {
        const std::string key = "k" + std::to_string(round);
        if (mine.StoreAs(StoreMode::kAdd, key, "v").status == Status::kStored) {
          ++stored;
        }
      },
      [&](int round) { ASSERT_EQ(stored.load(), 1) << round; });
}

TEST_F(ExecutorThreadsTest, OneVivifies) {
  std::atomic<int> won{0}, lost{0};
  Rounds(
      2000, [&](int) { won = lost = 0; },
      [&](Worker& mine, int round) {
        const std::string key = "k" + std::to_string(round);
        const Result result = mine.Get(key, kVivify);
        ASSERT_EQ(result.status, Status::kHit);
        ASSERT_NE(result.won, result.won_by_other);
        ++(result.won ? won : lost);
      },
      [&](int round) {
        ASSERT_EQ(won.load(), 1) << round;
        ASSERT_EQ(lost.load(), kThreads - 1) << round;
      });
}

// Every other round the item is replaced by incr while the others ask for it:
// the win is given once all the same.
TEST_F(ExecutorThreadsTest, OneWinsAStaleItem) {
  std::atomic<int> won{0}, readers{0};
  worker->Set("n", "0");
  Rounds(
      3000,
      [&](int) {
        won = readers = 0;
        worker->Delete("n", kInvalidate);
      },
      [&](Worker& mine, int round) {
        if (round % 2 == 1 && readers.fetch_add(1) == 0) {
          for (int i = 0; i < 10; ++i) mine.Incr("n", 1);
          return;
        }
        for (int i = 0; i < 3; ++i) {
          const Result result = mine.Get("n");
          ASSERT_EQ(result.status, Status::kHit);
          if (result.won) ++won;
        }
      },
      [&](int round) {
        // All may have asked while incr had taken the old item's win, to give
        // it to the new one. Then it is still to be had.
        if (worker->Get("n").won) ++won;
        ASSERT_EQ(won.load(), 1) << round;
      });
}

TEST_F(ExecutorThreadsTest, OneRecaches) {
  std::atomic<int> won{0};
  Rounds(
      2000,
      [&](int) {
        won = 0;
        Request request = Worker::Key("k");
        request.exptime = clock.FromExptime(100);
        worker->Store(request, "v");
      },
      [&](Worker& mine, int) {
        Request request = Worker::Key("k", kRecache);
        request.recache_ttl = 200;
        if (mine.Fetch(request).won) ++won;
      },
      [&](int round) { ASSERT_EQ(won.load(), 1) << round; });
}

// Whoever wins gets the id that the invalidation gave, so that its store is
// accepted, and nobody sees the new id without the staleness.
TEST_F(ExecutorThreadsTest, TheWinnerCanStore) {
  constexpr int kRounds = 5000;
  worker->Set("k", "v");
  std::atomic<bool> done{false};
  std::atomic<int> refused{0}, stored{0};
  const auto invalidate = [&](Worker& mine) {
    // Waits until the last round is over, so that ids meet no other writer.
    // (Not by a get: that could win.)
    while (!done && cache->Find(mine.thread, cache->Hash("k"), "k")
                        ->HasState(Item::kStale)) {
      mine.thread.Quiescent();
    }
    mine.Delete("k", kInvalidate);
    mine.thread.Quiescent();
  };
  Run(kThreads, [&](Worker& mine, int number) {
    if (number == 0) {
      for (int i = 0; i < kRounds && !done; ++i) invalidate(mine);
      done = true;
    }
    while (!done) {
      const Result got = mine.Get("k");
      if (got.won) {
        const bool accepted =
            mine.Cas("k", "w", got.cas).status == Status::kStored;
        ++(accepted ? stored : refused);
        if (!accepted) done = true;
      }
      mine.thread.Quiescent();
    }
  });
  EXPECT_EQ(refused.load(), 0);
  EXPECT_GE(stored.load(), 1);
}

// One thread touches, the others count: no expiry is lost to a counter that
// copied an older one.
TEST_F(ExecutorThreadsTest, NoTouchIsLost) {
  worker->Set("n", "0");
  std::atomic<bool> done{false};
  std::atomic<int> lost{0};
  Run(kThreads, [&](Worker& mine, int number) {
    for (int i = 1; number == 0 && i <= 100000; ++i) {
      mine.Touch("n", i);
      if (mine.Get("n").exptime_before != clock.FromExptime(i)) ++lost;
      mine.thread.Quiescent();
    }
    if (number == 0) done = true;
    while (!done) {
      mine.Incr("n", 1);
      mine.thread.Quiescent();
    }
  });
  EXPECT_EQ(lost.load(), 0);
}

// Values that say what they are, through every way of writing them, with
// memory so short that items are evicted all the time.
TEST_F(ExecutorThreadsTest, EveryValueIsWhole) {
  TearDown();
  control.threads.clear();
  Start([](Settings& s) { s.maxbytes = 2 << 20; });
  std::string error;
  ASSERT_TRUE(cache->StartMaintenance(&error)) << error;
  const auto whole = [](const std::string& value) {
    return value.find_first_not_of(value.substr(0, 1)) == std::string::npos;
  };
  Run(kThreads, [&](Worker& mine, int number) {
    unsigned random = static_cast<unsigned>(number) + 1;
    for (int i = 0; i < 15000; ++i) {
      random = random * 1664525 + 1013904223;
      const unsigned key_number = (random >> 8) % 300;
      const std::string key = "k" + std::to_string(key_number);
      const char letter = static_cast<char>('a' + key_number % 26);
      const std::string value((random >> 16) % 3000 + 1, letter);
      switch (random >> 29) {
        case 0:
          mine.StoreAs(StoreMode::kAppend, key, std::string(50, letter));
          break;
        case 1:
          mine.StoreAs(StoreMode::kPrepend, key, std::string(50, letter));
          break;
        case 2:
          mine.Delete(key, (random >> 28) % 2 == 0 ? 0 : kInvalidate);
          break;
        case 3:
        case 4:
          mine.Set(key, value);
          break;
        default: {
          const Result got = mine.Get(key);
          ASSERT_TRUE(got.item == nullptr || whole(ValueOf(got.item)));
        }
      }
      mine.thread.Quiescent();
    }
  });
}

}  // namespace
}  // namespace cucache
