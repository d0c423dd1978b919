// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/errand_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <string>
#include <thread>

namespace cucache {
namespace {

TEST(ErrandThread, WhatWasAskedBeforeTheStartIsDoneOnce) {
  std::counting_semaphore<> done(0);
  std::string error;
  ErrandThread thread([&done] { done.release(); });
  thread.Ask();
  thread.Ask();
  ASSERT_TRUE(thread.Start("errand", &error)) << error;
  done.acquire();
  thread.Stop();
  EXPECT_FALSE(done.try_acquire());
}

TEST(ErrandThread, AskedMeanwhileItIsDoneOnceMore) {
  std::counting_semaphore<> begun(0), go(0);
  std::string error;
  ErrandThread thread([&begun, &go] {
    begun.release();
    go.acquire();
  });
  ASSERT_TRUE(thread.Start("errand", &error)) << error;
  thread.Ask();
  begun.acquire();
  for (int i = 0; i < 5; ++i) thread.Ask();
  go.release();
  begun.acquire();
  go.release();
  thread.Stop();
  EXPECT_FALSE(begun.try_acquire());
}

TEST(ErrandThread, StopWaitsForTheOneUnderWayAndNoOther) {
  std::counting_semaphore<> begun(0);
  std::atomic<bool> stopping{false};
  std::atomic<int> ended{0};
  std::string error;
  ErrandThread thread([&begun, &stopping, &ended] {
    begun.release();
    stopping.wait(false);  // however late the other thread is
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ++ended;
  });
  ASSERT_TRUE(thread.Start("errand", &error)) << error;
  thread.Ask();
  begun.acquire();
  thread.Ask();
  stopping = true;
  stopping.notify_one();
  thread.Stop();
  EXPECT_EQ(1, ended);
}

TEST(ErrandThread, NothingIsAskedOfOneThatWasNotStarted) {
  ErrandThread thread([] { FAIL(); });
  thread.Ask();
  thread.Stop();
}

}  // namespace
}  // namespace cucache
