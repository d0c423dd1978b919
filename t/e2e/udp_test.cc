// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Requests in datagrams, against a server in this process.

#include "net/udp.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>

#include "testing.h"

namespace cucache {
namespace {

Settings UdpSettings() {
  Settings settings = TestSettings();
  settings.udpport = -1;
  settings.num_threads = 1;
  return settings;
}

sockaddr_in Loopback(in_addr_t address, int port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(static_cast<uint16_t>(port));
  in.sin_addr.s_addr = htonl(address);
  return in;
}

class UdpTest : public testing::Test {
 protected:
  UdpTest() : server_(UdpSettings()), client_(server_.port()) {
    for (const auto& [name, value] : client_.Stats("conns")) {
      if (!value.starts_with("udp:127.0.0.1:")) continue;
      port_ = std::stoi(value.substr(14));
      row_ = name.substr(0, name.find(':'));
    }
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const timeval limit = {60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    const sockaddr_in to = Loopback(INADDR_LOOPBACK, port_);
    EXPECT_EQ(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
              0);
  }
  ~UdpTest() override { close(fd_); }

  void Send(const std::string& datagram) {
    EXPECT_EQ(send(fd_, datagram.data(), datagram.size(), 0),
              static_cast<ssize_t>(datagram.size()));
  }
  static std::string Header(uint16_t id, size_t number = 0, size_t total = 1) {
    std::string header(kUdpHeader, '\0');
    WriteUdpHeader(id, number, total, header.data());
    return header;
  }
  // The reply to request `id`, put together.
  std::string Reply(uint16_t id) {
    std::map<int, std::string> parts;
    size_t total = 1;
    while (parts.size() < total) {
      unsigned char d[2000];
      const ssize_t n = recv(fd_, d, sizeof(d), 0);
      if (n < static_cast<ssize_t>(kUdpHeader)) return "<nothing>";
      EXPECT_LE(n, static_cast<ssize_t>(kUdpDatagram));
      EXPECT_EQ(d[0] * 256 + d[1], id);
      total = d[4] * 256u + d[5];
      parts[d[2] * 256 + d[3]] =
          std::string(reinterpret_cast<char*>(d) + kUdpHeader,
                      static_cast<size_t>(n) - kUdpHeader);
    }
    datagrams_ = total;
    std::string reply;
    for (const auto& [number, part] : parts) reply += part;
    return reply;
  }
  std::string Ask(uint16_t id, const std::string& request) {
    Send(Header(id) + request);
    return Reply(id);
  }

  TestServer server_;
  Client client_;
  int port_ = 0;
  std::string row_;
  int fd_ = -1;
  size_t datagrams_ = 0;
};

TEST_F(UdpTest, TextAndBinary) {
  EXPECT_EQ(Ask(1, "set a 0 0 3\r\nabc\r\n"), "STORED\r\n");
  EXPECT_EQ(Ask(0xfffe, "get a b\r\n"), "VALUE a 0 3\r\nabc\r\nEND\r\n");
  EXPECT_EQ(Ask(2, "incr x 1\r\nmn\r\n"), "NOT_FOUND\r\nMN\r\n");
  std::string noop(24, '\0');
  noop[0] = '\x80';
  noop[1] = '\x0a';
  const std::string reply = Ask(3, noop);
  ASSERT_EQ(reply.size(), 24u);
  EXPECT_EQ(reply.substr(0, 2), "\x81\x0a");
  EXPECT_EQ(client_.Get("a"), "abc");
}

TEST_F(UdpTest, LongRepliesAreSplit) {
  const std::string value = Pattern(50000, 1);
  ASSERT_TRUE(client_.Set("big", value));
  EXPECT_EQ(Ask(9, "get big\r\n"),
            "VALUE big 0 50000\r\n" + value + "\r\nEND\r\n");
  EXPECT_EQ(datagrams_, 36u);
}

TEST_F(UdpTest, TooLongRepliesAreAnError) {
  ASSERT_TRUE(client_.Set("big", std::string(1000000, 'x')));
  EXPECT_EQ(Ask(9, "get big big big\r\n"),
            "SERVER_ERROR reply too large for UDP\r\n");
}

TEST_F(UdpTest, WhatIsNotWholeIsDropped) {
  Send("");
  Send("get a\r\n");                               // no header
  Send(Header(1));                                 // no request
  Send(Header(2, 0, 2) + "set a 0 0 1\r\nx\r\n");  // one of two
  Send(Header(3, 1, 2) + "mn\r\n");
  Send(Header(4) + "set a 0 0 9\r\nx\r\n");  // the value does not follow
  Send(Header(5) + "get");
  Send(Header(6) + "GET / HTTP/1.1\r\n");
  // The first that is answered is the last one.
  EXPECT_EQ(Ask(7, "get a\r\n"), "END\r\n");
  EXPECT_EQ(Ask(8, "watch\r\n"), "ERROR\r\n");
  EXPECT_EQ(client_.Stats()["log_watchers"], "0");
}

// Whoever sits at a port below 1024, or at the server's own on another address,
// is no client, but may be made to answer.
TEST_F(UdpTest, SomePortsAreNotServed) {
  const sockaddr_in to = Loopback(INADDR_LOOPBACK, port_);
  for (const int port : {1023, port_}) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in from = Loopback(INADDR_LOOPBACK + 1, port);
    if (bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof(from)) != 0) {
      close(fd);
      continue;  // the first needs to be root
    }
    const std::string request = Header(1) + "set low 0 0 1\r\nx\r\n";
    sendto(fd, request.data(), request.size(), 0,
           reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    // Datagrams to a socket keep their order.
    EXPECT_EQ(Ask(2, "get low\r\n"), "END\r\n") << port;
    char reply[100];
    EXPECT_EQ(recv(fd, reply, sizeof(reply), MSG_DONTWAIT), -1) << port;
    close(fd);
  }
}

// A datagram with thousands of requests, or many of them, do not keep the
// worker from its connections: what the first request of one stored is seen
// before the last one deletes it.
TEST_F(UdpTest, OthersHaveTheirTurns) {
  std::string request = "set turn 0 0 1\r\nx\r\n";
  while (request.size() < 32 * 1024) request += "mn\r\n";
  request += "delete turn\r\n";
  bool seen = false;
  for (uint16_t round = 0; round < 200 && !seen; ++round) {
    Send(Header(round) + request);
    pollfd answered = {fd_, POLLIN, 0};
    while (!seen && poll(&answered, 1, 0) == 0) {
      seen = client_.Get("turn") == "x";
    }
    EXPECT_TRUE(Reply(round).ends_with("MN\r\nDELETED\r\n"));
  }
  EXPECT_TRUE(seen);
}

TEST_F(UdpTest, Statistics) {
  auto rows = client_.Stats("conns");
  EXPECT_EQ(rows[row_ + ":UDP"], "UDP");
  EXPECT_EQ(rows[row_ + ":state"], "conn_read");
}

}  // namespace
}  // namespace cucache
