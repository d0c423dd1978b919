// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What is saved is what comes back, and a file that is anything else than what
// was saved is refused. Names on the disk are memory_file_test's subject.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "restart_fixture.h"

namespace cucache {
namespace {

using restart::BlockHeader;
using restart::BlockKind;
using restart::FileHeader;
using restart::Moment;
using restart::Record;
using Status = RestartLoader::Status;

// --- Files, taken apart and put together again. ---

struct Block {
  BlockHeader header;
  std::string payload;
};

struct File {
  FileHeader header;
  std::string header_rest;  // of a header that is longer
  std::vector<Block> blocks;
};

File TakeApart(const std::string& bytes) {
  File file;
  std::memcpy(&file.header, bytes.data(), sizeof(file.header));
  for (size_t at = file.header.header_bytes; at < bytes.size();) {
    Block block;
    std::memcpy(&block.header, &bytes[at], sizeof(block.header));
    at += sizeof(block.header);
    block.payload = bytes.substr(at, block.header.length);
    at += block.header.length;
    file.blocks.push_back(block);
  }
  return file;
}

// With numbers, lengths and checksums as they should be.
std::string PutTogether(File file) {
  file.header.header_bytes =
      static_cast<uint32_t>(sizeof(file.header) + file.header_rest.size());
  std::string bytes(reinterpret_cast<const char*>(&file.header),
                    sizeof(file.header));
  bytes += file.header_rest;
  const uint64_t checksum = restart::HeaderChecksum(bytes.data(), bytes.size());
  std::memcpy(&bytes[bytes.size() - 8], &checksum, 8);
  restart::Trailer sums = {};
  for (Block& block : file.blocks) {
    if (block.header.kind == BlockKind::kEnd) {
      std::memcpy(&sums.items, block.payload.data(), 8);
      std::memcpy(&sums.bytes, &block.payload[16], 8);
      std::memcpy(block.payload.data(), &sums, sizeof(sums));
    }
    block.header.length = static_cast<uint32_t>(block.payload.size());
    block.header.number = sums.blocks++;
    block.header.checksum = restart::BlockChecksum(
        file.header.file_id, block.header, block.payload.data());
    sums.chain = restart::Chain(sums.chain, block.header.checksum);
    bytes.append(reinterpret_cast<const char*>(&block.header),
                 sizeof(block.header));
    bytes += block.payload;
  }
  return bytes;
}

// Changes the records of kItems blocks, one by one.
std::string WithRecords(const std::string& bytes,
                        const std::function<void(Record*)>& change) {
  File file = TakeApart(bytes);
  for (Block& block : file.blocks) {
    if (block.header.kind != BlockKind::kItems) continue;
    for (size_t at = 0; at < block.payload.size();) {
      Record r;
      std::memcpy(&r, &block.payload[at], sizeof(r));
      const size_t next = at + sizeof(r) + r.key_length + r.value_length;
      change(&r);
      std::memcpy(&block.payload[at], &r, sizeof(r));
      at = next;
    }
  }
  return PutTogether(file);
}

Moment At(int64_t wall, int64_t boot, uint8_t id) {
  Moment m = {};
  m.wall_seconds = wall;
  m.boot_seconds = boot;
  m.boot_id[0] = id;
  return m;
}

// Values of every kind: empty, small, in pieces, in several blocks.
void Fill(Box* box) {
  for (const size_t length :
       {0, 1, 31, 300, 5000, 9000, 20000, 600000, 1048000, 1048576, 2500000}) {
    const std::string key = "k" + std::to_string(length);
    ASSERT_NE(nullptr, box->Set(key, ValueFor(key, 1, length), 0,
                                static_cast<uint32_t>(length * 7)));
  }
}

// --- What comes back. ---

TEST(Restart, EverythingComesBack) {
  Box from;
  Fill(&from);
  const RelTime now = from.clock().now();
  from.Set(std::string("\0\r\n ", 4), "binary", 0, 5, true);
  from.Set(std::string(kMaxKeyLength, 'k'), "long key", now + 100);
  from.Set("max flags", "x", now + 4000000, ~0u);
  Item* read = from.Set("read", "r");
  for (int i = 0; i < 3; ++i) read->Touch(now);
  from.Set("once", "o")->Touch(now);
  from.Set("stale", "s")->state.fetch_or(Item::kStale);
  from.Set("won", "w")->state.fetch_or(Item::kWinSent | Item::kStale);
  from.Set("old", "o")->last_access.store(now - 5000);
  from.Set("cas", "c")->cas.store(~uint64_t{0} - 1);
  const auto before = from.All();
  ASSERT_EQ(20u, before.size());
  EXPECT_EQ(5000u, before.at("old").idle);
  const std::string file = SaveToString(from.cache());

  Box to(64);
  const Loaded loaded = LoadFromString(file, &to);
  ASSERT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_EQ(20u, loaded.figures.items);
  EXPECT_EQ(0u, loaded.figures.expired + loaded.figures.dropped);
  EXPECT_EQ(before, to.All());
  EXPECT_EQ(20u, to.cache().figures().curr_items);
  EXPECT_EQ(from.cache().figures().bytes, to.cache().figures().bytes);
}

TEST(Restart, AnEmptyCache) {
  Box from, to;
  const Loaded loaded = LoadFromString(SaveToString(from.cache()), &to);
  EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_TRUE(to.All().empty());
}

TEST(Restart, WhatIsDeadIsNotSaved) {
  Box from, to;
  from.Set("dead", "d", from.clock().now() + 10);
  from.Set("deleted", "d");
  EXPECT_TRUE(from.cache().Update(
      from.thread(), from.cache().Hash("deleted"), "deleted",
      [](Item*) { return Cache::Decision{Cache::Action::kRemove}; }));
  from.Set("twice", "old");
  from.Set("twice", "new");
  from.clock().Advance(10);
  const std::string file = SaveToString(from.cache());
  const Loaded loaded = LoadFromString(file, &to);
  EXPECT_EQ(1u, loaded.figures.items);
  ASSERT_EQ(1u, to.All().size());
  EXPECT_EQ("new", to.All().at("twice").value);
}

TEST(Restart, MemoryGoesBackWhileItIsSaved) {
  Box from(64), to(64);
  Fill(&from);
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "n" + std::to_string(i);
    from.Set(key, ValueFor(key, 0, 100 + static_cast<size_t>(i) % 900));
  }
  const auto before = from.All();
  const auto resident = [&from] {
    const auto span = from.cache().SharedMemoryForTest()[1];
    std::vector<unsigned char> pages(span.second / 4096 + 1);
    EXPECT_EQ(0, mincore(span.first, span.second, pages.data()));
    return std::count_if(pages.begin(), pages.end(),
                         [](unsigned char p) { return (p & 1) != 0; });
  };
  const auto full = resident();
  const RestartSaver::Options options = {.moment = kSomeTime, .release = true};
  const std::string file = SaveToString(from.cache(), options);
  EXPECT_LT(resident(), full / 8);
  EXPECT_EQ(Status::kLoaded, LoadFromString(file, &to).status);
  EXPECT_EQ(before, to.All());
}

TEST(Restart, SeveralThreads) {
  Box from(64), to(64, "4m", 100000);
  Fill(&from);
  for (int i = 0; i < 100000; ++i) {
    const std::string key = "n" + std::to_string(i);
    from.Set(key, ValueFor(key, 0, static_cast<size_t>(i) % 100));
  }
  const std::string file = SaveToString(from.cache());
  const RestartLoader::Options options = {.now = kSomeTime, .threads = 4};
  const Loaded loaded = LoadFromString(file, &to, options);
  ASSERT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_EQ(from.All(), to.All());
}

TEST(Restart, TheTableBeginsLargeEnough) {
  Box small, large(64, "1m", 500000);
  EXPECT_GE(large.cache().figures().hash_power_level, 19u);
  EXPECT_LT(small.cache().figures().hash_power_level, 17u);
  // A hint that memory has no room for is none.
  Box liar(16, "1m", ~uint64_t{0} / 2);
  EXPECT_LT(liar.cache().figures().hash_bytes, 8u << 20);
}

// --- CAS, queues, other memory. ---

TEST(Restart, CasIdsGoOn) {
  Box from, to;
  uint64_t greatest = 0;
  for (int i = 0; i < 1000; ++i) {
    greatest = from.Set("k" + std::to_string(i), "v")->cas.load();
  }
  EXPECT_EQ(Status::kLoaded,
            LoadFromString(SaveToString(from.cache()), &to).status);
  EXPECT_EQ(from.All(), to.All());
  EXPECT_GT(to.Set("next", "v")->cas.load(), greatest);
}

TEST(Restart, QueuesStay) {
  Box from, middle, to;
  for (int i = 0; i < 100; ++i) from.Set("k" + std::to_string(i), "v");
  // Every other one of main.
  int n = 0;
  const std::string file = WithRecords(
      SaveToString(from.cache()),
      [&n](Record* r) { r->queue = static_cast<uint8_t>(n++ % 2); });
  EXPECT_EQ(Status::kLoaded, LoadFromString(file, &middle).status);
  EXPECT_EQ(50u, middle.InMain());
  EXPECT_EQ(Status::kLoaded,
            LoadFromString(SaveToString(middle.cache()), &to).status);
  EXPECT_EQ(50u, to.InMain());
}

// Into a quarter of the memory: it fills, and what is left is main's newest,
// whatever has a mark above all.
TEST(Restart, LessMemory) {
  Box from(64), to(16);
  constexpr int kItems = 40000;
  for (int i = 0; i < kItems; ++i) {
    const std::string key = "k" + std::to_string(i);
    from.Set(key, ValueFor(key, 0, 1000));
  }
  const std::string file =
      WithRecords(SaveToString(from.cache()), [](Record* r) {
        r->queue = static_cast<uint8_t>(Queue::kMain);
        r->mark = r->cas_low % 8 == 0 ? 3 : 0;
      });
  const Loaded loaded = LoadFromString(file, &to);
  ASSERT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_EQ(0u, loaded.figures.dropped);
  const auto all = to.All();
  EXPECT_GT(all.size(), 9000u);
  int marked = 0, late = 0;
  for (const auto& [key, facts] : all) {
    EXPECT_EQ(ValueFor(key, 0, 1000), facts.value);
    if (facts.cas % 8 == 0) ++marked;
    if (facts.cas % 8 != 0 && facts.cas > kItems / 2) ++late;
  }
  EXPECT_GT(marked, kItems / 8 * 3 / 4);
  EXPECT_GT(late, static_cast<int>(all.size()) - marked - 100);
}

TEST(Restart, ASmallerLargestItem) {
  Box from, to(16, "1m");
  Fill(&from);
  const Loaded loaded = LoadFromString(SaveToString(from.cache()), &to);
  EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_EQ(2u, loaded.figures.dropped);
  EXPECT_EQ(nullptr, to.Find("k2500000"));
  EXPECT_NE(nullptr, to.Find("k600000"));
}

// --- Time. ---

struct TimeCase {
  const char* what;
  Moment saved, now;
  int64_t ttl;  // of an item that had 100 s; -1: gone
};

TEST(Restart, TimeGoesOn) {
  const TimeCase cases[] = {
      {"at once", At(1000, 50, 1), At(1000, 50, 1), 100},
      {"30 s later", At(1000, 50, 1), At(1030, 80, 1), 70},
      {"the last second", At(1000, 50, 1), At(1099, 149, 1), 1},
      {"too late", At(1000, 50, 1), At(1100, 150, 1), -1},
      {"the wall clock was set forward", At(1000, 50, 1), At(9000, 60, 1), 90},
      {"and back", At(1000, 50, 1), At(10, 60, 1), 90},
      {"after a boot", At(1000, 5000, 1), At(1020, 10, 2), 80},
      {"after a boot, too late", At(1000, 50, 1), At(2000, 50, 2), -1},
      {"after a boot, with a clock that was set back", At(1000, 5000, 1),
       At(10, 10, 2), 100},
      {"boots that cannot be told apart", At(1000, 5000, 0), At(1020, 10, 0),
       80},
  };
  for (const TimeCase& c : cases) {
    SCOPED_TRACE(c.what);
    Box from, to;
    from.Set("ttl", "v", from.clock().now() + 100);
    from.Set("never", "v");
    RestartSaver::Options save;
    save.moment = c.saved;
    RestartLoader::Options load;
    load.now = c.now;
    const Loaded loaded =
        LoadFromString(SaveToString(from.cache(), save), &to, load);
    EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
    auto all = to.All();
    EXPECT_EQ(1u, all.count("never"));
    EXPECT_EQ(c.ttl < 0 ? 1u : 0u, loaded.figures.expired);
    EXPECT_EQ(c.ttl, all.count("ttl") == 0 ? -1 : all.at("ttl").ttl);
  }
}

TEST(Restart, IdleTimesAddUp) {
  Box from, to, again;
  // The clock goes on meanwhile: a slow machine adds seconds.
  const auto expect_idle = [](RelTime least, Box& box) {
    const RelTime idle = box.All().at("k").idle;
    EXPECT_GE(idle, least);
    EXPECT_LE(idle, least + 30);
  };
  from.Set("k", "v");
  from.clock().Advance(1000);
  RestartSaver::Options save;
  save.moment = At(1000, 50, 1);
  RestartLoader::Options load;
  load.now = At(1200, 250, 1);
  LoadFromString(SaveToString(from.cache(), save), &to, load);
  expect_idle(1200, to);
  LoadFromString(SaveToString(to.cache(), save), &again, load);
  expect_idle(1400, again);
  again.Find("k")->Touch(again.clock().now());
  expect_idle(0, again);
}

TEST(Restart, FlushesAreHonoured) {
  Box from, later, due;
  from.Set("flushed", "v");
  from.cache().FlushAll(from.thread());
  from.Set("k", "v");
  from.cache().FlushAllAt(from.thread(), from.clock().now() + 50);
  RestartSaver::Options save;
  save.moment = At(1000, 50, 1);
  const std::string file = SaveToString(from.cache(), save);
  RestartLoader::Options load;
  load.now = At(1020, 70, 1);
  LoadFromString(file, &later, load);
  EXPECT_EQ(1u, later.All().size());
  // After 30 seconds, of which some may pass by themselves.
  later.clock().Advance(25);
  EXPECT_NE(nullptr, later.Find("k"));
  later.clock().Advance(5);
  EXPECT_EQ(nullptr, later.Find("k"));

  load.now = At(1050, 100, 1);
  const Loaded loaded = LoadFromString(file, &due, load);
  EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_TRUE(due.All().empty());
  EXPECT_NE(nullptr, due.Set("new", "v"));
  due.clock().Advance(100);
  EXPECT_NE(nullptr, due.Find("new"));
}

// --- Files that are not what was saved. ---

std::string SmallFile() {
  Box from;
  from.Set("one", "first value", from.clock().now() + 100, 3);
  from.Set("two", "", 0, 0);
  from.Set("three", std::string(40, 'x'), 0, 9, true);
  return SaveToString(from.cache());
}

// Several blocks of items, and a large one.
std::string LargeFile() {
  Box from(64);
  for (int i = 0; i < 3000; ++i) {
    const std::string key = "k" + std::to_string(i);
    from.Set(key, ValueFor(key, 0, 1000));
  }
  from.Set("large", ValueFor("large", 0, 3 << 20));
  return SaveToString(from.cache());
}

void ExpectRefused(const std::string& bytes, Box* box, const std::string& how) {
  const Loaded loaded = LoadFromString(bytes, box);
  EXPECT_NE(Status::kLoaded, loaded.status) << how;
  EXPECT_FALSE(loaded.why.empty()) << how;
}

TEST(RestartRefuses, EveryChangedByte) {
  const std::string good = SmallFile();
  Box box;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int change : {1, 128, 255}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      ExpectRefused(bad, &box, "byte " + std::to_string(i));
    }
  }
  EXPECT_EQ(Status::kLoaded, LoadFromString(good, &box).status);
}

