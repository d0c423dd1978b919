// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Output against a scripted socket that takes as much as the test says.

#include "net/transport.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/settings.h"
#include "cache/cache.h"
#include "cache/value.h"

namespace cucache {
namespace {

// Takes up to `room` bytes, `per_call` at once; then it would block.
struct FakeSocket {
  size_t room = SIZE_MAX;
  size_t per_call = SIZE_MAX;
  bool broken = false;
  int calls = 0;
  std::string sent;
};

ssize_t FakeSend(Channel& channel, const iovec* spans, int count, bool) {
  FakeSocket& socket = *static_cast<FakeSocket*>(channel.state);
  ++socket.calls;
  if (socket.broken) {
    errno = EPIPE;
    return -1;
  }
  size_t left = std::min(socket.room, socket.per_call);
  if (left == 0) {
    errno = EAGAIN;
    return -1;
  }
  const size_t before = socket.sent.size();
  for (int i = 0; i < count && left > 0; ++i) {
    const size_t n = std::min(left, spans[i].iov_len);
    socket.sent.append(static_cast<const char*>(spans[i].iov_base), n);
    left -= n;
  }
  const size_t n = socket.sent.size() - before;
  socket.room -= n;
  return static_cast<ssize_t>(n);
}

ssize_t NoReceive(Channel&, const iovec*, int) { return 0; }
void NoClose(Channel&) {}
const ChannelOps kFakeOps = {NoReceive, FakeSend, NoClose};

class TransportTest : public testing::Test {
 protected:
  TransportTest()
      : cache_(settings_, clock_),
        thread_(cache_, stats_),
        transport_(cache_, thread_, stats_, pool_) {
    channel_ = {&kFakeOps, &socket_, -1};
    thread_.Online();
  }
  ~TransportTest() override {
    transport_.Drop(&unsent_);
    thread_.Offline();
  }

  // An unlinked item that lives as long as the test wants.
  Item* NewItem(const std::string& value) {
    ItemShape shape;
    shape.key = "key";
    shape.hash = cache_.Hash("key");
    shape.value_length = static_cast<uint32_t>(value.size());
    Item* item = nullptr;
    EXPECT_EQ(AllocateStatus::kOk, cache_.Allocate(thread_, shape, &item));
    CopyValueIn(item, 0, value.data(), value.size());
    return item;
  }
  static std::string Bytes(size_t n, char first) {
    std::string bytes(n, ' ');
    for (size_t i = 0; i < n; ++i) {
      bytes[i] = static_cast<char>(first + i % 61);
    }
    return bytes;
  }
  void Begin(bool last = false) {
    transport_.Begin(&channel_, &unsent_);
    transport_.set_last(last);
  }

  Settings settings_;
  Clock clock_;
  Cache cache_;
  ThreadStats stats_;
  CacheThread thread_;
  BufferPool pool_{0};
  FakeSocket socket_;
  Channel channel_;
  std::unique_ptr<Unsent> unsent_;
  Transport transport_;
};

TEST_F(TransportTest, OneSendForABatch) {
  Begin();
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    transport_.Append("reply\r\n");
    expected += "reply\r\n";
  }
  EXPECT_EQ(0, socket_.calls);
  EXPECT_EQ(SendStatus::kDone, transport_.Finish());
  EXPECT_EQ(1, socket_.calls);
  EXPECT_EQ(expected, socket_.sent);
  EXPECT_EQ(expected.size(), stats_.bytes_written.value());
  EXPECT_EQ(SendStatus::kDone, transport_.Finish());
  EXPECT_EQ(1, socket_.calls);
}

TEST_F(TransportTest, FlushesAtItsCapacity) {
  Begin();
  const std::string piece = Bytes(1000, 'A');
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    transport_.Append(piece);
    expected += piece;
  }
  EXPECT_EQ(SendStatus::kDone, transport_.Finish());
  EXPECT_EQ(expected, socket_.sent);
  EXPECT_EQ(8, socket_.calls);
}

TEST_F(TransportTest, ALargeValueRidesWithItsReply) {
  const std::string value = Bytes(100000, '!');
  Item* item = NewItem(value);
  Begin(true);
  transport_.Append("head");
  transport_.AppendValue(item);
  transport_.Append("tail");
  EXPECT_EQ(SendStatus::kDone, transport_.Finish());
  EXPECT_EQ(1, socket_.calls);
  EXPECT_TRUE(socket_.sent == "head" + value + "tail");
  cache_.Free(thread_, item);
}

// T3: further commands may follow, so nothing may refer to the item.
TEST_F(TransportTest, BetweenCommandsALargeValueGoesAtOnce) {
  const std::string value = Bytes(30000, '!');
  Item* item = NewItem(value);
  Begin();
  transport_.Append("head");
  transport_.AppendValue(item);
  // The memory is used again for something else.
  CopyValueIn(item, 0, Bytes(30000, '?').data(), 30000);
  transport_.Append("tail");
  EXPECT_EQ(SendStatus::kDone, transport_.Finish());
  EXPECT_TRUE(socket_.sent == "head" + value + "tail");
  cache_.Free(thread_, item);
}

