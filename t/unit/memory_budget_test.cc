// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace cucache {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;

// A directory that looks like / with control groups.
class CgroupTest : public testing::Test {
 protected:
  CgroupTest() {
    char name[] = "/tmp/cucache_cgroup.XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    root_ = name;
  }
  ~CgroupTest() override { std::filesystem::remove_all(root_); }

  void Put(const std::string& name, const std::string& text) {
    const std::string path = root_ + name;
    std::filesystem::create_directories(
        std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  void Mounted(const std::string& top, bool version2) {
    Put("/proc/self/mountinfo",
        "22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n"
        "30 23 0:26 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n" +
            (version2
                 ? "31 23 0:27 " + top +
                       " /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
                 : "32 23 0:28 " + top +
                       " /sys/fs/cgroup/memory rw shared:9 master:1 - cgroup "
                       "cgroup rw,memory\n"));
  }

  std::string root_;
};

TEST_F(CgroupTest, NothingThere) {
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 0u);
  Put("/proc/self/cgroup", "0::/a\nnonsense\n:\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 0u);
  Mounted("/", true);
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 0u);
}

TEST_F(CgroupTest, Version2TakesTheLeastOfAllAbove) {
  Put("/proc/self/cgroup", "0::/a/b/c\n");
  Mounted("/", true);
  Put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 0u);
  Put("/sys/fs/cgroup/a/memory.max", "300000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 300000000u);
  Put("/sys/fs/cgroup/a/b/memory.max", "200000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 200000000u);
  Put("/sys/fs/cgroup/a/b/c/memory.max", "400000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 200000000u);
  Put("/sys/fs/cgroup/memory.max", "100000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 100000000u);
}

TEST_F(CgroupTest, Version2InAContainerSeesItselfAsTheTop) {
  Put("/proc/self/cgroup", "0::/\n");
  Mounted("/", true);
  Put("/sys/fs/cgroup/memory.max", "123456789\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 123456789u);
}

TEST_F(CgroupTest, Version1) {
  Put("/proc/self/cgroup", "9:name=systemd:/x\n4:cpu,memory:/docker/abc\n");
  Mounted("/docker/abc", false);
  Put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 0u);
  Put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 67108864u);
  Put("/proc/self/cgroup", "4:memory:/a/b\n");
  Mounted("/", false);
  Put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "33554432\n");
  EXPECT_EQ(CgroupMemoryLimit(root_).bytes, 33554432u);
}

TEST_F(CgroupTest, OnlyVersion2CountsSockets) {
  EXPECT_FALSE(CgroupMemoryLimit(root_).counts_sockets);
  Put("/proc/self/cgroup", "4:memory:/a\n");
  Mounted("/", false);
  Put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "33554432\n");
  EXPECT_FALSE(CgroupMemoryLimit(root_).counts_sockets);
  Put("/proc/self/cgroup", "0::/a\n");
  Mounted("/", true);
  EXPECT_FALSE(CgroupMemoryLimit(root_).counts_sockets);
  Put("/sys/fs/cgroup/a/memory.max", "33554432\n");
  EXPECT_TRUE(CgroupMemoryLimit(root_).counts_sockets);
}

TEST_F(CgroupTest, HowFarSocketsReach) {
  EXPECT_EQ(SocketReach(root_), 10 * kMegabyte);
  Put("/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t1000000\n");
  Put("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t234567\n");
  EXPECT_EQ(SocketReach(root_), 1234567u);
}

MemoryBudget Default(uint64_t megabytes = 64) {
  MemoryBudget b;
  b.maxbytes = megabytes * kMegabyte;
  b.threads = 4;
  b.connections = 1024;
  b.socket_reach = 10 * kMegabyte;
  return b;
}

TEST(BudgetTest, WithoutALimit) {
  MemoryBudget b = Default();
  EXPECT_EQ(FitBudget({}, &b), "");
  EXPECT_EQ(b.maxbytes, 64 * kMegabyte);
  EXPECT_EQ(b.buffers, 64 * kMegabyte);
  b = Default(1024);
  EXPECT_EQ(FitBudget({}, &b), "");
  EXPECT_EQ(b.buffers, 256 * kMegabyte);
  b.buffers = 0;
  b.buffers_given = true;
  EXPECT_EQ(FitBudget({}, &b), "");
  EXPECT_EQ(b.buffers, 0u);
}

TEST(BudgetTest, DefaultsStayWithinALimit) {
  for (uint64_t limit = 32; limit < 300; ++limit) {
    MemoryBudget b = Default();
    const std::string text = FitBudget({limit * kMegabyte, false}, &b);
    EXPECT_LE(b.maxbytes + b.buffers + ProcessBytes(b), limit * kMegabyte);
    EXPECT_EQ(text.empty(),
              b.maxbytes == 64 * kMegabyte && b.buffers == 64 * kMegabyte)
        << text;
    EXPECT_GE(b.maxbytes, 8 * kMegabyte);
    EXPECT_GE(b.buffers, 4 * kMegabyte);
  }
  MemoryBudget b = Default();
  EXPECT_NE(
      FitBudget({16 * kMegabyte, false}, &b).find("more than it may have"),
      std::string::npos);
  EXPECT_EQ(b.maxbytes, 8 * kMegabyte);
}

TEST(BudgetTest, ExamplesOfTheManual) {
  MemoryBudget b = Default();
  (void)FitBudget({128 * kMegabyte, false}, &b);
  EXPECT_EQ(b.maxbytes / kMegabyte, 64u);
  EXPECT_EQ(b.buffers / kMegabyte, 44u);
  b = Default();
  (void)FitBudget({64 * kMegabyte, false}, &b);
  EXPECT_EQ(b.maxbytes / kMegabyte, 33u);
  EXPECT_EQ(b.buffers / kMegabyte, 11u);
}

// What a group is charged for an idle connection: the kernel's 1.5 KB too.
TEST(BudgetTest, CountsTheKernelsPartOfConnections) {
  MemoryBudget few = Default(), many = Default();
  many.connections = few.connections + 100000;
  EXPECT_GE(ProcessBytes(many) - ProcessBytes(few), 100000u * 1900);
}

TEST(BudgetTest, WhatIsGivenStays) {
  MemoryBudget b = Default(900);
  b.maxbytes_given = true;
  EXPECT_NE(FitBudget({1000 * kMegabyte, false}, &b), "");
  EXPECT_EQ(b.maxbytes, 900 * kMegabyte);
  EXPECT_EQ(b.maxbytes + b.buffers + ProcessBytes(b), 1000 * kMegabyte);
  b = Default();
  b.buffers = 32 * kMegabyte;
  b.buffers_given = true;
  EXPECT_NE(FitBudget({80 * kMegabyte, false}, &b), "");
  EXPECT_EQ(b.buffers, 32 * kMegabyte);
  EXPECT_EQ(b.maxbytes, 28 * kMegabyte);
}

constexpr CgroupLimit Version2(uint64_t megabytes) {
  return {megabytes * kMegabyte, true};
}

// The worst that all of -c may hold at a time, items and buffers being full.
uint64_t Worst(const MemoryBudget& b) {
  return b.maxbytes + b.buffers + ProcessBytes(b) +
         kSocketParts * b.socket_buffer * static_cast<uint64_t>(b.connections);
}

TEST(BudgetTest, SocketsFit) {
  for (uint64_t limit = 160; limit < 12000; limit += limit / 50) {
    MemoryBudget b = Default();
    (void)FitBudget(Version2(limit), &b);
    if (b.socket_buffer == 0) {
      EXPECT_GE(limit, 10u * 1024);
      continue;
    }
    EXPECT_LE(Worst(b), limit * kMegabyte) << limit;
    EXPECT_GE(b.socket_buffer, kLeastSocketBuffer);
    EXPECT_EQ(b.socket_buffer % 4096, 0u);
  }
}

// Where the least for each would be more than a quarter, a quarter is kept, and
// not all of -c may hold their fill at a time.
TEST(BudgetTest, SocketsOfASmallGroup) {
  for (uint64_t limit = 56; limit < 160; ++limit) {
    MemoryBudget b = Default();
    EXPECT_NE(FitBudget(Version2(limit), &b).find(", sockets "),
              std::string::npos);
    EXPECT_EQ(b.socket_buffer, kLeastSocketBuffer);
    EXPECT_LE(b.maxbytes + b.buffers + ProcessBytes(b),
              limit * kMegabyte * 3 / 4);
  }
  MemoryBudget b = Default();
  b.connections = 300;
  (void)FitBudget(Version2(64), &b);
  EXPECT_LE(Worst(b), 64 * kMegabyte);
}

TEST(BudgetTest, ExamplesOfTheManualWithSockets) {
  const struct {
    uint64_t limit, items, buffers, socket_buffer;
  } examples[] = {{64, 21, 7, 8 << 10},
                  {128, 57, 19, 8 << 10},
                  {256, 64, 64, 20 << 10},
                  {512, 64, 64, 72 << 10},
                  {2048, 64, 64, 380 << 10}};
  for (const auto& e : examples) {
    MemoryBudget b = Default();
    (void)FitBudget(Version2(e.limit), &b);
    EXPECT_EQ(b.maxbytes / kMegabyte, e.items) << e.limit;
    EXPECT_EQ(b.buffers / kMegabyte, e.buffers) << e.limit;
    EXPECT_EQ(b.socket_buffer, e.socket_buffer) << e.limit;
  }
}

TEST(BudgetTest, TheKernelSizesSocketsOfALargeGroup) {
  MemoryBudget b = Default();
  const uint64_t threshold =
      128 + ProcessBytes(b) / kMegabyte + 10 * uint64_t{1024};
  EXPECT_EQ(FitBudget(Version2(threshold + 1), &b), "");
  EXPECT_EQ(b.socket_buffer, 0u);
  b = Default();
  EXPECT_EQ(FitBudget(Version2(threshold - 1), &b), "");
  EXPECT_NE(b.socket_buffer, 0u);
  b = Default();
  b.connections = 10;
  (void)FitBudget(Version2(512), &b);
  EXPECT_EQ(b.socket_buffer, 0u);
}

TEST(BudgetTest, SocketsAreLeftAlone) {
  for (const uint64_t limit : {64, 128, 512}) {
    MemoryBudget b = Default();
    (void)FitBudget({limit * kMegabyte, false}, &b);  // version 1
    EXPECT_EQ(b.socket_buffer, 0u);
    MemoryBudget given = Default(30), version1 = Default(30);
    given.maxbytes_given = version1.maxbytes_given = true;
    EXPECT_EQ(FitBudget(Version2(limit), &given),
              FitBudget({limit * kMegabyte, false}, &version1));
    EXPECT_EQ(given.socket_buffer, 0u);
    EXPECT_EQ(given.buffers, version1.buffers);
  }
  MemoryBudget b = Default();
  (void)FitBudget({}, &b);
  EXPECT_EQ(b.socket_buffer, 0u);
}

}  // namespace
}  // namespace cucache
