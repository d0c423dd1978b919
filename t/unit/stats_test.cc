// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The tables of `stats`, `stats reset`, and the counters per prefix.

#include "base/version.h"
#include "cache/item_sums.h"
#include "t/unit/command_fixture.h"

namespace cucache {
namespace {

using StatsTest = CommandTest;

// The names in a reply of STAT lines, in order, without "<class>:" in front.
std::vector<std::string> Names(const std::string& reply) {
  std::vector<std::string> names;
  std::istringstream lines(reply);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("STAT ", 0) != 0) continue;
    const std::string name = line.substr(5, line.find(' ', 5) - 5);
    names.push_back(name.substr(name.rfind(':') + 1));
  }
  return names;
}

TEST_F(StatsTest, GeneralRowsInMemcachedsOrder) {
  const std::string reply = worker->Admin("stats");
  EXPECT_EQ(reply.substr(reply.size() - 5), "END\r\n");
  const std::vector<std::string> names = Names(reply);
  const std::vector<std::string> expected = {"pid",
                                             "uptime",
                                             "time",
                                             "version",
                                             "libevent",
                                             "pointer_size",
                                             "rusage_user",
                                             "rusage_system",
                                             "max_connections",
                                             "curr_connections",
                                             "total_connections",
                                             "rejected_connections",
                                             "connection_structures",
                                             "cmd_get",
                                             "cmd_set",
                                             "cmd_flush",
                                             "cmd_touch",
                                             "cmd_meta",
                                             "get_hits",
                                             "get_misses",
                                             "get_expired",
                                             "get_flushed",
                                             "delete_misses",
                                             "delete_hits",
                                             "incr_misses",
                                             "incr_hits",
                                             "decr_misses",
                                             "decr_hits",
                                             "cas_misses",
                                             "cas_hits",
                                             "cas_badval",
                                             "touch_hits",
                                             "touch_misses",
                                             "store_too_large",
                                             "store_no_memory",
                                             "auth_cmds",
                                             "auth_errors",
                                             "bytes_read",
                                             "bytes_written",
                                             "limit_maxbytes",
                                             "accepting_conns",
                                             "threads",
                                             "conn_yields",
                                             "hash_power_level",
                                             "hash_bytes",
                                             "hash_is_expanding",
                                             "bytes",
                                             "curr_items",
                                             "total_items",
                                             "expired_unfetched",
                                             "evicted_unfetched",
                                             "evictions",
                                             "reclaimed",
                                             "crawler_reclaimed",
                                             "crawler_items_checked"};
  size_t at = 0;
  for (const std::string& name : expected) {
    while (at < names.size() && names[at] != name) ++at;
    EXPECT_LT(at, names.size()) << name;
  }
}

// Tools count the rows of `stats`, so what only cucache has stands apart.
TEST_F(StatsTest, OwnRows) {
  const std::vector<std::string> own = {
      "cucache_version", "hash_load_percent", "hash_moves",
      "total_pages",     "compacted_pages",   "compacted_items",
      "epoch",           "limbo_items",       "grace_waits",
      "restart_items",   "restart_expired",   "restart_dropped",
      "restart_load_ms", "restart_save_ms",   "crawler_cpu_us"};
  EXPECT_EQ(Names(worker->Admin("stats cucache")), own);
  const std::vector<std::string> names = Names(worker->Admin("stats"));
  for (const std::string& name : own) {
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
  }
}

// One item is one used chunk, wherever the free ones are.
TEST_F(StatsTest, UsedChunks) {
  worker->Set("a", "1");
  EXPECT_EQ(worker->Stat("1:used_chunks", "slabs"), "1");
  worker->Set("b", "1");
  EXPECT_EQ(worker->Stat("1:used_chunks", "slabs"), "2");
}

