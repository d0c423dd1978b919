// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What bounds connections: -c, idle_timeout, read_buf_mem_limit, -R; where
// clients may come from; and what `stats conns` says of them.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "testing.h"

namespace cucache {
namespace {

using Clients = std::vector<std::unique_ptr<Client>>;

std::string TempName(const char* what) {
  return "/tmp/cucache-" + std::string(what) + "." + std::to_string(getpid());
}

ServerControl::ConnectionFigures Figures(TestServer& server) {
  return server.server().connection_figures();
}

TEST(Limits, FastRefusalAboveTheLimit) {
  Settings settings = TestSettings();
  settings.maxconns = 30;
  TestServer server(settings);
  Clients clients;
  std::string line;
  while (clients.size() < 100) {
    clients.push_back(std::make_unique<Client>(server.port()));
    line = clients.back()->Ask("mn\r\n");
    if (line != "MN") break;
  }
  EXPECT_EQ("ERROR Too many open connections", line);
  EXPECT_TRUE(clients.back()->AtEnd());
  EXPECT_EQ(1u, Figures(server).rejected);
  EXPECT_EQ(clients.size() - 1, Figures(server).current);
  EXPECT_LT(clients.size(), 30u);
  // A place that becomes free is given away again.
  clients.erase(clients.begin());
  clients.pop_back();
  EXPECT_TRUE(
      Eventually([&] { return Client(server.port()).Ask("mn\r\n") == "MN"; }));
}

TEST(Limits, SlowRefusalLetsClientsWait) {
  Settings settings = TestSettings();
  settings.maxconns = 30;
  settings.maxconns_fast = false;
  TestServer server(settings);
  Clients clients;
  while (Figures(server).accepting) {
    ASSERT_LT(clients.size(), 30u);
    clients.push_back(std::make_unique<Client>(server.port()));
    ASSERT_EQ("MN", clients.back()->Ask("mn\r\n"));
  }
  const size_t room = clients.size();
  EXPECT_EQ(1u, Figures(server).listen_disabled);
  // The kernel completes the handshake; nobody answers yet.
  Client waiting(server.port());
  ASSERT_TRUE(waiting.connected());
  waiting.Send("mn\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(room, Figures(server).current);
  clients.clear();
  EXPECT_EQ("MN", waiting.ReadLine());
  EXPECT_TRUE(Eventually([&] { return Figures(server).accepting; }));
  EXPECT_GT(Figures(server).listen_disabled_us, 50000u);
  EXPECT_EQ(0u, Figures(server).rejected);
}

TEST(Limits, ALimitWithoutRoomIsAnError) {
  Settings settings = TestSettings();
  settings.maxconns = 5;
  Server server(settings);
  std::string error;
  EXPECT_FALSE(server.Bind(&error));
  EXPECT_NE(std::string::npos, error.find("Maxconns setting is too low"));
  EXPECT_EQ(1, server.exit_code());
}

TEST(Limits, APortInUseIsAnError) {
  TestServer first;
  Settings settings = TestSettings();
  settings.port = first.port();
  Server second(settings);
  std::string error;
  EXPECT_FALSE(second.Bind(&error));
  EXPECT_EQ(71, second.exit_code());
  EXPECT_NE(std::string::npos, error.find("127.0.0.1")) << error;
}

// False where this process stood still for so long that the busy client was
// idle, too.
bool IdleOneIsClosed() {
  using std::chrono::steady_clock;
  Settings settings = TestSettings();
  settings.idle_timeout = 3;
  TestServer server(settings);
  Client idle(server.port());
  Client busy(server.port());
  EXPECT_EQ("MN", idle.Ask("mn\r\n"));
  const auto kicks = [&] {
    StatsSum sum;
    server.server().SumStats(&sum);
    return sum.idle_kicks;
  };
  bool late = false;
  auto asked = steady_clock::now();
  const auto ask_busy = [&] {
    const std::string answer = busy.Ask("mn\r\n");
    const auto last = std::exchange(asked, steady_clock::now());
    late |= asked - last > std::chrono::seconds(2);
    if (!late) {
      EXPECT_EQ("MN", answer);
    }
  };
  EXPECT_TRUE(Eventually([&] {
    ask_busy();
    return late || kicks() != 0;
  }));
  if (late) return false;
  EXPECT_TRUE(idle.AtEnd());
  ask_busy();
  if (!late) {
    EXPECT_EQ(1u, kicks());
  }
  return !late;
}

TEST(Limits, IdleConnectionsAreClosed) {
  int tries = 0;
  while (!IdleOneIsClosed()) ASSERT_LT(++tries, 10);
}

// What was executed was answered, also if there is no memory for the commands
// behind it.
TEST(Limits, RepliesInFrontOfARefusal) {
  Settings settings = TestSettings();
  settings.num_threads = 1;
  settings.read_buf_mem_limit = 10000;
  TestServer server(settings);
  Client client(server.port());
  ASSERT_TRUE(client.Set("n", "0"));
  std::string many;
  for (int i = 0; i < 1500; ++i) many += "incr n 1\r\n";
  ASSERT_TRUE(client.Send(many));
  int answered = 0;
  std::string line;
  while ((line = client.ReadLine()) == std::to_string(answered + 1)) ++answered;
  EXPECT_EQ("SERVER_ERROR out of memory reading request", line);
  EXPECT_TRUE(client.AtEnd());
  Client other(server.port());
  EXPECT_EQ(std::to_string(answered), other.Get("n"));
}

TEST(Limits, ReadBufferMemory) {
  Settings settings = TestSettings();
  settings.num_threads = 1;
  settings.read_buf_mem_limit = 100000;
  TestServer server(settings);
  // Each leaves the beginning of a command behind.
  Clients clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
    clients.back()->Send("delete " + std::string(1900, 'k'));
  }
  EXPECT_TRUE(Eventually([&] {
    const auto figures = Figures(server);
    return figures.total == 100 && figures.current < 60;
  }));
  EXPECT_GT(Figures(server).current, 40u);
  // Some may still be on their way out.
  EXPECT_TRUE(Eventually([&] {
    StatsSum sum;
    server.server().SumStats(&sum);
    return 100 - Figures(server).current == sum.read_buf_oom;
  }));
  EXPECT_EQ("SERVER_ERROR out of memory reading request",
            clients.back()->ReadLine());
  EXPECT_TRUE(clients.back()->AtEnd());
  clients.clear();
  EXPECT_TRUE(Eventually([&] { return Figures(server).read_buffers == 1; }));
}

// Counted as memcached does, also when nobody else wants the turn.
TEST(Limits, YieldsAreCounted) {
  Settings settings = TestSettings();
  settings.reqs_per_event = 1;
  TestServer server(settings);
  Client client(server.port());
  std::string input;
  for (int i = 0; i < 6; ++i) input += "set foobar 0 0 5\r\nBubba\r\n";
  client.Send(input);
  for (int i = 0; i < 6; ++i) EXPECT_EQ("STORED", client.ReadLine());
  StatsSum sum;
  server.server().SumStats(&sum);
  EXPECT_GE(sum.conn_yields, 5u);
}

// A turn that a long command ended is none of them.
TEST(Limits, OnlyYieldsAreCounted) {
  TestServer server(TestSettings());
  Client client(server.port());
  std::string input;
  for (int i = 0; i < 15; ++i) input += "stats settings\r\n";
  client.Send(input);
  for (int i = 0; i < 15; ++i) client.ReadUntilLine("END");
  StatsSum sum;
  server.server().SumStats(&sum);
  EXPECT_EQ(sum.conn_yields, 0u);
}

TEST(Limits, GreedyConnectionsLetOthersThrough) {
  Settings settings = TestSettings();
  settings.num_threads = 1;
  TestServer server(settings);
  Client modest(server.port());
  ASSERT_TRUE(modest.Set("k", "v"));
  std::atomic<bool> stop{false};
  Client greedy(server.port());
  std::string input;
  for (int i = 0; i < 20000; ++i) input += "get k\r\n";
  std::thread writer([&] {
    while (!stop) greedy.Send(input);
    greedy.FinishWriting();
  });
  std::thread reader([&] {
    while (greedy.ReadExactly(1 << 20).size() == 1 << 20) {
    }
  });
  const auto yields = [&] {
    StatsSum sum;
    server.server().SumStats(&sum);
    return sum.conn_yields;
  };
  EXPECT_TRUE(Eventually([&] { return yields() > 100; }));
  // The greedy one does not end before these are answered.
  for (int i = 0; i < 200; ++i) EXPECT_EQ("v", modest.Get("k"));
  stop = true;
  writer.join();
  reader.join();
}

// A client may bind its own end to a path that would end the line and the
// reply.
TEST(Places, AClientsPathStaysInItsLine) {
  const std::string path = TempName("sock"), odd = TempName("x\r\nEND\r\n");
  Settings settings = TestSettings();
  settings.socketpath = path;
  TestServer server(settings);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = [](const std::string& name) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    name.copy(un.sun_path, sizeof(un.sun_path) - 1);
    return un;
  };
  const sockaddr_un own = address(odd), to = address(path);
  ASSERT_EQ(0, bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof(own)));
  ASSERT_EQ(0, connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)));
  std::string shown = "unix:" + odd;
  for (char& c : shown) c = c == '\r' || c == '\n' ? '?' : c;
  EXPECT_TRUE(Eventually([&] {
    bool seen = false;
    server.server().ConnectionRows([&](auto name, auto value) {
      EXPECT_EQ(std::string::npos, value.find('\n')) << name;
      seen |= value == shown;
    });
    return seen;
  }));
  close(fd);
  unlink(odd.c_str());
  unlink(path.c_str());
}

