// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/thread_choice.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cucache {
namespace {

TEST(ThreadChoice, OneAfterAnother) {
  ThreadChoice choice(3, /*by_queue=*/false);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(i % 3, choice.For(-1));
  EXPECT_EQ(0u, choice.fallbacks());
}

TEST(ThreadChoice, QueuesKeepTheirThread) {
  ThreadChoice choice(3, /*by_queue=*/true);
  EXPECT_EQ(0u, choice.ForQueue(700));
  EXPECT_EQ(1u, choice.ForQueue(17));
  EXPECT_EQ(0u, choice.ForQueue(700));
  EXPECT_EQ(2u, choice.ForQueue(18));
  EXPECT_EQ(1u, choice.ForQueue(17));
  EXPECT_EQ(2u, choice.ForQueue(18));
  EXPECT_EQ(0u, choice.unexpected());
}

// As when a driver was loaded anew.
TEST(ThreadChoice, AQueueTooManyStartsOver) {
  ThreadChoice choice(2, /*by_queue=*/true);
  EXPECT_EQ(0u, choice.ForQueue(1));
  EXPECT_EQ(1u, choice.ForQueue(2));
  EXPECT_EQ(0u, choice.ForQueue(3));
  EXPECT_EQ(1u, choice.unexpected());
  EXPECT_EQ(1u, choice.ForQueue(1));
  EXPECT_EQ(0u, choice.ForQueue(3));
  EXPECT_EQ(1u, choice.unexpected());
}

TEST(ThreadChoice, WithoutAQueueOneAfterAnother) {
  ThreadChoice choice(2, /*by_queue=*/true);
  int ends[2];
  ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(i % 2, choice.For(ends[0]));
  // Nor does a descriptor that is none disturb.
  EXPECT_EQ(0u, choice.For(-1));
  EXPECT_EQ(5u, choice.fallbacks());
  EXPECT_EQ(0u, choice.unexpected());
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace cucache