TEST_F(StatsTest, GeneralValues) {
  control.figures.max = 1000;
  control.figures.current = 3;
  control.figures.total = 8;
  control.figures.event_library = "2.1.12";
  worker->Set("a", "1");
  worker->Set("b", "2");
  worker->Get("a");
  worker->Get("absent");
  worker->Delete("b");
  clock.Advance(7);
  EXPECT_EQ(worker->Stat("version"), kVersion);
  EXPECT_EQ(worker->Stat("cucache_version", "cucache"), kOwnVersion);
  EXPECT_EQ(worker->Stat("libevent"), "2.1.12");
  EXPECT_EQ(worker->Stat("pointer_size"), std::to_string(8 * sizeof(void*)));
  EXPECT_EQ(worker->Stat("max_connections"), "1000");
  EXPECT_EQ(worker->Stat("curr_connections"), "3");
  EXPECT_EQ(worker->Stat("total_connections"), "8");
  EXPECT_EQ(worker->Stat("cmd_get"), "2");
  EXPECT_EQ(worker->Stat("cmd_set"), "2");
  EXPECT_EQ(worker->Stat("get_hits"), "1");
  EXPECT_EQ(worker->Stat("get_misses"), "1");
  EXPECT_EQ(worker->Stat("delete_hits"), "1");
  EXPECT_EQ(worker->Stat("curr_items"), "1");
  EXPECT_EQ(worker->Stat("total_items"), "2");
  EXPECT_EQ(worker->Stat("limit_maxbytes"), std::to_string(16 << 20));
  EXPECT_EQ(worker->Stat("accepting_conns"), "1");
  EXPECT_EQ(worker->Stat("uptime"), "7");
  EXPECT_EQ(worker->Stat("time"), std::to_string(clock.ToWall(clock.now())));
  EXPECT_GT(std::stoull(worker->Stat("bytes")), 0u);
}

TEST_F(StatsTest, RowsThatDependOnSettings) {
  EXPECT_EQ(worker->Stat("idle_kicks"), "");
  EXPECT_EQ(worker->Stat("slabs_moved"), "0");
  settings.idle_timeout = 5;
  settings.slab_reassign = false;
  EXPECT_EQ(worker->Stat("idle_kicks"), "0");
  EXPECT_EQ(worker->Stat("slabs_moved"), "");
}

TEST_F(StatsTest, ThreadsAreSummed) {
  worker->Set("a", "1");
  Worker other(*cache, settings, control);
  other.Get("a");
  worker->Get("a");
  EXPECT_EQ(worker->Stat("get_hits"), "2");
  EXPECT_EQ(other.Stat("cmd_set"), "1");
  control.threads.pop_back();
}

TEST_F(StatsTest, Reset) {
  control.figures.total = 8;
  worker->Set("a", "1");
  worker->Get("a");
  worker->Get("absent");
  EXPECT_EQ(worker->Admin("stats reset"), "RESET\r\n");
  for (const char* name : {"cmd_get", "cmd_set", "get_hits", "get_misses",
                           "total_items", "total_connections"}) {
    EXPECT_EQ(worker->Stat(name), "0") << name;
  }
  EXPECT_EQ(worker->Stat("curr_items"), "1");
  EXPECT_EQ(worker->Stat("limit_maxbytes"), std::to_string(16 << 20));
  worker->Set("b", "1");
  worker->Get("b");
  control.figures.total = 10;
  EXPECT_EQ(worker->Stat("cmd_get"), "1");
  EXPECT_EQ(worker->Stat("total_items"), "1");
  EXPECT_EQ(worker->Stat("total_connections"), "2");
  const std::string slabs = worker->Admin("stats slabs");
  EXPECT_NE(slabs.find(":cmd_set 1\r\n"), std::string::npos);
  EXPECT_NE(slabs.find(":get_hits 1\r\n"), std::string::npos);
}

