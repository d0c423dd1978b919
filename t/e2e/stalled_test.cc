// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Clients that do not read, and clients that come and go: memory stays
// bounded, nothing is lost, and what they held is given back.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "testing.h"

namespace cucache {
namespace {

using Clients = std::vector<std::unique_ptr<Client>>;
constexpr size_t kMegabyte = size_t{1} << 20;

// Both ends of every connection live in this process.
void RaiseDescriptors(rlim_t needed) {
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(limit.rlim_max, needed);
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool CountMwrite(TestServer& server, size_t wanted) {
  size_t blocked = 0;
  server.server().ConnectionRows([&](auto name, auto value) {
    blocked += name.ends_with(":state") && value == "conn_mwrite";
  });
  return blocked == wanted;
}

TEST(Stalled, AReaderThatAsksForAGigabyte) {
  TestServer server;
  Client other(server.port());
  const std::string value = Pattern(100000, 1);
  ASSERT_TRUE(other.Set("v", value));
  Client client(server.port());
  client.ShrinkBuffers();
  const size_t before = ResidentBytes();
  constexpr int kGets = 10000;
  std::string input;
  for (int i = 0; i < kGets; ++i) input += "get v\r\n";
  std::thread writer([&] { EXPECT_TRUE(client.Send(input)); });
  EXPECT_TRUE(Eventually([&] { return CountMwrite(server, 1); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  if (!kSanitized) {
    EXPECT_LT(ResidentBytes(), before + 4 * kMegabyte);
  }
  EXPECT_EQ(value, other.Get("v"));
  // What it was sent is right, whatever happens to the key meanwhile.
  ASSERT_TRUE(other.Set("v", Pattern(50000, 2)));
  const std::string old_reply = "VALUE v 0 100000\r\n" + value + "\r\nEND\r\n";
  const std::string new_reply =
      "VALUE v 0 50000\r\n" + Pattern(50000, 2) + "\r\nEND\r\n";
  int old_ones = 0;
  for (int i = 0; i < 200; ++i) {
    const bool is_old = client.ReadExactly(13) == "VALUE v 0 100";
    const std::string& reply = is_old ? old_reply : new_reply;
    old_ones += is_old;
    ASSERT_TRUE(reply.substr(13) == client.ReadExactly(reply.size() - 13)) << i;
  }
  EXPECT_GT(old_ones, 0);
  EXPECT_LT(old_ones, 200);
  client.Close();
  writer.join();
}

TEST(Stalled, ManyReadersOfOneLargeKey) {
  RaiseDescriptors(8192);
  constexpr size_t kReaders = 3000;
  Settings settings = TestSettings();
  settings.maxconns = 8000;
  TestServer server(settings);
  Client other(server.port());
  const std::string value = Pattern(100000, 7);
  ASSERT_TRUE(other.Set("v", value));
  Clients clients;
  for (size_t i = 0; i < kReaders; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    if (!clients.back()->connected()) {
      GTEST_SKIP() << "cannot open enough connections";
    }
    clients.back()->ShrinkBuffers();
  }
  const size_t before = ResidentBytes();
  std::string input;
  for (int i = 0; i < 50; ++i) input += "get v\r\n";
  for (auto& client : clients) ASSERT_TRUE(client->Send(input));
  EXPECT_TRUE(Eventually([&] { return CountMwrite(server, kReaders); }));
  // Pinned, not copied.
  if (!kSanitized) {
    EXPECT_LT(ResidentBytes(), before + kReaders * 4096);
  }
  StatsSum sum;
  server.server().SumStats(&sum);
  EXPECT_EQ(0u, sum.get_misses);
  // Every one gets all of it in the end.
  const std::string reply = "VALUE v 0 100000\r\n" + value + "\r\nEND\r\n";
  for (size_t i = 0; i < kReaders; i += 300) {
    ASSERT_TRUE(reply == clients[i]->ReadExactly(reply.size())) << i;
  }
  clients.clear();
  EXPECT_TRUE(Eventually(
      [&] { return server.server().connection_figures().current == 1; }));
  const auto figures = server.server().connection_figures();
  EXPECT_EQ(2u, figures.read_buffers);  // the workers'
  // The pins are gone: the value can be replaced and its memory used again.
  for (unsigned i = 0; i < 2000; ++i) {
    ASSERT_TRUE(other.Set("v", value));
  }
}

// A ninth dump waits for one of eight, but not for ever.
TEST(Stalled, DumpsThatNobodyTakes) {
  TestServer server;
  Client other(server.port());
  // More than the sockets' buffers take.
  const std::string prefix(240, 'k');
  for (int i = 0; i < 40000; ++i) {
    ASSERT_TRUE(other.Set(prefix + std::to_string(i), "v"));
  }
  Clients clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    clients.back()->ShrinkBuffers();
    ASSERT_TRUE(clients.back()->Send("lru_crawler metadump all\r\n"));
  }
  ASSERT_TRUE(Eventually([&] { return CountMwrite(server, 8); }));
  const std::string busy = "BUSY currently processing crawler request";
  server.server().clock().Advance(1700);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(busy, other.Ask("lru_crawler metadump all\r\n"));
  EXPECT_TRUE(CountMwrite(server, 8));
  // The worker that looks at them knows nothing of the one that asks.
  server.server().clock().Advance(200);
  EXPECT_TRUE(Eventually([&] { return CountMwrite(server, 0); }));
  EXPECT_NE(busy, other.Ask("lru_crawler metadump all\r\n"));
}

TEST(Stalled, ConnectionsThatCameAndWent) {
  RaiseDescriptors(25000);
  Settings settings = TestSettings();
  settings.maxconns = 20000;
  TestServer server(settings);
  constexpr size_t kAtOnce = 5000;
  const size_t before = ResidentBytes();
  Clients clients;
  for (size_t i = 0; i < kAtOnce; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    if (!clients.back()->connected()) {
      GTEST_SKIP() << "cannot open enough connections";
    }
    clients.back()->Send("get a b");
  }
  EXPECT_TRUE(Eventually(
      [&] { return server.server().connection_figures().current == kAtOnce; }));
  const size_t open = ResidentBytes() - before;
  RecordProperty("bytes_per_connection", static_cast<int>(open / kAtOnce));
  if (!kSanitized) {
    EXPECT_LT(open / kAtOnce, 2000u);
  }
  clients.clear();
  EXPECT_TRUE(Eventually(
      [&] { return server.server().connection_figures().current == 0; }));
  EXPECT_EQ("MN", Client(server.port()).Ask("mn\r\n"));
}

TEST(Churn, ConnectionsFromManyThreads) {
  Settings settings = TestSettings();
  settings.num_threads = 3;
  TestServer server(settings);
  std::atomic<int> wrong{0};
  const auto come_and_go = [&](int id) {
    const std::string key = "k" + std::to_string(id);
    for (int i = 0; i < 150; ++i) {
      Client client(server.port());
      const std::string value = Pattern(static_cast<size_t>(i * 300), i);
      if (!client.Set(key, value) || client.Get(key) != value) ++wrong;
      // Some leave in the middle.
      if (i % 3 == 0) client.Send("set x 0 0 100000\r\nabc");
      if (i % 3 == 1) client.Send("get " + key + "\r\nget " + key + "\r\n");
    }
  };
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id) threads.emplace_back(come_and_go, id);
  std::thread watcher([&] {
    Client client(server.port());
    for (int i = 0; i < 50; ++i) {
      if (client.Stats("conns").empty() || client.Stats().empty()) ++wrong;
    }
  });
  for (std::thread& thread : threads) thread.join();
  watcher.join();
  EXPECT_EQ(0, wrong);
  EXPECT_TRUE(Eventually(
      [&] { return server.server().connection_figures().current == 0; }));
  EXPECT_EQ(601u, server.server().connection_figures().total);
}

// Servers stop while clients talk; Stop may come from anywhere.
TEST(Churn, StopInTheMiddle) {
  for (int round = 0; round < 10; ++round) {
    TestServer server;
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int id = 0; id < 3; ++id) {
      threads.emplace_back([&] {
        while (!stop) {
          Client client(server.port());
          if (!client.connected() || !client.Set("k", "v")) return;
          client.Send("set big 0 0 100000\r\npart");
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (round % 2 == 0) server.server().Graceful();
    server.server().Stop();
    server.Join();
    stop = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(0, server.server().exit_code());
  }
}

std::string Stored(Cache& cache, std::string_view key) {
  const auto stats = std::make_unique<ThreadStats>();
  CacheThread thread(cache, *stats);
  thread.Online();
  const Item* item = cache.Find(thread, cache.Hash(key), key);
  std::string value;
  if (item != nullptr) value.assign(item->data(), item->value_length);
  thread.Offline();
  return value;
}

// What was executed has been answered, also when the server stops between two
// turns of a connection. There is room in the sockets for all the answers.
TEST(Churn, NoAnswerIsLostAtTheEnd) {
  std::string many;
  for (int i = 0; i < 6000; ++i) many += "incr n 1\r\n";
  for (int round = 0; round < 30; ++round) {
    TestServer server;
    Client client(server.port());
    ASSERT_TRUE(client.Set("n", "100000"));
    ASSERT_TRUE(client.Send(many));
    std::this_thread::sleep_for(std::chrono::microseconds(100 * round));
    server.server().Graceful();
    server.Join();
    std::string last = "100000";
    for (std::string line; !(line = client.ReadLine()).empty();) last = line;
    ASSERT_EQ(Stored(server.server().cache(), "n"), last) << round;
  }
}

}  // namespace
}  // namespace cucache