// Every possible place of the first short send, and slow draining after it.
TEST_F(TransportTest, ShortSendsKeepTheRest) {
  const std::string value = Bytes(40000, '!');
  Item* item = NewItem(value);
  const std::string expected = "head" + value + "tail" + value + "end";
  for (const bool last : {true, false}) {
    for (size_t room = 0; room < expected.size(); room += 997) {
      socket_ = {};
      socket_.room = room;
      Begin(last);
      transport_.Append("head");
      transport_.AppendValue(item);
      transport_.Append("tail");
      transport_.AppendValue(item);
      transport_.Append("end");
      ASSERT_EQ(SendStatus::kBlocked, transport_.Finish());
      ASSERT_TRUE(transport_.blocked());
      ASSERT_NE(nullptr, unsent_);
      socket_.room = SIZE_MAX;
      socket_.per_call = 7001;
      SendStatus status = SendStatus::kBlocked;
      for (int i = 0; i < 100 && status == SendStatus::kBlocked; ++i) {
        status = transport_.Resume(&channel_, &unsent_);
      }
      ASSERT_EQ(SendStatus::kDone, status);
      ASSERT_EQ(nullptr, unsent_);
      ASSERT_TRUE(expected == socket_.sent) << room;
      ASSERT_EQ(0u, pool_.owned_bytes());
    }
  }
  // No pin is left, or it would not be freed now.
  cache_.Free(thread_, item);
}

TEST_F(TransportTest, AnUnsentValueIsPinned) {
  Item* item = NewItem(Bytes(40000, '!'));
  Begin();
  socket_.room = 900;
  transport_.AppendValue(item);
  EXPECT_EQ(SendStatus::kBlocked, transport_.Finish());
  EXPECT_TRUE(item->HasState(Item::kPinned));
  // Its bytes were not copied, but for the end of it.
  EXPECT_LT(pool_.owned_bytes(), 2000u);
  transport_.Drop(&unsent_);
  EXPECT_EQ(0u, pool_.owned_bytes());
  cache_.Free(thread_, item);
}

TEST_F(TransportTest, OnlyTheUnsentRestIsCopied) {
  Begin();
  socket_.room = 900;
  transport_.Append(Bytes(1000, 'A'));
  EXPECT_EQ(SendStatus::kBlocked, transport_.Finish());
  EXPECT_EQ(100 + sizeof(Buffer), pool_.owned_bytes());
  transport_.Drop(&unsent_);
  EXPECT_EQ(0u, pool_.owned_bytes());
}

TEST_F(TransportTest, ParkedOutputGoesFirst) {
  std::string expected;
  for (int turn = 0; turn < 5; ++turn) {
    Begin();
    const std::string reply = "turn" + std::to_string(turn);
    transport_.Append(reply);
    expected += reply;
    if (turn < 4) {
      ASSERT_TRUE(transport_.Park());
    }
  }
  EXPECT_EQ(0, socket_.calls);
  EXPECT_EQ(SendStatus::kDone, transport_.Finish());
  EXPECT_EQ(1, socket_.calls);
  EXPECT_EQ(expected, socket_.sent);
  EXPECT_EQ(0u, pool_.owned_bytes());
}

TEST_F(TransportTest, ParkedOutputMayBlockToo) {
  Begin();
  transport_.Append("first");
  ASSERT_TRUE(transport_.Park());
  Begin();
  transport_.Append("second");
  socket_.room = 7;
  EXPECT_EQ(SendStatus::kBlocked, transport_.Finish());
  socket_.room = SIZE_MAX;
  EXPECT_EQ(SendStatus::kDone, transport_.Resume(&channel_, &unsent_));
  EXPECT_EQ("firstsecond", socket_.sent);
  EXPECT_EQ(0u, pool_.owned_bytes());
}

TEST_F(TransportTest, MuchIsNotParked) {
  Begin();
  transport_.Append(Bytes(20000, 'A'));
  EXPECT_FALSE(transport_.Park());
  EXPECT_EQ(SendStatus::kDone, transport_.Finish());
  EXPECT_EQ(20000u, socket_.sent.size());
}

TEST_F(TransportTest, ABrokenPeer) {
  Begin();
  transport_.Append("parked");
  ASSERT_TRUE(transport_.Park());
  Begin();
  socket_.broken = true;
  transport_.Append("reply");
  EXPECT_EQ(SendStatus::kBroken, transport_.Finish());
  EXPECT_EQ(nullptr, unsent_);
  EXPECT_EQ(0u, pool_.owned_bytes());
}

TEST_F(TransportTest, TheLimitOfMemoryBreaksTheConnection) {
  BufferPool small(1000);
  Transport transport(cache_, thread_, stats_, small);
  transport.Begin(&channel_, &unsent_);
  socket_.room = 10;
  transport.Append(Bytes(5000, 'A'));
  EXPECT_EQ(SendStatus::kBroken, transport.Finish());
  EXPECT_EQ(1u, stats_.response_obj_oom.value());
  EXPECT_EQ(0u, small.owned_bytes());
}

}  // namespace
}  // namespace cucache