TEST(Places, UnixSocket) {
  const std::string path = TempName("sock");
  Settings settings = TestSettings();
  settings.socketpath = path;
  settings.access = 0640;
  for (int run = 0; run < 2; ++run) {  // the second finds the old file
    TestServer server(settings);
    struct stat file;
    ASSERT_EQ(0, stat(path.c_str(), &file));
    EXPECT_TRUE(S_ISSOCK(file.st_mode));
    EXPECT_EQ(0640u, file.st_mode & 0777);
    EXPECT_EQ(0, server.port());
    Client client(path);
    ASSERT_TRUE(client.Set("a", Pattern(200000, 3)));
    EXPECT_EQ(Pattern(200000, 3), client.Get("a"));
    bool listening = false;
    server.server().ConnectionRows([&](auto name, auto value) {
      listening |= name.ends_with(":addr") && value == "unix:" + path;
    });
    EXPECT_TRUE(listening);
  }
  unlink(path.c_str());
}

TEST(Places, AFileThatIsNoSocketStays) {
  const std::string path = TempName("file");
  std::ofstream(path) << "precious";
  Settings settings = TestSettings();
  settings.socketpath = path;
  Server server(settings);
  std::string error;
  EXPECT_FALSE(server.Bind(&error));
  EXPECT_EQ(71, server.exit_code());
  std::string content;
  std::ifstream(path) >> content;
  EXPECT_EQ("precious", content);
  unlink(path.c_str());
}

