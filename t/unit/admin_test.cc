// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Replies of the administrator's commands, as memcached 1.6.45 gives them
// where doc/differences.md says nothing else.

#include "base/features.h"
#include "base/version.h"
#include "t/unit/command_fixture.h"

namespace cucache {
namespace {

using AdminTest = CommandTest;

TEST_F(AdminTest, Replies) {
  const struct {
    const char* line;
    const char* reply;
  } cases[] = {
      {"flush_all", "OK"},
      {"flush_all 0", "OK"},
      {"flush_all -1", "OK"},
      {"flush_all 1 2", "OK"},
      {"flush_all x", "CLIENT_ERROR invalid exptime argument"},
      {"verbosity", "CLIENT_ERROR bad command line format"},
      {"verbosity x", "CLIENT_ERROR bad command line format"},
      {"verbosity 0", "OK"},
      {"verbosity 1 2", "OK"},
      {"cache_memlimit", "ERROR"},
      {"cache_memlimit x", "ERROR"},
      {"cache_memlimit 1",
       "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m"},
      {"cache_memlimit 1000000001",
       "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes"},
      {"cache_memlimit 999999999",
       "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust"},
      {"shutdown", "SERVER_ERROR: shutdown not enabled"},
      {"shutdown graceful", "SERVER_ERROR: shutdown not enabled"},
      {"slabs", "ERROR"},
      {"slabs reassign 1", "ERROR"},
      {"slabs reassign a b", "CLIENT_ERROR bad command line format"},
      {"slabs reassign 1 1", "SAME src and dst class are identical"},
      {"slabs reassign 1 120", "BADCLASS invalid src or dst class id"},
      {"slabs reassign 1 2", "NOSPARE source class has no spare pages"},
      {"slabs automove", "ERROR"},
      {"slabs automove 1", "OK"},
      {"slabs automove 3", "ERROR"},
      {"slabs automove foo", "CLIENT_ERROR bad command line format"},
      {"slabs automove ratio", "ERROR"},
      {"slabs automove ratio 0.5", "OK"},
      {"slabs automove freeratio 0.02", "OK"},
      {"slabs automove window", "CLIENT_ERROR bad command line format"},
      {"slabs automove window 2",
       "CLIENT_ERROR automove window too low or too high"},
      {"slabs automove window 30", "OK"},
      {"lru_crawler", "ERROR"},
      {"lru_crawler enable", "ERROR failed to start lru crawler thread"},
      {"lru_crawler crawl", "ERROR"},
      {"lru_crawler crawl hash", "ERROR an unknown error happened"},
      {"lru_crawler crawl 0", "BADCLASS invalid class id"},
      {"lru_crawler crawl x", "BADCLASS invalid class id"},
      {"lru_crawler crawl ,", "NOTSTARTED no items to crawl"},
      {"lru_crawler metadump", "ERROR"},
      {"lru_crawler metadump 127", "BADCLASS invalid class id"},
      {"lru_crawler metadump 4294967296", "BADCLASS invalid class id"},
      {"lru_crawler mgdump 127", "BADCLASS invalid class id"},
      {"lru_crawler tocrawl x", "CLIENT_ERROR bad command line format"},
      {"lru_crawler tocrawl 5", "OK"},
      {"lru_crawler sleep x", "CLIENT_ERROR bad command line format"},
      {"lru_crawler sleep 100", "OK"},
      {"lru_crawler sleep 1000001",
       "CLIENT_ERROR sleep must be one second or less"},
      {"lru", "ERROR"},
      {"lru tune", "ERROR"},
      {"watch fetch", "ERROR"},
      {"watch proxyreqs", "ERROR"},
      {"extstore item_size 512", "ERROR"},
      {"stats cachedump", "CLIENT_ERROR bad command line"},
      {"stats cachedump x 1", "CLIENT_ERROR bad command line format"},
      {"stats cachedump 1 x", "CLIENT_ERROR bad command line format"},
      {"stats cachedump 127 1", "CLIENT_ERROR Illegal slab id"},
      {"stats detail", "CLIENT_ERROR usage: stats detail on|off|dump"},
      {"stats detail foo", "CLIENT_ERROR usage: stats detail on|off|dump"},
      {"unknown", "ERROR"},
  };
  for (const auto& c : cases) {
    AdminNext next;
    EXPECT_EQ(worker->Admin(c.line, &next), std::string(c.reply) + "\r\n")
        << c.line;
    EXPECT_EQ(next, AdminNext::kDone) << c.line;
  }
}

// Files may be slow to read: that holds up nobody's memory.
TEST_F(AdminTest, CertificatesAreReadOffLine) {
  if (!kTlsBuilt) GTEST_SKIP();
  int calls = 0;
  control.on_refresh = [&] {
    ++calls;
    EXPECT_FALSE(worker->thread.online());
  };
  EXPECT_EQ(worker->Admin("refresh_certs"), "OK\r\n");
  EXPECT_EQ(1, calls);
  EXPECT_TRUE(worker->thread.online());
}

TEST_F(AdminTest, Noreply) {
  for (const char* line :
       {"flush_all noreply", "flush_all 0 noreply", "flush_all x noreply",
        "verbosity 1 noreply", "cache_memlimit 1 noreply",
        "slabs automove 9 noreply", "lru_crawler sleep 1 noreply"}) {
    EXPECT_EQ(worker->Admin(line), "") << line;
  }
  EXPECT_EQ(worker->Admin("version noreply"),
            std::string("VERSION ") + kVersion + "\r\n");
}

TEST_F(AdminTest, FlushAllWithDelay) {
  worker->Set("k", "v");
  EXPECT_EQ(worker->Admin("flush_all 10"), "OK\r\n");
  EXPECT_EQ(worker->Value("k"), "v");
  clock.Advance(11);
  EXPECT_EQ(worker->Value("k"), "-");
  worker->Set("k", "w");
  EXPECT_EQ(worker->Value("k"), "w");
  // An absolute time that has passed.
  EXPECT_EQ(worker->Admin("flush_all 2592001"), "OK\r\n");
  EXPECT_EQ(worker->Value("k"), "w");
}

TEST_F(AdminTest, RefusedBySettings) {
  worker->Set("k", "v");
  settings.flush_enabled = false;
  settings.dump_enabled = false;
  settings.watch_enabled = false;
  settings.slab_reassign = false;
  EXPECT_EQ(worker->Admin("flush_all"),
            "CLIENT_ERROR flush_all not allowed\r\n");
  EXPECT_EQ(worker->Value("k"), "v");
  EXPECT_EQ(worker->stats.flush_cmds.value(), 1u);
  EXPECT_EQ(worker->Admin("stats detail on"),
            "CLIENT_ERROR stats detail not allowed\r\n");
  EXPECT_EQ(worker->Admin("stats cachedump 1 1"),
            "CLIENT_ERROR stats cachedump not allowed\r\n");
  EXPECT_EQ(worker->Admin("lru_crawler metadump all"),
            "ERROR metadump not allowed\r\n");
  EXPECT_EQ(worker->Admin("lru_crawler mgdump all"),
            "ERROR key dump not allowed\r\n");
  EXPECT_EQ(worker->Admin("watch"),
            "CLIENT_ERROR watch commands not allowed\r\n");
  EXPECT_EQ(worker->Admin("slabs reassign 1 2"),
            "CLIENT_ERROR slab reassignment disabled\r\n");
}

TEST_F(AdminTest, CrawlerSwitch) {
  EXPECT_EQ(worker->Admin("lru_crawler crawl all"), "OK\r\n");
  EXPECT_EQ(worker->Admin("lru_crawler disable"), "OK\r\n");
  for (const char* what : {"crawl", "metadump", "mgdump"}) {
    EXPECT_EQ(worker->Admin("lru_crawler " + std::string(what) + " all"),
              "CLIENT_ERROR lru crawler disabled\r\n");
  }
  EXPECT_EQ(worker->Admin("lru_crawler disable"), "OK\r\n");
  EXPECT_EQ(worker->Admin("lru_crawler enable"), "OK\r\n");
  EXPECT_TRUE(settings.lru_crawler);
}

TEST_F(AdminTest, SettingsChange) {
  worker->Admin("slabs automove 2");
  worker->Admin("slabs automove window 60");
  worker->Admin("lru_crawler sleep 7");
  worker->Admin("lru_crawler tocrawl 9");
  EXPECT_EQ(settings.slab_automove.load(), 2);
  EXPECT_EQ(settings.slab_automove_window.load(), 60u);
  EXPECT_EQ(settings.lru_crawler_sleep.load(), 7);
  EXPECT_EQ(settings.lru_crawler_tocrawl.load(), 9u);
  EXPECT_EQ(worker->Admin("cache_memlimit 32"), "OK\r\n");
  EXPECT_EQ(worker->Stat("limit_maxbytes"), std::to_string(32 << 20));
  EXPECT_EQ(worker->Stat("maxbytes", "settings"), std::to_string(32 << 20));
}

TEST_F(AdminTest, Lru) {
  Restart([](Settings& s) { s.lru_maintainer_thread = true; });
  EXPECT_EQ(worker->Admin("lru tune 20 40 0.2 2.0"), "OK\r\n");
  EXPECT_EQ(worker->Admin("lru tune 50 40 0.1 1"),
            "ERROR hot and warm pcts must not exceed 80\r\n");
  EXPECT_EQ(worker->Admin("lru tune 4294967295 1 0.1 1"),
            "ERROR hot and warm pcts must not exceed 80\r\n");
  EXPECT_EQ(worker->Admin("lru tune 20 20 0 1"),
            "ERROR hot/warm age factors must be greater than 0\r\n");
  EXPECT_EQ(worker->Admin("lru tune 20 20 x 1"), "ERROR\r\n");
  EXPECT_EQ(worker->Admin("lru mode flat"), "OK\r\n");
  EXPECT_FALSE(settings.lru_segmented);
  EXPECT_EQ(worker->Admin("lru mode foo"), "ERROR\r\n");
  EXPECT_EQ(worker->Admin("lru temp_ttl 30"), "OK\r\n");
  EXPECT_TRUE(settings.temp_lru);
  EXPECT_EQ(worker->Admin("lru temp_ttl -1"), "OK\r\n");
  EXPECT_FALSE(settings.temp_lru);
  EXPECT_EQ(worker->Admin("lru temp_ttl x"), "ERROR\r\n");
}

TEST_F(AdminTest, LruModeThatThereIs) {
  EXPECT_EQ(worker->Admin("lru mode segmented"), "OK\r\n");
  EXPECT_EQ(worker->Admin("lru mode flat"), "ERROR\r\n");
  EXPECT_EQ(worker->Admin("lru tune 20 40 0.2 2.0"), "ERROR\r\n");
  EXPECT_EQ(worker->Admin("lru temp_ttl 30"), "ERROR\r\n");
}

TEST_F(AdminTest, DebugTime) {
  const RelTime before = clock.now();
  EXPECT_EQ(worker->Admin("debugtime 5"), "ERROR\r\n");
  EXPECT_LT(clock.now(), before + 5);
  Restart([](Settings& s) { s.debug_commands = true; });
  EXPECT_EQ(worker->Admin("debugtime x"), "ERROR\r\n");
  worker->Set("k", "v");
  worker->Touch("k", 4);
  EXPECT_EQ(worker->Admin("debugtime 5"), "OK\r\n");
  EXPECT_GE(clock.now(), before + 5);
  EXPECT_EQ(worker->Value("k"), "-");
}

TEST_F(AdminTest, Shutdown) {
  settings.shutdown_command = true;
  AdminNext next;
  EXPECT_EQ(worker->Admin("shutdown foo", &next),
            "CLIENT_ERROR invalid shutdown mode\r\n");
  EXPECT_EQ(next, AdminNext::kDone);
  EXPECT_EQ(control.shutdown, 0);
  EXPECT_EQ(worker->Admin("shutdown", &next), "");
  EXPECT_EQ(next, AdminNext::kClose);
  EXPECT_EQ(control.shutdown, 1);
  worker->Admin("shutdown graceful");
  EXPECT_EQ(control.shutdown, 2);
}

TEST_F(AdminTest, Verbosity) {
  worker->Admin("verbosity 1");
  EXPECT_EQ(control.verbosity, 1);
  worker->Admin("verbosity 9");
  EXPECT_EQ(control.verbosity, 2);
  EXPECT_EQ(worker->Stat("verbosity", "settings"), "2");
}

TEST_F(AdminTest, Names) {
  EXPECT_TRUE(IsAdminCommand("stats"));
  EXPECT_TRUE(IsAdminCommand("lru_crawler"));
  EXPECT_FALSE(IsAdminCommand("get"));
  EXPECT_FALSE(IsAdminCommand(""));
}

}  // namespace
}  // namespace cucache