TEST(RestartRefuses, EveryTruncation) {
  const std::string good = SmallFile();
  Box box;
  for (size_t n = 0; n < good.size(); ++n) {
    ExpectRefused(good.substr(0, n), &box, "cut at " + std::to_string(n));
    // A file whose length was written before its bytes.
    std::string zeros = good.substr(0, n);
    zeros.resize(good.size());
    if (zeros != good)
      ExpectRefused(zeros, &box, "zeros from " + std::to_string(n));
  }
  ExpectRefused(good + '\0', &box, "a byte too many");
  ExpectRefused(good + good, &box, "twice");
}

TEST(RestartRefuses, BlocksThatAreNotInTheirPlace) {
  const std::string good = LargeFile();
  std::vector<std::string> parts;  // the header, then the blocks
  const File file = TakeApart(good);
  size_t at = file.header.header_bytes;
  parts.push_back(good.substr(0, at));
  std::set<BlockKind> kinds;
  for (const Block& block : file.blocks) {
    kinds.insert(block.header.kind);
    const size_t n = sizeof(BlockHeader) + block.payload.size();
    parts.push_back(good.substr(at, n));
    at += n;
  }
  ASSERT_EQ(4u, kinds.size());
  const std::vector<std::string> other = parts;
  Box box(64);
  const auto join = [](const std::vector<std::string>& all) {
    std::string bytes;
    for (const std::string& part : all) bytes += part;
    return bytes;
  };
  ASSERT_EQ(good, join(parts));
  const std::string second = LargeFile();
  for (size_t i = 1; i < parts.size(); ++i) {
    std::vector<std::string> bad = parts;
    bad.erase(bad.begin() + static_cast<ptrdiff_t>(i));
    ExpectRefused(join(bad), &box, "without block " + std::to_string(i));
    bad = parts;
    bad.insert(bad.begin() + static_cast<ptrdiff_t>(i), parts[i]);
    ExpectRefused(join(bad), &box, "twice block " + std::to_string(i));
    if (i + 1 < parts.size()) {
      bad = parts;
      std::swap(bad[i], bad[i + 1]);
      ExpectRefused(join(bad), &box, "swapped block " + std::to_string(i));
    }
    // As a crash leaves it when the disk had another save there before.
    const size_t begin =
        join({parts.begin(), parts.begin() + static_cast<ptrdiff_t>(i)}).size();
    ExpectRefused(good.substr(0, begin) + second.substr(begin), &box,
                  "another file's from block " + std::to_string(i));
    ExpectRefused(good.substr(0, begin), &box, "cut before a block");
    ExpectRefused(good.substr(0, begin + sizeof(BlockHeader)), &box,
                  "cut behind a block's header");
  }
}