// Nobody but the storing thread is there to evict.
TEST_F(StatsTest, EvictionsOfStoresAreDirectReclaims) {
  const auto fill = [&] {
    for (int i = 0; i < 20000; ++i) {
      worker->Set("k" + std::to_string(i), std::string(1500, 'x'));
    }
  };
  fill();
  const uint64_t direct = std::stoull(worker->Stat("direct_reclaims"));
  EXPECT_GT(direct, 0u);
  EXPECT_LE(direct, 20000u);
  const int number = cache->SlabClass(worker->Get("k19999").item);
  EXPECT_EQ(worker->Stat("items:" + std::to_string(number) + ":direct_reclaims",
                         "items"),
            std::to_string(direct));
  worker->Admin("stats reset");
  EXPECT_EQ(worker->Stat("direct_reclaims"), "0");
  EXPECT_EQ(worker->Stat("evictions"), "0");
  worker->Set("large", std::string(900000, 'x'));
  EXPECT_NE(worker->Stat("direct_reclaims"), "0");
  const uint64_t evictions = std::stoull(worker->Stat("evictions"));
  fill();
  EXPECT_GT(std::stoull(worker->Stat("evictions")), evictions);
}

// Who asks has summed up before who resets, and subtracts after it.
TEST(StatsResetTest, MayComeBetweenSumAndDifference) {
  StatsSum sum, baseline;
  sum.get_hits = sum.slab[3].get_hits = 5;
  baseline.get_hits = baseline.slab[3].get_hits = 7;
  baseline.set_cmds = 1;
  sum.Subtract(baseline);
  EXPECT_EQ(sum.get_hits, 0u);
  EXPECT_EQ(sum.slab[3].get_hits, 0u);
  EXPECT_EQ(sum.set_cmds, 0u);
  ItemSum items, before;
  items.evicted = 5;
  before.evicted = 7;
  items.SubtractEvents(before);
  EXPECT_EQ(items.evicted, 0u);
}

TEST_F(StatsTest, Items) {
  EXPECT_EQ(worker->Admin("stats items"), "END\r\n");
  for (int i = 0; i < 5; ++i) worker->Set("k" + std::to_string(i), "v");
  const Item* item = worker->Get("k0").item;
  const std::string row =
      "items:" + std::to_string(cache->SlabClass(item)) + ":";
  EXPECT_EQ(worker->Stat(row + "number", "items"), "5");
  EXPECT_EQ(worker->Stat(row + "evicted", "items"), "0");
  EXPECT_EQ(worker->Stat(row + "outofmemory", "items"), "0");
  EXPECT_GE(std::stoull(worker->Stat(row + "mem_requested", "items")),
            5 * (sizeof(Item) + 3));
}

TEST_F(StatsTest, Slabs) {
  worker->Set("k", "1");
  worker->Get("k");
  worker->Incr("k", 1);
  worker->Cas("k", "9", worker->Get("k").cas);
  worker->Cas("k", "9", 1);
  worker->Touch("k", 0);
  const int c = cache->SlabClass(worker->Get("k").item);
  const std::string row = std::to_string(c) + ":";
  EXPECT_EQ(worker->Stat(row + "cmd_set", "slabs"), "3");
  EXPECT_EQ(worker->Stat(row + "get_hits", "slabs"), "3");
  EXPECT_EQ(worker->Stat(row + "incr_hits", "slabs"), "1");
  EXPECT_EQ(worker->Stat(row + "cas_hits", "slabs"), "1");
  EXPECT_EQ(worker->Stat(row + "cas_badval", "slabs"), "1");
  EXPECT_EQ(worker->Stat(row + "touch_hits", "slabs"), "1");
  EXPECT_EQ(worker->Stat(row + "total_pages", "slabs"), "1");
  EXPECT_GE(std::stoull(worker->Stat(row + "used_chunks", "slabs")), 1u);
  EXPECT_EQ(worker->Stat("active_slabs", "slabs"), "1");
  EXPECT_GT(std::stoull(worker->Stat("total_malloced", "slabs")), 0u);
  const std::vector<std::string> names = Names(worker->Admin("stats slabs"));
  EXPECT_EQ(names.front(), "chunk_size");
  EXPECT_EQ(names.back(), "total_malloced");
}

