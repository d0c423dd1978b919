// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Output in pieces, through a pair of sockets.

#include "net/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace cucache {
namespace {

class PieceTest : public testing::Test {
 protected:
  PieceTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    channel_ = {&kPieceOps, nullptr, ends[0]};
    other_ = ends[1];
  }
  ~PieceTest() override {
    channel_.Close();
    close(other_);
  }

  void Add(size_t n) {
    std::string part;
    for (size_t i = 0; i < n; ++i) {
      part += static_cast<char>('a' + (all_.size() + i) % 23);
    }
    all_ += part;
    parts_.push_back(std::move(part));
  }
  // Sends what is behind the first `from` bytes.
  ssize_t Send(size_t from = 0) {
    std::vector<iovec> spans;
    for (std::string& part : parts_) {
      const size_t skipped = std::min(from, part.size());
      from -= skipped;
      spans.push_back({part.data() + skipped, part.size() - skipped});
    }
    return channel_.Send(spans.data(), static_cast<int>(spans.size()), false);
  }
  void Receive() {
    char chunk[65536];
    for (ssize_t n; (n = recv(other_, chunk, sizeof(chunk), 0)) > 0;) {
      got_.append(chunk, static_cast<size_t>(n));
    }
  }

  Channel channel_;
  int other_ = -1;
  std::vector<std::string> parts_;
  std::string all_, got_;
};

TEST_F(PieceTest, SpansOfAllSizes) {
  for (const size_t n : {size_t{1}, size_t{0}, kPieceSize - 1, kPieceSize,
                         size_t{0}, 2 * kPieceSize + 1, size_t{0}}) {
    Add(n);
  }
  EXPECT_EQ(Send(), static_cast<ssize_t>(all_.size()));
  Receive();
  EXPECT_TRUE(got_ == all_);
}

TEST_F(PieceTest, ManySmallSpans) {
  for (size_t i = 0; i < 64; ++i) Add(i % 3 == 0 ? 0 : i);
  EXPECT_EQ(Send(), static_cast<ssize_t>(all_.size()));
  Receive();
  EXPECT_TRUE(got_ == all_);
}

TEST_F(PieceTest, AFullSocket) {
  for (int i = 0; i < 50; ++i) Add(30011);
  size_t sent = 0;
  while (sent < all_.size()) {
    const ssize_t n = Send(sent);
    ASSERT_GT(n, 0);
    sent += static_cast<size_t>(n);
    if (sent < all_.size()) {
      EXPECT_EQ(Send(sent), -1);
      EXPECT_EQ(errno, EAGAIN);
    }
    Receive();
  }
  EXPECT_TRUE(got_ == all_);
}

TEST_F(PieceTest, APeerThatHasGone) {
  Add(100);
  shutdown(other_, SHUT_RDWR);
  EXPECT_EQ(Send(), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST(SendsInPieces, OnlyWhereTheBufferIsSmall) {
  EXPECT_FALSE(SendsInPieces(0));
  EXPECT_TRUE(SendsInPieces(8192));
  EXPECT_TRUE(SendsInPieces(61440));
  EXPECT_FALSE(SendsInPieces(65536));
}

}  // namespace
}  // namespace cucache
