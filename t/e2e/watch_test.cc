// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The command watch, against a server in this process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "testing.h"

namespace cucache {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

Settings SmallBuffers() {
  Settings settings = TestSettings();
  settings.watcher_logbuf_size = 8192;
  // So that lines are lost at the watcher, not before.
  settings.worker_logbuf_size = 4 << 20;
  return settings;
}

// Lines end with a line feed alone.
std::string ReadLine(Client* client) {
  std::string line;
  for (;;) {
    const std::string c = client->ReadExactly(1);
    if (c.empty() || c == "\n") return line;
    line += c;
  }
}

std::string LineAfterStamp(Client* client) {
  const std::string line = ReadLine(client);
  EXPECT_THAT(line, MatchesRegex("ts=[0-9]+\\.[0-9]{6} gid=[0-9]+ type=.*"));
  const size_t at = line.find("type=");
  return at == std::string::npos ? line : line.substr(at);
}

class WatchTest : public testing::Test {
 protected:
  WatchTest() : server_(SmallBuffers()), client_(server_.port()) {}

  TestServer server_;
  Client client_;
};

TEST_F(WatchTest, FetchesStoresAndDeletions) {
  Client watcher(server_.port());
  ASSERT_EQ(watcher.Ask("watch fetchers mutations deletions\r\n"), "OK");
  client_.Ask("set a#b 0 999 3\r\nabc\r\n");
  client_.Get("a#b");
  EXPECT_EQ(client_.Ask("delete a#b\r\n"), "DELETED");
  EXPECT_EQ(client_.Ask("md a#b\r\n"), "NF");
  client_.Ask("add c 0 0 1\r\nx\r\n");
  client_.Ask("md c\r\n");
  EXPECT_EQ(client_.Ask("mg d N30\r\n"), "HD W");
  client_.Ask("mg d\r\n");
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=item_get key=a%23b status=not_found clsid=0 "
                           "cfd=[0-9]+ size=0"));
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=item_store key=a%23b status=stored cmd=set "
                           "ttl=[0-9]{3} clsid=[0-9]+ cfd=[0-9]+ size=3"));
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=item_get key=a%23b status=found clsid=[0-9]+ "
                           "cfd=[0-9]+ size=3"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("status=found"));
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=deleted key=a%23b cmd=delete clsid=[0-9]+ "
                           "size=3"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("status=not_found"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("key=c status=not_found"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("cmd=add ttl=0"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("key=c status=found"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("key=c cmd=md"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("key=d status=not_found"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("key=d status=found"));
}

TEST_F(WatchTest, WhatIsStoredIsToldAsItIsStored) {
  client_.Ask("set a 0 999 2\r\nxy\r\n");
  Client watcher(server_.port());
  ASSERT_EQ(watcher.Ask("watch mutations deletions\r\n"), "OK");
  EXPECT_EQ(client_.Ask("append a 0 0 1\r\nz\r\n"), "STORED");
  EXPECT_EQ(client_.Ask("append none 0 0 1\r\nz\r\n"), "NOT_STORED");
  EXPECT_EQ(client_.Ask("ma n N0 J12\r\n"), "HD");
  EXPECT_EQ(client_.Ask("ma n\r\n"), "HD");
  EXPECT_EQ(client_.Ask("md a x\r\n"), "HD");
  EXPECT_EQ(client_.Ask("md a x I\r\n"), "HD");
  EXPECT_EQ(client_.Ask("md n\r\n"), "HD");
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=item_store key=a status=stored cmd=append "
                           "ttl=[0-9]{3} clsid=[0-9]+ cfd=[0-9]+ size=3"));
  EXPECT_THAT(LineAfterStamp(&watcher),
              HasSubstr("key=none status=not_stored cmd=append"));
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=item_store key=n status=stored cmd=add "
                           "ttl=0 clsid=[0-9]+ cfd=[0-9]+ size=2"));
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=item_store key=a status=stored cmd=set "
                           "ttl=0 clsid=[0-9]+ cfd=[0-9]+ size=0"));
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=deleted key=a cmd=md clsid=[0-9]+ size=0"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("type=item_store key=a"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("type=deleted key=n"));
}

TEST_F(WatchTest, ConnectionsComeAndGo) {
  // Its worker has it before anybody watches.
  ASSERT_EQ(client_.Ask("mn\r\n"), "MN");
  Client watcher(server_.port());
  ASSERT_EQ(watcher.Ask("watch connevents\r\n"), "OK");
  {
    Client other(server_.port());
    EXPECT_EQ(other.Ask("mn\r\n"), "MN");
    EXPECT_THAT(LineAfterStamp(&watcher),
                MatchesRegex("type=conn_new rip=127.0.0.1 rport=[0-9]+ "
                             "transport=tcp cfd=[0-9]+"));
  }
  EXPECT_THAT(LineAfterStamp(&watcher),
              MatchesRegex("type=conn_close rip=127.0.0.1 rport=[0-9]+ "
                           "transport=tcp reason=normal cfd=[0-9]+"));
  Client browser(server_.port());
  browser.Send("GET / HTTP/1.1\r\n");
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("conn_new"));
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("reason=error"));
  {
    Client rude(server_.port());
    EXPECT_EQ(rude.Ask("mn\r\n"), "MN");
    EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("conn_new"));
    const linger reset = {1, 0};
    setsockopt(rude.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  EXPECT_THAT(LineAfterStamp(&watcher), HasSubstr("rip=unknown rport=0"));
}

