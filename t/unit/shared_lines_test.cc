// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What each command writes to memory that other threads read, in cache lines:
// the figures that doc/performance.md builds its model of many cores on. A line
// more here is a line more that cores fight for.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "session_fixture.h"
#include "write_trace.h"

namespace cucache {
namespace {

constexpr int kKeys = 256;

// Mean and most of the lines of one region over many commands.
struct Count {
  double mean = 0;
  size_t least = 0, most = 0;
};
using Counts = std::map<std::string, Count>;

class SharedLines : public ::testing::Test {
 protected:
  SharedLines()
      : server_(std::make_unique<LoneServer>()), connection_(*server_) {
    for (int i = 0; i < kKeys; ++i) {
      Expect(Set("key", i), "STORED\r\n");
      Expect("set number" + std::to_string(i) + " 0 0 4\r\n1000\r\n",
             "STORED\r\n");
    }
    // Until marks are saturated and magazines have been filled once.
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < kKeys; ++i) {
        connection_.Ask("get key" + std::to_string(i) + "\r\n");
        connection_.Ask(Set("key", i));
      }
    }
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < kKeys; ++i) {
        connection_.Ask("get key" + std::to_string(i) + "\r\n");
      }
    }
    std::vector<WriteTrace::Region> regions;
    for (const auto& part : server_->executor().cache().SharedPartsForTest()) {
      regions.push_back({part.name, part.at, part.bytes});
    }
    trace_ = std::make_unique<WriteTrace>(regions);
  }

  void Expect(const std::string& request, const std::string& reply) {
    ASSERT_EQ(reply, connection_.Ask(request));
  }
  static std::string Set(const std::string& name, int i) {
    return "set " + name + std::to_string(i) + " 0 0 32\r\n" +
           std::string(32, 'v') + "\r\n";
  }

  // `request(i)` for each key, each traced by itself.
  Counts Trace(const std::string& name,
               const std::function<std::string(int)>& request) {
    std::map<std::string, std::vector<size_t>> seen;
    for (const auto& part : server_->executor().cache().SharedPartsForTest()) {
      seen[part.name];
    }
    for (int i = 0; i < kKeys; ++i) {
      const std::string bytes = request(i);
      const WriteTrace::Lines lines =
          trace_->Run([&] { connection_.Ask(bytes); });
      for (auto& [region, counts] : seen) {
        const auto found = lines.find(region);
        counts.push_back(found == lines.end() ? 0 : found->second);
      }
    }
    Counts result;
    std::printf("%-10s", name.c_str());
    for (auto& [region, counts] : seen) {
      size_t sum = 0;
      for (const size_t n : counts) sum += n;
      const auto [least, most] =
          std::minmax_element(counts.begin(), counts.end());
      result[region] = {static_cast<double>(sum) / kKeys, *least, *most};
      std::printf("  %s %.2f", region.c_str(), result[region].mean);
    }
    std::printf("\n");
    return result;
  }
  void ExpectNothing(const std::string& name,
                     const std::function<std::string(int)>& request) {
    for (const auto& [region, count] : Trace(name, request)) {
      EXPECT_EQ(0u, count.most) << name << " writes " << region;
    }
  }
  // One slot, and the stripe of its bucket (I8).
  void ExpectOneSlot(const Counts& counts) {
    EXPECT_EQ(1u, counts.at("slots").least);
    EXPECT_EQ(1u, counts.at("slots").most);
    ExpectStripes(counts);
  }
  // What all threads have in common. The epoch and its lock when 16 items were
  // retired, until they are free (each command here is a pass of its own), all
  // else once in a batch.
  void ExpectShared(const Counts& counts) {
    EXPECT_LE(counts.at("epoch").most, 2u);
    EXPECT_LE(counts.at("epoch").mean, 0.5);
    for (const char* name : {"pages", "slabs", "table", "eviction", "cache"}) {
      EXPECT_LE(counts.at(name).mean, 0.15) << name;
    }
  }
  void ExpectStripes(const Counts& counts) {
    EXPECT_EQ(counts.at("stripes").least, 1u);
    EXPECT_LE(counts.at("stripes").mean, 1.05);
  }

  std::unique_ptr<LoneServer> server_;
  LoneConnection connection_;
  std::unique_ptr<WriteTrace> trace_;
};

TEST_F(SharedLines, ReadsWriteNone) {
  const auto number = [](int i) { return std::to_string(i); };
  ExpectNothing("get", [&](int i) { return "get key" + number(i) + "\r\n"; });
  ExpectNothing("miss", [&](int i) { return "get no" + number(i) + "\r\n"; });
  ExpectNothing("mg", [&](int i) { return "mg key" + number(i) + " v\r\n"; });
  ExpectNothing("multiget", [&](int i) {
    return "get key" + number(i) + " no" + number(i) + " key" +
           number((i + 7) % kKeys) + "\r\n";
  });
}

TEST_F(SharedLines, Set) {
  const Counts counts = Trace("set", [](int i) { return Set("key", i); });
  ExpectOneSlot(counts);
  // The new item, of one or two lines, and the state of the old one. Becoming
  // free writes nothing.
  EXPECT_LE(counts.at("items").mean, 3.0);
  ExpectShared(counts);
}

TEST_F(SharedLines, Increment) {
  const Counts counts = Trace("incr", [](int i) {
    return "incr number" + std::to_string(i) + " 1\r\n";
  });
  ExpectOneSlot(counts);
  EXPECT_LE(counts.at("items").mean, 3.0);
  ExpectShared(counts);
}

TEST_F(SharedLines, Touch) {
  const Counts counts = Trace("touch", [](int i) {
    return "touch key" + std::to_string(i) + " 0\r\n";
  });
  EXPECT_EQ(0u, counts.at("slots").most);
  ExpectStripes(counts);
  EXPECT_EQ(1u, counts.at("items").most);
}

TEST_F(SharedLines, Delete) {
  const Counts counts = Trace("delete", [](int i) {
    return "delete key" + std::to_string(i) + "\r\n";
  });
  ExpectOneSlot(counts);
  // Its state when it is unlinked, and a link of a list.
  EXPECT_LE(counts.at("items").mean, 2.2);
  ExpectShared(counts);
}

// That a store is seen which changes nothing, and where.
TEST(WriteTrace, SeesStores) {
  alignas(4096) static char memory[8192];
  WriteTrace trace({{"a", memory + 64, 64}, {"b", memory + 4096, 4096}});
  volatile char* const p = memory;
  EXPECT_TRUE(trace.Run([] {}).empty());
  EXPECT_TRUE(trace.Run([&] { p[0] = 1; }).empty());
  EXPECT_EQ((WriteTrace::Lines{{"a", 1}}), trace.Run([&] { p[64] = p[64]; }));
  EXPECT_EQ((WriteTrace::Lines{{"b", 2}}), trace.Run([&] {
    p[4096] = 1;
    p[4200] = 1;
    p[4201] = 2;
  }));
  const auto wide = [&] { std::memset(memory + 4096 + 60, 7, 8); };
  EXPECT_EQ((WriteTrace::Lines{{"b", 2}}), trace.Run(wide));
}

}  // namespace
}  // namespace cucache
