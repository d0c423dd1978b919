// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/udp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "base/network.h"
#include "session_fixture.h"

namespace cucache {
namespace {

using namespace std::literals;

TEST(UdpTest, Header) {
  uint16_t id = 0;
  EXPECT_TRUE(ParseUdpHeader("\x12\x34\0\0\0\1\0\0get a\r\n"sv, &id));
  EXPECT_EQ(id, 0x1234);
  EXPECT_FALSE(ParseUdpHeader(""sv, &id));
  EXPECT_FALSE(ParseUdpHeader("\0\1\0\0\0\1\0"sv, &id));
  EXPECT_FALSE(ParseUdpHeader("\0\1\0\0\0\1\0\0"sv, &id));        // no request
  EXPECT_FALSE(ParseUdpHeader("\0\1\0\1\0\1\0\0mn\r\n"sv, &id));  // 2nd of 1
  EXPECT_FALSE(ParseUdpHeader("\0\1\0\0\0\2\0\0mn\r\n"sv, &id));  // 1st of 2
  EXPECT_FALSE(ParseUdpHeader("\0\1\0\0\1\1\0\0mn\r\n"sv, &id));
  char header[kUdpHeader];
  WriteUdpHeader(0x1234, 2, 0x0103, header);
  EXPECT_EQ(std::string_view(header, sizeof(header)), "\x12\x34\0\2\1\3\0\0"sv);
}

TEST(UdpTest, NoAmplification) {
  EXPECT_EQ(UdpDatagrams(0), 0u);
  EXPECT_EQ(UdpDatagrams(1), 1u);
  EXPECT_EQ(UdpDatagrams(kUdpPayload), 1u);
  EXPECT_EQ(UdpDatagrams(kUdpPayload + 1), 2u);
  EXPECT_EQ(UdpDatagramsAllowed(0, 9, false), 0u);
  EXPECT_EQ(UdpDatagramsAllowed(100000, 9, true), UdpDatagrams(100000));
  EXPECT_EQ(UdpDatagramsAllowed(19, 9, false), 1u);  // 27 = 3 * 9
  EXPECT_EQ(UdpDatagramsAllowed(20, 9, false), 0u);
  // Whatever the sizes are, three times is never exceeded, and no datagram
  // that fits is held back.
  for (size_t received = 9; received < 6000; received += 37) {
    for (size_t reply = 1; reply < 20000; reply += 41) {
      const size_t n = UdpDatagramsAllowed(reply, received, false);
      const auto bytes = [&](size_t datagrams) {
        return std::min(datagrams * kUdpPayload, reply) +
               datagrams * kUdpHeader;
      };
      ASSERT_LE(bytes(n), 3 * received);
      if (n < UdpDatagrams(reply)) {
        ASSERT_GT(bytes(n + 1), 3 * received);
      }
    }
  }
}

// A reply that is cut off must not look as if it were whole: of a value that
// does not fit, neither nothing nor what stands behind it is sent.
TEST(UdpTest, WhatIsCutOffIsNotWhole) {
  LoneServer server;
  LoneConnection setter(server);
  const std::string value(20000, 'v');
  ASSERT_EQ(setter.Ask("set big 0 0 20000\r\n" + value + "\r\n"), "STORED\r\n");
  const std::string request = "get big\r\n";
  for (const size_t received : {kUdpHeader + request.size(), size_t{1400}}) {
    Session session(server.executor());
    UdpReply reply;
    reply.Reset(kUdpAmplification * received);
    int budget = 20;
    (void)session.Process(request.data(), request.size(), reply, &budget);
    EXPECT_TRUE(reply.blocked());
    const std::string_view text = reply.text();
    const size_t sent = UdpDatagramsAllowed(text.size(), received, false);
    EXPECT_EQ(sent, kUdpAmplification * received / kUdpDatagram);
    EXPECT_LT(sent, UdpDatagrams(text.size()));
    const std::string whole = "VALUE big 0 20000\r\n" + value;
    EXPECT_EQ(text.substr(0, sent * kUdpPayload),
              whole.substr(0, sent * kUdpPayload));
  }
}

sockaddr_storage Address(const char* text) {
  sockaddr_storage storage{};
  auto* in = reinterpret_cast<sockaddr_in*>(&storage);
  auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
    in->sin_family = AF_INET;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text, &in6->sin6_addr), 1) << text;
    in6->sin6_family = AF_INET6;
  }
  return storage;
}

TEST(UdpTest, Networks) {
  NetworkList list;
  std::string bad;
  ASSERT_TRUE(list.Parse("10.20.0.0/14,192.0.2.7+fd00:1::/33", &bad));
  const auto in = [&](const char* text) {
    const sockaddr_storage a = Address(text);
    return list.Contains(reinterpret_cast<const sockaddr*>(&a));
  };
  EXPECT_TRUE(in("10.20.0.1"));
  EXPECT_TRUE(in("10.23.255.255"));
  EXPECT_FALSE(in("10.24.0.0"));
  EXPECT_FALSE(in("10.19.255.255"));
  EXPECT_TRUE(in("192.0.2.7"));
  EXPECT_TRUE(in("::ffff:192.0.2.7"));
  EXPECT_FALSE(in("192.0.2.6"));
  EXPECT_TRUE(in("fd00:1:7fff::1"));
  EXPECT_FALSE(in("fd00:1:8000::1"));
  for (const char* text : {"10.0.0.0/33", "10.0.0/8", "a", "::/129",
                           "10.0.0.0/", "10.0.0.0/8,,", "/8"}) {
    EXPECT_FALSE(NetworkList().Parse(text, &bad)) << text;
  }
  NetworkList all;
  ASSERT_TRUE(all.Parse("0.0.0.0/0", &bad));
  const sockaddr_storage v4 = Address("203.0.113.9"),
                         v6 = Address("2001:db8::");
  EXPECT_TRUE(all.Contains(reinterpret_cast<const sockaddr*>(&v4)));
  EXPECT_FALSE(all.Contains(reinterpret_cast<const sockaddr*>(&v6)));
}

TEST(UdpTest, Loopback) {
  const auto is = [](const char* text) {
    const sockaddr_storage a = Address(text);
    return IsLoopback(reinterpret_cast<const sockaddr*>(&a));
  };
  EXPECT_TRUE(is("127.0.0.1"));
  EXPECT_TRUE(is("127.9.9.9"));
  EXPECT_TRUE(is("::1"));
  EXPECT_TRUE(is("::ffff:127.0.0.1"));
  EXPECT_FALSE(is("128.0.0.1"));
  EXPECT_FALSE(is("::2"));
  EXPECT_FALSE(is("10.0.0.1"));
}

}  // namespace
}  // namespace cucache