// A value in many pieces counts as one chunk of memcached's class 31.
TEST_F(StatsTest, LargeValuesHaveMemcachedsNumber) {
  for (const char* key : {"a", "b"}) worker->Set(key, std::string(70000, 'x'));
  EXPECT_EQ(cache->SlabClass(worker->Get("a").item), 31);
  EXPECT_EQ(worker->Stat("31:used_chunks", "slabs"), "2");
  EXPECT_EQ(worker->Stat("31:cmd_set", "slabs"), "2");
  EXPECT_EQ(worker->Stat("31:get_hits", "slabs"), "1");
  EXPECT_EQ(worker->Stat("items:31:number", "items"), "2");
  const auto pages = std::stoull(worker->Stat("31:total_pages", "slabs"));
  EXPECT_GE(pages * cache->figures().malloced_bytes,
            140000 * cache->figures().total_pages);
  EXPECT_LE(pages, cache->figures().total_pages);
  EXPECT_EQ(worker->Delete("a").status, Status::kDeleted);
  EXPECT_EQ(worker->Stat("31:used_chunks", "slabs"), "1");
  EXPECT_EQ(worker->Delete("b").status, Status::kDeleted);
  EXPECT_EQ(worker->Stat("31:used_chunks", "slabs"), "");
}

TEST_F(StatsTest, ReassignKeepsAPageForAClass) {
  for (const char* key : {"a", "b"}) worker->Set(key, std::string(70000, 'x'));
  EXPECT_EQ(worker->Admin("slabs reassign 31 40"),
            "BADCLASS invalid src or dst class id\r\n");
  EXPECT_EQ(worker->Admin("slabs reassign 25 31"),
            "NOSPARE source class has no spare pages\r\n");
  EXPECT_EQ(worker->Admin("slabs reassign 31 25"), "OK\r\n");
  EXPECT_EQ(worker->Stat("slabs_moved"), "1");
  // There is room, so nothing left.
  EXPECT_EQ(worker->Stat("31:used_chunks", "slabs"), "2");
  EXPECT_NE(worker->Stat("slab_reassign_chunk_rescues"), "0");
  EXPECT_EQ(worker->Stat("25:total_pages", "slabs"), "1");
  EXPECT_EQ(worker->Stat("25:used_chunks", "slabs"), "0");
  worker->Set("c", std::string(20000, 'x'));
  EXPECT_EQ(worker->Stat("25:used_chunks", "slabs"), "1");
  EXPECT_EQ(worker->Stat("25:free_chunks", "slabs"), "0");
}

// 0 is the pool: nobody's page is emptied for it.
TEST_F(StatsTest, ReassignTakesFromThePool) {
  worker->Set("a", std::string(70000, 'x'));
  EXPECT_EQ(worker->Admin("slabs reassign 0 25"), "OK\r\n");
  EXPECT_EQ(worker->Stat("25:total_pages", "slabs"), "1");
  EXPECT_EQ(worker->Stat("slab_reassign_chunk_rescues"), "0");
  for (int i = 0; worker->Stat("slab_global_page_pool") != "0"; ++i) {
    worker->Set("k" + std::to_string(i), std::string(70000, 'x'));
  }
  EXPECT_EQ(worker->Admin("slabs reassign 0 25"),
            "NOSPARE source class has no spare pages\r\n");
}