TEST_F(WatchTest, WhoDoesNotReadLosesLinesAndHoldsNobodyUp) {
  Client lazy(server_.port());
  lazy.ShrinkBuffers();
  ASSERT_EQ(lazy.Ask("watch fetchers\r\n"), "OK");
  const std::string line = "get " + std::string(240, 'k') + "\r\n";
  std::string batch;
  for (int i = 0; i < 100; ++i) batch += line;
  uint64_t skipped = 0;
  for (int i = 0; i < 2000 && skipped == 0; ++i) {
    ASSERT_TRUE(client_.Send(batch));
    for (int k = 0; k < 100; ++k) ASSERT_EQ(client_.ReadLine(), "END");
    if (i % 50 == 0)
      skipped = std::stoull(client_.Stats()["log_watcher_skipped"]);
  }
  EXPECT_GT(skipped, 0u);
  auto stats = client_.Stats();
  EXPECT_EQ(stats["log_watchers"], "1");
  EXPECT_GT(std::stoull(stats["log_worker_written"]), 0u);
  EXPECT_GE(std::stoull(stats["log_worker_written"]),
            std::stoull(stats["log_watcher_sent"]));
  // When it reads again, it is told how many it lost.
  bool told = false;
  for (int i = 0; i < 100000 && !told; ++i) {
    if (i % 100 == 0) client_.Get("x");
    told = ReadLine(&lazy).starts_with("skipped=");
  }
  EXPECT_TRUE(told);
}

TEST_F(WatchTest, WhatTheServerDoesByItself) {
  Settings settings = SmallBuffers();
  settings.watcher_logbuf_size = 4 << 20;
  settings.maxbytes = 8 << 20;
  TestServer server(settings);
  Client client(server.port()), watcher(server.port());
  ASSERT_EQ(watcher.Ask("watch sysevents evictions\r\n"), "OK");
  // So many that the table has to grow, and so much that some have to go.
  const std::string value(500, 'v');
  for (int i = 0; i < 24000; ++i) {
    ASSERT_TRUE(client.Set("key" + std::to_string(i), value));
  }
  EXPECT_EQ(client.Ask("slabs reassign -1 5\r\n"), "OK");
  std::map<std::string, std::string> last;  // line of each kind
  do {
    const std::string line = LineAfterStamp(&watcher);
    last[line.substr(0, line.find(' '))] = line;
  } while (!last.contains("type=slab_move") && !HasFailure());
  // The class that it was taken from, though the client did not say.
  EXPECT_THAT(last["type=slab_move"],
              MatchesRegex("type=slab_move src=[1-9][0-9]* dst=5 "
                           "state=started"));
  EXPECT_THAT(last["type=eviction"],
              MatchesRegex("type=eviction key=key[0-9]+ fetch=no ttl=-1 "
                           "la=[0-9]+ clsid=[0-9]+ size=500"));
  EXPECT_THAT(last["type=table_grow"],
              MatchesRegex("type=table_grow state=(started|done) "
                           "hash_power=[0-9]+"));
  // Unlike memcached's they survive.
  const std::string sent = client.Stats()["log_watcher_sent"];
  EXPECT_GT(std::stoull(sent), 1u);
  EXPECT_EQ(client.Ask("stats reset\r\n"), "RESET");
  EXPECT_GE(std::stoull(client.Stats()["log_watcher_sent"]), std::stoull(sent));
}

TEST_F(WatchTest, Refusals) {
  EXPECT_EQ(client_.Ask("watch nothing\r\n"), "ERROR");
  for (const char* word :
       {"proxyreqs", "proxyevents", "proxyuser", "fetch", "fetchersx"}) {
    EXPECT_EQ(client_.Ask(std::string("watch fetchers ") + word + "\r\n"),
              "ERROR");
  }
  client_.Send("get a\r\nwatch\r\n");
  EXPECT_EQ(client_.ReadLine(), "END");
  EXPECT_EQ(client_.ReadLine(),
            "ERROR cannot pipeline other commands before watch");
  std::vector<std::unique_ptr<Client>> watchers;
  for (int i = 0; i < 20; ++i) {
    watchers.push_back(std::make_unique<Client>(server_.port()));
    EXPECT_EQ(watchers.back()->Ask("watch rawcmds\r\n"), "OK");
  }
  EXPECT_EQ(client_.Ask("watch\r\n"),
            "WATCHER_TOO_MANY log watcher limit reached");
  EXPECT_EQ(client_.Stats()["log_watchers"], "20");
  watchers.clear();
  EXPECT_TRUE(Eventually([&] {
    auto stats = client_.Stats();
    return stats["log_watchers"] == "0" && stats["curr_connections"] == "1";
  }));
  EXPECT_EQ(client_.Ask("watch\r\n"), "OK");
}

}  // namespace
}  // namespace cucache