TEST(RestartRefuses, WhatIsNotOurs) {
  Box box;
  EXPECT_EQ(Status::kForeign, LoadFromString("", &box).status);
  EXPECT_EQ(Status::kForeign, LoadFromString("cucache", &box).status);
  EXPECT_EQ(Status::kForeign,
            LoadFromString(std::string(100000, '\0'), &box).status);
  EXPECT_EQ(Status::kForeign,
            LoadFromString("root:x:0:0:root:/root:/bin/sh\n", &box).status);
  File file = TakeApart(SmallFile());
  file.header.format = restart::kFormat + 1;
  EXPECT_EQ(Status::kUnusable, LoadFromString(PutTogether(file), &box).status);
  file.header.format = restart::kFormat;
  file.header.byte_order = __builtin_bswap32(restart::kByteOrder);
  EXPECT_EQ(Status::kUnusable, LoadFromString(PutTogether(file), &box).status);
}

// F4: a later version may say more in the header and about each item.
TEST(Restart, ALaterVersionMaySayMore) {
  Box from, to;
  from.Set("k", "value", 0, 7);
  from.Set("l", "other");
  File file = TakeApart(SaveToString(from.cache()));
  file.header_rest = std::string(40, 'n');
  file.header.record_bytes += 12;
  std::string payload;
  const std::string old = file.blocks[0].payload;
  for (size_t at = 0; at < old.size();) {
    Record r;
    std::memcpy(&r, &old[at], sizeof(r));
    const size_t rest = size_t{r.key_length} + r.value_length;
    payload += old.substr(at, sizeof(r)) + std::string(12, 'n') +
               old.substr(at + sizeof(r), rest);
    at += sizeof(r) + rest;
  }
  file.blocks[0].payload = payload;
  file.blocks[1].payload += "more sums";
  const Loaded loaded = LoadFromString(PutTogether(file), &to);
  EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  EXPECT_EQ(from.All(), to.All());
}

