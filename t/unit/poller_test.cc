// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/poller.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <functional>

namespace cucache {
namespace {

// Has a descriptor that is always writable, and readable while its counter is
// above 0.
class Counted final : public Pollable {
 public:
  explicit Counted(unsigned count) : fd_(eventfd(count, EFD_NONBLOCK)) {}
  ~Counted() { close(fd_); }

  void OnReady() override {
    ++calls;
    if (then) then();
  }
  int fd() const { return fd_; }

  int calls = 0;
  std::function<void()> then;

 private:
  const int fd_;
};

class PollerTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(poller_.Open()); }
  void Add(Counted& c, uint32_t what = Poller::kRead) {
    ASSERT_TRUE(poller_.Add(c.fd(), what, &c));
  }

  Poller poller_;
};

TEST_F(PollerTest, CallsWhoIsReadyUntilItIsNot) {
  Counted ready(1), idle(0);
  Add(ready);
  Add(idle);
  for (int pass = 1; pass <= 2; ++pass) {
    EXPECT_TRUE(poller_.RunOnce(Poller::kForever));
    EXPECT_EQ(ready.calls, pass);
  }
  eventfd_t count;
  ASSERT_EQ(eventfd_read(ready.fd(), &count), 0);
  EXPECT_TRUE(poller_.RunOnce(0));
  EXPECT_EQ(ready.calls, 2);
  EXPECT_EQ(idle.calls, 0);
}

TEST_F(PollerTest, WaitsForWhatItIsToldLast) {
  Counted c(0);
  Add(c);
  EXPECT_TRUE(poller_.RunOnce(0));
  EXPECT_EQ(c.calls, 0);
  ASSERT_TRUE(poller_.Change(c.fd(), Poller::kWrite, &c));
  EXPECT_TRUE(poller_.RunOnce(0));
  EXPECT_EQ(c.calls, 1);
  poller_.Remove(c.fd(), &c);
  EXPECT_TRUE(poller_.RunOnce(0));
  EXPECT_EQ(c.calls, 1);
}

// P1, whichever comes first.
TEST_F(PollerTest, WhoIsRemovedInTheSamePassIsNotCalled) {
  Counted a(1), b(1);
  a.then = [&] { poller_.Remove(b.fd(), &b); };
  b.then = [&] { poller_.Remove(a.fd(), &a); };
  Add(a);
  Add(b);
  EXPECT_TRUE(poller_.RunOnce(Poller::kForever));
  EXPECT_EQ(a.calls + b.calls, 1);
}

TEST_F(PollerTest, KnowsWhetherOthersFollow) {
  Counted a(1), b(1);
  int others = 0, last = 0;
  a.then = b.then = [&] { ++(poller_.OthersReady() ? others : last); };
  Add(a);
  Add(b);
  EXPECT_FALSE(poller_.OthersReady());
  EXPECT_TRUE(poller_.RunOnce(Poller::kForever));
  EXPECT_EQ(others, 1);
  EXPECT_EQ(last, 1);
  EXPECT_FALSE(poller_.OthersReady());
}

TEST_F(PollerTest, ADescriptorThatCannotBeWaitedForIsRefused) {
  Counted c(0);
  EXPECT_FALSE(poller_.Add(-1, Poller::kRead, &c));
  Add(c);
  EXPECT_FALSE(poller_.Add(c.fd(), Poller::kRead, &c));
}

}  // namespace
}  // namespace cucache