TEST(Places, SeveralAddressesAndIpv6) {
  Settings settings = TestSettings();
  settings.inter.clear();
  TestServer server(settings);
  EXPECT_EQ("MN", Client(server.port()).Ask("mn\r\n"));
  if (server.port(1) == 0) GTEST_SKIP() << "this machine has no IPv6";
  EXPECT_EQ(server.port(0), server.port(1));
  EXPECT_EQ("MN", Client(server.port(), "::1").Ask("mn\r\n"));
  // Both may be bound apart: an IPv6 socket takes no IPv4 clients.
  Settings v6 = TestSettings();
  v6.inter = {{"::1", -1, "[::1]"}};
  TestServer other(v6);
  EXPECT_FALSE(Client(other.port()).connected());
  EXPECT_EQ("MN", Client(other.port(), "::1").Ask("mn\r\n"));
}

TEST(Places, NoPortNoSocket) {
  Settings settings = TestSettings();
  settings.port = 0;
  TestServer server(settings);
  EXPECT_EQ(0, server.port());
}

TEST(Places, PortFile) {
  const std::string path = TempName("ports");
  // As one leaves it who was killed between writing and renaming.
  std::ofstream(path + ".lck") << "TCP INET: 1\n";
  setenv("MEMCACHED_PORT_FILENAME", path.c_str(), 1);
  {
    TestServer server;
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    EXPECT_EQ("TCP INET: " + std::to_string(server.port()), line);
  }
  unsetenv("MEMCACHED_PORT_FILENAME");
  unlink(path.c_str());
}

TEST(Places, RowsOfConnections) {
  TestServer server;
  Client idle(server.port());
  ASSERT_EQ("MN", idle.Ask("mn\r\n"));
  Client storing(server.port());
  storing.Send("set foo 0 0 6\r\n");
  std::map<std::string, int> states;
  std::map<std::string, int> fields;
  const auto look = [&] {
    states.clear();
    fields.clear();
    server.server().ConnectionRows([&](auto name, auto value) {
      const std::string field(name.substr(name.find(':') + 1));
      ++fields[field];
      if (field == "state") ++states[std::string(value)];
      if (field == "listen_addr") {
        EXPECT_EQ("tcp:127.0.0.1:" + std::to_string(server.port()), value);
      }
    });
    return states["conn_nread"] == 1;
  };
  EXPECT_TRUE(Eventually(look));
  EXPECT_EQ(1, states["conn_listening"]);
  EXPECT_EQ(1, states["conn_read"]);
  EXPECT_EQ(3, fields["addr"]);
  EXPECT_EQ(2, fields["listen_addr"]);
  EXPECT_EQ(3, fields["secs_since_last_cmd"]);
}

}  // namespace
}  // namespace cucache