// --- Hostile files, whose checksums are right. ---

TEST(RestartHostile, RecordsThatLie) {
  const std::string good = SmallFile();
  const std::vector<std::pair<const char*, std::function<void(Record*)>>> lies =
      {
          {"value too long", [](Record* r) { r->value_length += 1; }},
          {"value much too long", [](Record* r) { r->value_length = ~0u; }},
          {"no key", [](Record* r) { r->key_length = 0; }},
          {"key too long", [](Record* r) { r->key_length = 251; }},
          {"key as long as can be", [](Record* r) { r->key_length = 250; }},
          {"no such queue", [](Record* r) { r->queue = 2; }},
      };
  Box box;
  for (const auto& [what, lie] : lies) {
    ExpectRefused(WithRecords(good, lie), &box, what);
  }
  // Bits that nobody saves are not taken over.
  Box to;
  const std::string bits = WithRecords(good, [](Record* r) {
    r->state = 0xff;
    r->mark = 0xff;
    r->idle = ~0u;
    r->expires_in = ~0u;
  });
  const Loaded loaded = LoadFromString(bits, &to);
  EXPECT_EQ(Status::kLoaded, loaded.status) << loaded.why;
  ASSERT_NE(nullptr, to.Find("one"));
  EXPECT_EQ("first value", ReadValue(*to.Find("one")));
  EXPECT_EQ(3u, to.Find("one")->flags());
  EXPECT_FALSE(to.Find("one")->chunked());
  EXPECT_EQ(restart::kSavedMarks, to.Find("one")->mark.load());
}

