// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Replies that walk over all items.

#include <set>

#include "t/unit/command_fixture.h"

namespace cucache {
namespace {

using DumpTest = CommandTest;

std::vector<std::string> Lines(const std::string& reply) {
  std::vector<std::string> lines;
  std::istringstream stream(reply);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_F(DumpTest, Metadump) {
  EXPECT_EQ(worker->Admin("lru_crawler metadump all"), "OK\r\nEND\r\n");
  Request request = Worker::Key("a b/\x01");
  request.flags = 12;
  request.exptime = clock.FromExptime(100);
  const Result stored = worker->Store(request, "value");
  worker->Get("a b/\x01");
  const std::string expected =
      "key=a%20b%2F%01 exp=" +
      std::to_string(clock.ToWall(clock.FromExptime(100))) +
      " la=" + std::to_string(clock.ToWall(clock.now())) +
      " cas=" + std::to_string(stored.cas) +
      " fetch=yes cls=" + std::to_string(cache->SlabClass(stored.item)) +
      " size=" + std::to_string(cache->ItemBytes(stored.item)) + " flags=12 \n";
  EXPECT_EQ(worker->Admin("lru_crawler metadump all"),
            "OK\r\n" + expected + "END\r\n");
  EXPECT_EQ(worker->Admin("lru_crawler metadump hash"),
            "OK\r\n" + expected + "END\r\n");
}

TEST_F(DumpTest, MetadumpWithoutExpiryOrFetch) {
  worker->Set("k", "v");
  const std::string reply = worker->Admin("lru_crawler metadump all");
  EXPECT_NE(reply.find("key=k exp=-1 "), std::string::npos);
  EXPECT_NE(reply.find(" fetch=no "), std::string::npos);
  EXPECT_NE(reply.find(" flags=0 \n"), std::string::npos);
}

TEST_F(DumpTest, ByClass) {
  const int small = cache->SlabClass(worker->Set("small", "v").item);
  const int large =
      cache->SlabClass(worker->Set("large", std::string(5000, 'v')).item);
  ASSERT_NE(small, large);
  const std::string dump = "lru_crawler mgdump ";
  EXPECT_EQ(worker->Admin(dump + std::to_string(small)),
            "OK\r\nmg small\r\nEN\r\n");
  EXPECT_EQ(worker->Admin(dump + std::to_string(large)),
            "OK\r\nmg large\r\nEN\r\n");
  EXPECT_EQ(Lines(worker->Admin(dump + std::to_string(small) + "," +
                                std::to_string(large)))
                .size(),
            4u);
}

TEST_F(DumpTest, DeadItemsAreLeftOut) {
  Request request = Worker::Key("k");
  request.exptime = clock.FromExptime(5);
  worker->Store(request, "v");
  clock.Advance(6);
  EXPECT_EQ(worker->Admin("lru_crawler metadump all"), "OK\r\nEND\r\n");
  worker->Set("k", "v");
  worker->Admin("flush_all");
  EXPECT_EQ(worker->Admin("lru_crawler mgdump all"), "OK\r\nEN\r\n");
}

TEST_F(DumpTest, MgdumpEncodesWhatALineCannotHold) {
  worker->SetBinary("foo", "v");
  EXPECT_EQ(worker->Admin("lru_crawler mgdump all"),
            "OK\r\nmg Zm9v b\r\nEN\r\n");
  worker->Delete("foo");
  worker->Set("a\rb", "v");
  EXPECT_EQ(worker->Admin("lru_crawler mgdump all"),
            "OK\r\nmg YQ1i b\r\nEN\r\n");
}

TEST_F(DumpTest, EveryItemInManySteps) {
  constexpr int kItems = 20000;
  for (int i = 0; i < kItems; ++i) {
    worker->Set("key" + std::to_string(i), std::string(i % 100, 'v'));
    worker->thread.Quiescent();
  }
  std::string reply;
  const std::vector<std::string_view> tokens = {"lru_crawler", "mgdump", "all"};
  ASSERT_EQ(RunAdmin(worker->executor, tokens, &reply), AdminNext::kDump);
  const std::unique_ptr<DumpStream> dump = worker->executor.TakeDump();
  std::set<std::string> keys;
  int steps = 0;
  for (bool more = true; more; ++steps) {
    StringSink chunk;
    more = dump->Next(chunk);
    EXPECT_LT(chunk.text.size(), 100000u);
    // Life goes on meanwhile.
    worker->Set("key" + std::to_string(steps), "w");
    worker->thread.Quiescent();
    reply += chunk.text;
  }
  EXPECT_GT(steps, 20);
  for (const std::string& line : Lines(reply)) {
    if (line.rfind("mg ", 0) == 0) keys.insert(line.substr(3));
  }
  EXPECT_EQ(keys.size(), static_cast<size_t>(kItems));
}

TEST_F(DumpTest, MsdumpIsMadeOfCommandsThatStoreTheItems) {
  EXPECT_EQ(worker->Admin("lru_crawler msdump all"), "OK\r\nEN\r\n");
  const std::string plain =
      "E" + std::to_string(worker->Set("k", "a\r\nEN\r\n").cas);
  EXPECT_EQ(worker->Admin("lru_crawler msdump all"),
            "OK\r\nms k 7 " + plain + "\r\na\r\nEN\r\n\r\nEN\r\n");
  worker->Delete("k");
  Request request = Worker::Key("f\no");
  request.binary_key = true;
  request.flags = 4000000000;
  request.exptime = clock.FromExptime(100);
  const std::string rest =
      " 0 b F4000000000 T" +
      std::to_string(clock.ToWall(clock.FromExptime(100))) + " E" +
      std::to_string(worker->Store(request, "").cas);
  EXPECT_EQ(worker->Admin("lru_crawler msdump hash"),
            "OK\r\nms Zgpv" + rest + "\r\n\r\nEN\r\n");
}

TEST_F(DumpTest, MsdumpOfLargeValues) {
  for (const size_t size : {4096u, 4097u, 20000u, 900000u}) {
    const std::string value(size, 'x');
    const uint64_t cas = worker->Set("k", value).cas;
    EXPECT_EQ(worker->Admin("lru_crawler msdump all"),
              "OK\r\nms k " + std::to_string(size) + " E" +
                  std::to_string(cas) + "\r\n" + value + "\r\nEN\r\n");
  }
}

TEST_F(DumpTest, MsdumpKeepsStaleItemsStale) {
  worker->Set("k", "v");
  worker->Set("b\n", "v");
  for (const char* key : {"k", "b\n"}) {
    worker->Delete(Worker::Key(key, kInvalidate));
  }
  const std::string reply = worker->Admin("lru_crawler msdump all");
  const std::string cas = std::to_string(worker->Get("k").cas);
  EXPECT_NE(reply.find("ms k 1 E" + cas + "\r\nv\r\nmd k q I C" + cas + "\r\n"),
            std::string::npos)
      << reply;
  EXPECT_NE(reply.find("\r\nmd Ygo= q b I C"), std::string::npos) << reply;
}

TEST_F(DumpTest, MsdumpMayBeForbidden) {
  settings.lru_crawler = false;
  EXPECT_EQ(worker->Admin("lru_crawler msdump all"), "OK\r\nEN\r\n");
  EXPECT_EQ(worker->Admin("lru_crawler msdump 1000"),
            "BADCLASS invalid class id\r\n");
  settings.dump_enabled = false;
  EXPECT_EQ(worker->Admin("lru_crawler msdump all"),
            "ERROR value dump not allowed\r\n");
}

// One after another they end in pages that the walk has passed already.
TEST_F(DumpTest, OverwrittenKeysAreNotMissed) {
  constexpr int kItems = 5000;
  const auto key = [](int i) { return "key" + std::to_string(i); };
  for (int i = 0; i < kItems; ++i) worker->Set(key(i), std::string(100, 'v'));
  for (const std::string kind : {"metadump", "mgdump", "msdump"}) {
    std::string reply;
    const std::vector<std::string_view> tokens = {"lru_crawler", kind, "all"};
    ASSERT_EQ(RunAdmin(worker->executor, tokens, &reply), AdminNext::kDump);
    const std::unique_ptr<DumpStream> dump = worker->executor.TakeDump();
    StringSink sink;
    for (int step = 0; dump->Next(sink); ++step) {
      worker->thread.Quiescent();
      for (int i = 0; i < 500; ++i) {
        worker->Set(key((step * 500 + i * 7) % kItems), std::string(100, 'w'));
        worker->thread.Quiescent();
      }
    }
    int missed = 0;
    for (int i = 0; i < kItems; ++i) {
      const char* const before = kind == "metadump" ? "key="
                                 : kind == "mgdump" ? "mg "
                                                    : "ms ";
      missed +=
          sink.text.find(before + key(i) + (kind == "mgdump" ? "\r" : " ")) ==
          std::string::npos;
    }
    EXPECT_EQ(missed, 0) << kind;
  }
}

TEST_F(DumpTest, TooManyAtOnce) {
  std::vector<std::unique_ptr<DumpStream>> dumps;
  const std::vector<std::string_view> tokens = {"lru_crawler", "mgdump", "all"};
  std::string reply;
  while (RunAdmin(worker->executor, tokens, &reply) == AdminNext::kDump) {
    dumps.push_back(worker->executor.TakeDump());
  }
  EXPECT_EQ(reply, "BUSY currently processing crawler request\r\n");
  EXPECT_EQ(dumps.size(), 8u);
  dumps.pop_back();
  EXPECT_EQ(worker->Admin("lru_crawler msdump all"), "OK\r\nEN\r\n");
}

TEST_F(DumpTest, Cachedump) {
  Request request = Worker::Key("k");
  request.exptime = clock.FromExptime(100);
  const Item* item = worker->Store(request, "value").item;
  const std::string command =
      "stats cachedump " + std::to_string(cache->SlabClass(item)) + " ";
  EXPECT_EQ(worker->Admin(command + "0"),
            "ITEM k [5 b; " +
                std::to_string(clock.ToWall(clock.FromExptime(100))) +
                " s]\r\nEND\r\n");
  worker->Delete("k");
  worker->SetBinary("bin", "v");
  worker->Set("n\rl", "v");
  EXPECT_EQ(worker->Admin(command + "0"), "END\r\n");
  for (int i = 0; i < 10; ++i) worker->Set("k" + std::to_string(i), "valu");
  EXPECT_EQ(Lines(worker->Admin(command + "3")).size(), 4u);
  EXPECT_EQ(Lines(worker->Admin(command + "0")).size(), 11u);
  EXPECT_NE(worker->Admin(command + "1").find(" [4 b; 0 s]\r\n"),
            std::string::npos);
  EXPECT_EQ(worker->Admin("stats cachedump 0 1"), "END\r\n");
}

TEST_F(DumpTest, Sizes) {
  EXPECT_EQ(worker->Admin("stats sizes"),
            "STAT sizes_status disabled\r\nEND\r\n");
  settings.track_sizes = true;
  const Item* item = worker->Set("a", "v").item;
  const size_t size = (cache->ItemBytes(item) + 31) / 32 * 32;
  worker->Set("b", "v");
  worker->Set("c", std::string(1000, 'v'));
  const std::string reply = worker->Admin("stats sizes");
  EXPECT_EQ(reply.find("STAT " + std::to_string(size) + " 2\r\n"), 0u);
  EXPECT_EQ(Lines(reply).size(), 3u);
}

}  // namespace
}  // namespace cucache
