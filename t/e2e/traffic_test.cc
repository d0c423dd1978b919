// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Commands through real sockets: pipelined, in pieces, large.

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "testing.h"

namespace cucache {
namespace {

TEST(Traffic, SetAndGet) {
  TestServer server;
  Client client(server.port());
  EXPECT_EQ("<miss>", client.Get("a"));
  EXPECT_TRUE(client.Set("a", "hello"));
  EXPECT_EQ("hello", client.Get("a"));
  EXPECT_TRUE(client.Set("a", ""));
  EXPECT_EQ("", client.Get("a"));
}

TEST(Traffic, TwoServersInOneProcess) {
  TestServer one;
  TestServer two;
  Client a(one.port());
  Client b(two.port());
  EXPECT_TRUE(a.Set("k", "first"));
  EXPECT_TRUE(b.Set("k", "second"));
  EXPECT_EQ("first", a.Get("k"));
  EXPECT_EQ("second", b.Get("k"));
}

TEST(Traffic, PipelinedCommandsAreAnsweredInOrder) {
  TestServer server;
  Client client(server.port());
  constexpr int kCount = 3000;
  std::string input;
  std::string expected;
  for (int i = 0; i < kCount; ++i) {
    const std::string n = std::to_string(i);
    input += "set k" + n + " 0 0 " + std::to_string(n.size()) + "\r\n" + n +
             "\r\nget k" + n + "\r\nget miss\r\n";
    expected += "STORED\r\nVALUE k" + n + " 0 " + std::to_string(n.size()) +
                "\r\n" + n + "\r\nEND\r\nEND\r\n";
  }
  std::thread writer([&] { EXPECT_TRUE(client.Send(input)); });
  EXPECT_EQ(expected, client.ReadExactly(expected.size()));
  writer.join();
}

// Whatever the kernel cuts the input into, the replies are the same.
TEST(Traffic, InputMayBeCutAnywhere) {
  TestServer server;
  Client client(server.port());
  ASSERT_TRUE(client.Set("b", "x\r\ny"));
  const std::string input =
      "set a 5 0 6\r\nab\r\ncd\r\nget a b c\r\nset a 0 0 1 noreply\r\nz\r\n"
      "mg a v\r\ndelete a\r\nget a\r\nincr b 1\r\nbogus\r\nset a 0 0 x\r\n";
  ASSERT_TRUE(client.Send(input + "mn\r\n"));
  const std::string expected = client.ReadUntilLine("MN");
  ASSERT_TRUE(expected.starts_with("STORED\r\nVALUE a 5 6\r\nab\r\ncd\r\n"));
  for (size_t cut = 1; cut < input.size(); ++cut) {
    ASSERT_TRUE(client.Send(input.substr(0, cut)));
    // Long enough for the server to see the pieces apart, most of the time.
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    ASSERT_TRUE(client.Send(input.substr(cut) + "mn\r\n"));
    ASSERT_EQ(expected, client.ReadUntilLine("MN")) << "cut at " << cut;
  }
}

TEST(Traffic, ByteByByte) {
  TestServer server;
  Client client(server.port());
  const std::string input = "set a 0 0 4\r\nabcd\r\nget a\r\nmn\r\n";
  for (const char c : input) {
    ASSERT_TRUE(client.Send({&c, 1}));
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
  EXPECT_EQ("STORED\r\nVALUE a 0 4\r\nabcd\r\nEND\r\nMN\r\n",
            client.ReadUntilLine("MN"));
}

TEST(Traffic, ValuesOfAllSizes) {
  TestServer server;
  Client client(server.port());
  unsigned seed = 0;
  for (const size_t size :
       {1u, 1000u, 16383u, 16384u, 16385u, 17407u, 65000u, 65536u, 65537u,
        100000u, 131072u, 500000u, 1000000u, 1048000u}) {
    const std::string value = Pattern(size, ++seed);
    ASSERT_TRUE(client.Set("v", value)) << size;
    ASSERT_EQ(value, client.Get("v")) << size;
    // Among small ones, so that it is sent in the middle of a batch.
    ASSERT_TRUE(client.Set("s", "small"));
    client.Send("get s v s\r\nget v\r\nset w 0 0 1\r\n1\r\nget s\r\n");
    const std::string head = " 0 " + std::to_string(size) + "\r\n";
    const std::string small = "VALUE s 0 5\r\nsmall\r\n";
    const std::string expected = small + "VALUE v" + head + value + "\r\n" +
                                 small + "END\r\nVALUE v" + head + value +
                                 "\r\nEND\r\nSTORED\r\n" + small + "END\r\n";
    ASSERT_EQ(expected, client.ReadExactly(expected.size())) << size;
  }
}

TEST(Traffic, LargeValuesPipelinedWithOverwrites) {
  Settings settings = TestSettings();
  settings.maxbytes = uint64_t{32} << 20;
  TestServer server(settings);
  Client client(server.port());
  // Each get must show the value of its moment, though later commands of the
  // same batch replace and evict.
  std::string input;
  std::string expected;
  for (unsigned i = 0; i < 60; ++i) {
    const std::string value = Pattern(100000 + i, i);
    const std::string size = std::to_string(value.size());
    input += "set v 0 0 " + size + "\r\n" + value + "\r\nget v\r\n";
    expected += "STORED\r\nVALUE v 0 " + size + "\r\n" + value + "\r\nEND\r\n";
  }
  std::thread writer([&] { EXPECT_TRUE(client.Send(input)); });
  EXPECT_TRUE(expected == client.ReadExactly(expected.size()));
  writer.join();
}

TEST(Traffic, SeventyThousandKeysInOneGet) {
  TestServer server;
  Client client(server.port());
  ASSERT_TRUE(client.Set("k", "0123456789"));
  constexpr size_t kKeys = 70000;
  std::string input = "get";
  for (size_t i = 0; i < kKeys; ++i) input += " k";
  input += "\r\n";
  const std::string value = "VALUE k 0 10\r\n0123456789\r\n";
  std::thread writer([&] { EXPECT_TRUE(client.Send(input)); });
  const std::string all = client.ReadExactly(kKeys * value.size() + 5);
  writer.join();
  ASSERT_EQ(kKeys * value.size() + 5, all.size());
  for (size_t i = 0; i < kKeys; ++i) {
    ASSERT_EQ(0, all.compare(i * value.size(), value.size(), value)) << i;
  }
  EXPECT_TRUE(all.ends_with("END\r\n"));
}

TEST(Traffic, HalfClosedClientsGetTheirAnswers) {
  TestServer server;
  Client client(server.port());
  const std::string value = Pattern(300000, 1);
  ASSERT_TRUE(client.Set("v", value));
  std::string input;
  for (int i = 0; i < 30; ++i) input += "get v\r\n";
  client.Send(input + "set x 0 0 10\r\nhalf");
  client.FinishWriting();
  const std::string one = "VALUE v 0 300000\r\n" + value + "\r\nEND\r\n";
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(one == client.ReadExactly(one.size())) << i;
  }
  EXPECT_TRUE(client.AtEnd());
  Client other(server.port());
  EXPECT_EQ("<miss>", other.Get("x"));
}

TEST(Traffic, QuitSendsWhatCameBefore) {
  TestServer server;
  Client client(server.port());
  client.Send("get a\r\nmn\r\nquit\r\nget b\r\n");
  EXPECT_EQ("END", client.ReadLine());
  EXPECT_EQ("MN", client.ReadLine());
  EXPECT_TRUE(client.AtEnd());
}

// As in memcached: not while the client is about to write it.
TEST(Traffic, ARefusalComesBehindTheValue) {
  TestServer server;
  const std::string head = "get a\r\nset big 0 0 2000000\r\n";
  const char* const refusal = "SERVER_ERROR object too large for cache";
  Client client(server.port());
  for (const std::string_view part :
       {std::string_view(head), std::string_view("begin")}) {
    ASSERT_TRUE(client.Send(part));
    pollfd input = {client.fd(), POLLIN, 0};
    EXPECT_EQ(poll(&input, 1, 200), 0) << part;
  }
  ASSERT_TRUE(client.Send(std::string(1999995, 'x') + "\r\nmn\r\n"));
  EXPECT_EQ(client.ReadLine(), "END");
  EXPECT_EQ(client.ReadLine(), refusal);
  EXPECT_EQ(client.ReadLine(), "MN");
  // If it never comes they are sent all the same.
  ASSERT_TRUE(client.Send(head));
  client.FinishWriting();
  EXPECT_EQ(client.ReadLine(), "END");
  EXPECT_EQ(client.ReadLine(), refusal);
  EXPECT_TRUE(client.AtEnd());
}

TEST(Traffic, GarbageIsAnsweredOrClosed) {
  TestServer server;
  Client sane(server.port());
  ASSERT_TRUE(sane.Set("a", "1"));
  {
    Client client(server.port());
    client.Send(std::string(100000, 'x'));
    client.FinishWriting();
    while (!client.AtEnd()) client.ReadLine();
  }
  {
    Client client(server.port());
    client.Send(Pattern(200000, 5) + "\r\n");
    client.FinishWriting();
    while (!client.AtEnd()) client.ReadLine();
  }
  {
    Client client(server.port());
    client.Send(std::string("\0\0\n\xff\xfe\n\r\n\n\n", 10));
    client.FinishWriting();
    while (!client.AtEnd()) client.ReadLine();
  }
  EXPECT_EQ("1", sane.Get("a"));
}

}  // namespace
}  // namespace cucache