TEST(RestartHostile, LargeValuesThatLie) {
  Box from(64), box(64);
  from.Set("large", ValueFor("large", 0, 3 << 20));
  const File good = TakeApart(SaveToString(from.cache()));
  ASSERT_EQ(BlockKind::kLarge, good.blocks[0].header.kind);
  for (const uint32_t length : {0u, 1u, (3u << 20) - 1, (3u << 20) + 1, ~0u}) {
    File bad = good;
    std::memcpy(&bad.blocks[0].payload[offsetof(Record, value_length)], &length,
                sizeof(length));
    ExpectRefused(PutTogether(bad), &box, "length " + std::to_string(length));
  }
  File bad = good;
  bad.blocks[0].payload.resize(sizeof(Record) - 1);
  ExpectRefused(PutTogether(bad), &box, "no record");
  bad = good;
  bad.blocks[1].payload.clear();
  ExpectRefused(PutTogether(bad), &box, "an empty block");
  bad = good;
  bad.blocks[1].header.kind = BlockKind::kItems;
  ExpectRefused(PutTogether(bad), &box, "items in between");
  bad = good;
  bad.blocks.erase(bad.blocks.begin());
  ExpectRefused(PutTogether(bad), &box, "no beginning");
  bad = good;
  bad.blocks.back().payload.resize(39);
  ExpectRefused(PutTogether(bad), &box, "a short trailer");
}

