// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the kernel holds for connections when it counts for a control group: Y1
// of base/memory_budget.h. Both ends of every connection are in this process,
// so the server's can be asked.

#include <gtest/gtest.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "base/memory_budget.h"
#include "net/listener.h"
#include "testing.h"

namespace cucache {
namespace {

constexpr int kBuffer = static_cast<int>(kLeastSocketBuffer);

Settings Bounded(int bytes = kBuffer) {
  Settings settings = TestSettings();
  settings.item_size_max = 2 << 20;
  settings.socket_buffer = static_cast<uint32_t>(bytes);
  return settings;
}

// The server's descriptors of connections.
std::vector<int> ServerSockets(const std::string& local) {
  std::vector<int> found;
  for (int fd = 3; fd < 1000; ++fd) {
    int listening = 1;
    socklen_t length = sizeof(listening);
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length);
    if (listening == 0 && LocalAddressText(fd) == local) found.push_back(fd);
  }
  return found;
}

std::vector<int> ServerSockets(const TestServer& server) {
  return ServerSockets("tcp:127.0.0.1:" + std::to_string(server.port()));
}

int Option(int fd, int option) {
  int value = -1;
  socklen_t length = sizeof(value);
  EXPECT_EQ(getsockopt(fd, SOL_SOCKET, option, &value, &length), 0);
  return value;
}

struct Held {
  uint32_t output = 0;
  uint32_t input = 0;
};

Held HeldBy(int fd) {
  uint32_t figures[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof(figures);
  EXPECT_EQ(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, figures, &length), 0);
  return {figures[SK_MEMINFO_WMEM_QUEUED], figures[SK_MEMINFO_RMEM_ALLOC]};
}

TEST(Sockets, AreBounded) {
  TestServer server(Bounded());
  Client client(server.port());
  ASSERT_EQ("MN", client.Ask("mn\r\n"));
  const std::vector<int> sockets = ServerSockets(server);
  ASSERT_EQ(sockets.size(), 1u);
  EXPECT_EQ(Option(sockets[0], SO_SNDBUF), 2 * kBuffer);
  EXPECT_EQ(Option(sockets[0], SO_RCVBUF), 2 * kBuffer);
  EXPECT_EQ(client.Stats(" settings")["socket_buffer"],
            std::to_string(kBuffer));
}

TEST(Sockets, AreTheKernelsBusinessOtherwise) {
  TestServer server(Bounded(0));
  Client client(server.port());
  ASSERT_EQ("MN", client.Ask("mn\r\n"));
  const std::vector<int> sockets = ServerSockets(server);
  ASSERT_EQ(sockets.size(), 1u);
  EXPECT_GT(Option(sockets[0], SO_SNDBUF), 2 * kBuffer);
  EXPECT_GT(Option(sockets[0], SO_RCVBUF), 2 * kBuffer);
  EXPECT_EQ(client.Stats(" settings")["socket_buffer"], "0");
}

TEST(Sockets, UnixOnesAreBounded) {
  const std::string path =
      testing::TempDir() + "cucache_sockets." + std::to_string(getpid());
  for (const int bytes : {0, kBuffer, 4 << 20}) {
    Settings settings = Bounded(bytes);
    settings.socketpath = path;
    TestServer server(settings);
    Client client(path);
    ASSERT_EQ("MN", client.Ask("mn\r\n"));
    const std::vector<int> sockets = ServerSockets("unix:" + path);
    ASSERT_EQ(sockets.size(), 1u);
    // A bound above what it has leaves it.
    const int now = Option(sockets[0], SO_SNDBUF);
    EXPECT_EQ(now,
              bytes == kBuffer ? 2 * kBuffer : Option(client.fd(), SO_SNDBUF));
  }
  std::filesystem::remove(path);
}

// Clients that ask for large values and for many small ones, go on asking, and
// do not read: what the kernel holds for each, at any time, is bounded. What
// they read later is right.
TEST(Sockets, HoldNoMoreThanTheirBound) {
  TestServer server(Bounded());
  Client other(server.port());
  const std::string large = Pattern(1 << 20, 1);
  ASSERT_TRUE(other.Set("l", large));
  std::string expected;
  std::string line = "get l";
  for (int i = 0; i < 200; ++i) {
    const std::string key = "s" + std::to_string(i);
    const std::string value = Pattern(static_cast<size_t>(i) * 40, 2);
    ASSERT_TRUE(other.Set(key, value));
    line += " " + key;
    expected += "VALUE " + key + " 0 " + std::to_string(value.size()) + "\r\n" +
                value + "\r\n";
  }
  line += " l\r\n";
  const std::string reply = "VALUE l 0 1048576\r\n" + large + "\r\n";
  expected = reply + expected + reply + "END\r\n";
  constexpr int kGets = 30;
  std::string input;
  for (int i = 0; i < kGets; ++i) input += line;
  const std::string padding(256 * 1024, 'x');
  input +=
      "set p 0 0 " + std::to_string(padding.size()) + "\r\n" + padding + "\r\n";

  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    ASSERT_EQ("MN", clients.back()->Ask("mn\r\n"));
    Client* const client = clients.back().get();
    writers.emplace_back(
        [client, &input] { EXPECT_TRUE(client->Send(input)); });
  }
  const std::vector<int> sockets = ServerSockets(server);
  ASSERT_EQ(sockets.size(), 9u);
  Held most;
  const auto watch = [&](auto&& done) {
    do {
      for (const int fd : sockets) {
        const Held held = HeldBy(fd);
        most.output = std::max(most.output, held.output);
        most.input = std::max(most.input, held.input);
      }
    } while (!done());
  };
  // A second, and on a busy machine until there is something to see.
  const auto full = [&] {
    return most.output > uint32_t{kBuffer} &&
           most.input > uint32_t{kBuffer} / 2;
  };
  const auto begin = std::chrono::steady_clock::now();
  watch([&] {
    const auto watched = std::chrono::steady_clock::now() - begin;
    return watched > std::chrono::seconds(full() ? 1 : 60);
  });
  EXPECT_TRUE(full()) << most.output << " " << most.input;
  std::atomic<int> readers = 0;
  std::vector<std::thread> threads;
  for (const auto& client : clients) {
    threads.emplace_back([&, c = client.get()] {
      for (int i = 0; i < kGets; ++i) {
        if (c->ReadExactly(expected.size()) != expected) ADD_FAILURE() << i;
      }
      EXPECT_EQ("STORED", c->ReadLine());
      ++readers;
    });
  }
  watch([&] { return readers == 8; });
  for (std::thread& thread : threads) thread.join();
  for (std::thread& thread : writers) thread.join();
  EXPECT_EQ(padding, other.Get("p"));
  EXPECT_LE(most.output, 3u * kBuffer + 2048);
  EXPECT_LE(most.input, 2u * kBuffer + 2048);
}

}  // namespace
}  // namespace cucache