// With less than half of the memory free the source gets smaller at once.
TEST_F(StatsTest, ReassignTakesFromTheSource) {
  const std::string value(70000, 'x');
  while (cache->figures().bytes < settings.maxbytes.load() / 8 * 5) {
    worker->Set("k" + std::to_string(cache->figures().curr_items), value);
  }
  const std::string before = worker->Stat("31:used_chunks", "slabs");
  EXPECT_EQ(worker->Admin("slabs reassign 31 25"), "OK\r\n");
  EXPECT_EQ(std::stoi(worker->Stat("31:used_chunks", "slabs")),
            std::stoi(before) - 1);
  EXPECT_EQ(worker->Stat("25:total_pages", "slabs"), "1");
}

// memcached's table: 2^16 chains, and twice as many when there are one and a
// half times as many items.
TEST_F(StatsTest, HashPowerLevelIsMemcacheds) {
  EXPECT_EQ(worker->Stat("hash_power_level"), "16");
  for (int i = 0; i < 98304; ++i) worker->Set("k" + std::to_string(i), "");
  EXPECT_EQ(worker->Stat("hash_power_level"), "16");
  worker->Set("one more", "");
  EXPECT_EQ(worker->Stat("hash_power_level"), "17");
  for (int i = 0; i < 98304; ++i) worker->Delete("k" + std::to_string(i));
  EXPECT_EQ(worker->Stat("hash_power_level"), "17");
}

TEST_F(StatsTest, OtherTables) {
  EXPECT_EQ(worker->Admin("stats foo"), "ERROR\r\n");
  EXPECT_EQ(worker->Admin("stats r"), "ERROR\r\n");  // whole words only
  EXPECT_EQ(worker->Stat("maxbytes", "settings"), std::to_string(16 << 20));
  EXPECT_EQ(worker->Admin("stats conns"),
            "STAT 7:addr tcp:127.0.0.1:1\r\nEND\r\n");
}

TEST_F(StatsTest, Prefixes) {
  worker->Set("user:1", "v");  // not counted: it is off
  EXPECT_EQ(worker->Admin("stats detail dump"), "END\r\n");
  EXPECT_EQ(worker->Admin("stats detail on"), "OK\r\n");
  worker->Set("user:1", "v");
  worker->Get("user:1");
  worker->Get("user:2");
  worker->Delete("user:1");
  worker->Set("page:1:2", "v");
  worker->Set("plain", "v");
  EXPECT_EQ(worker->Admin("stats detail dump"),
            "PREFIX page get 0 hit 0 set 1 del 0\r\n"
            "PREFIX user get 2 hit 1 set 1 del 1\r\nEND\r\n");
  EXPECT_EQ(worker->Admin("stats detail off"), "OK\r\n");
  worker->Set("user:1", "v");
  EXPECT_NE(worker->Admin("stats detail dump").find("user get 2 hit 1 set 1"),
            std::string::npos);
  worker->Admin("stats reset");
  EXPECT_EQ(worker->Admin("stats detail dump"), "END\r\n");
}

// Keys of the binary protocol have any bytes.
TEST(StatsPrefixTest, NoPrefixEndsItsLine) {
  StatsPrefix prefixes;
  prefixes.RecordSet("a\r\nEND\r\n:1", ':');
  prefixes.RecordSet("b\nEND:1", ':');
  prefixes.RecordGet("c d:1\n", ':', true);
  EXPECT_EQ("PREFIX c d get 1 hit 1 set 0 del 0\r\nEND\r\n", prefixes.Dump());
}

TEST(StatsPrefixTest, Bounded) {
  StatsPrefix prefixes;
  for (size_t i = 0; i < StatsPrefix::kMaxPrefixes + 10; ++i) {
    prefixes.RecordSet(std::to_string(i) + "/x", '/');
  }
  const std::string dump = prefixes.Dump();
  EXPECT_EQ(static_cast<size_t>(std::count(dump.begin(), dump.end(), '\n')),
            StatsPrefix::kMaxPrefixes + 1);
  prefixes.RecordGet(std::string("a\0b/x", 5), '/', true);
  prefixes.Clear();
  EXPECT_EQ(prefixes.Dump(), "END\r\n");
}

}  // namespace
}  // namespace cucache