// Whatever the bytes are: no crash, no access out of bounds (a sanitizer
// looks), and the cache goes on working.
TEST(RestartHostile, AnyBytes) {
  std::mt19937 random(7);
  const auto any = [&random](size_t n) { return random() % n; };
  Box from(64), box;
  from.Set("large", ValueFor("large", 0, 1100000));
  const std::string files[] = {SmallFile(), SaveToString(from.cache())};
  for (int round = 0; round < 600; ++round) {
    File file = TakeApart(files[round % 8 == 0]);
    for (size_t n = 1 + any(6); n > 0; --n) {
      std::string& payload = file.blocks[any(file.blocks.size())].payload;
      const size_t at = any(std::min<size_t>(payload.size(), 200));
      payload[at] = static_cast<char>(any(2) == 0 ? any(256) : 255);
    }
    if (any(4) == 0) {
      file.blocks[any(file.blocks.size())].header.kind =
          static_cast<BlockKind>(any(6));
    }
    if (any(8) == 0) file.header.record_bytes += static_cast<uint32_t>(any(5));
    if (any(8) == 0) file.header.items = ~uint64_t{0};
    (void)LoadFromString(PutTogether(file), &box);
  }
  EXPECT_NE(nullptr, box.Set("k", "v"));
  EXPECT_EQ("v", ReadValue(*box.Find("k")));
}

TEST(RestartHostile, SumsThatLie) {
  Box box;
  for (const size_t at : {0, 16}) {
    File file = TakeApart(SmallFile());
    file.blocks.back().payload[at] ^= 1;
    ExpectRefused(PutTogether(file), &box, "sum at " + std::to_string(at));
  }
  // Below a checksum that is right: PutTogether() would mend these two.
  const std::string good = SmallFile();
  const size_t payload = good.size() - sizeof(restart::Trailer);
  for (const size_t at : {offsetof(restart::Trailer, blocks),
                          offsetof(restart::Trailer, chain)}) {
    std::string bad = good;
    bad[payload + at] ^= 1;
    BlockHeader header;
    std::memcpy(&header, &bad[payload - sizeof(header)], sizeof(header));
    header.checksum = restart::BlockChecksum(TakeApart(good).header.file_id,
                                             header, &bad[payload]);
    std::memcpy(&bad[payload - sizeof(header)], &header, sizeof(header));
    ExpectRefused(bad, &box, "sum at " + std::to_string(at));
  }
  File file = TakeApart(SmallFile());
  file.header.next_cas = ~uint64_t{0};
  ExpectRefused(PutTogether(file), &box, "CAS");
}

// --- Ends that come early. ---

TEST(Restart, StopsWhenAsked) {
  const std::string good = LargeFile();
  Box box(64);
  int looks = 0;
  RestartLoader::Options options;
  options.stop = [&looks] { return ++looks > 2; };
  const Loaded loaded = LoadFromString(good, &box, options);
  EXPECT_EQ(Status::kStopped, loaded.status);
}

TEST(Restart, WhatCannotBeWrittenIsAnError) {
  Box from(64);
  for (int i = 0; i < 3000; ++i) {
    from.Set("k" + std::to_string(i), std::string(1000, 'v'));
  }
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (full >= 0) {
    RestartSaver saver(from.cache(), full, {});
    EXPECT_FALSE(saver.Save());
    EXPECT_EQ(ENOSPC, errno);
    close(full);
  }
  // In the middle of a block.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before, limit;
  ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &before));
  limit = before;
  limit.rlim_cur = 1500000;
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
  ScratchFile file;
  RestartSaver saver(from.cache(), file.fd(), {});
  EXPECT_FALSE(saver.Save());
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &before));
}

}  // namespace
}  // namespace cucache
