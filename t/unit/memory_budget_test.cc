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
  EXPECT_EQ(CgroupMemoryLimit(root_), 0u);
  Put("/proc/self/cgroup", "0::/a\nnonsense\n:\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 0u);
  Mounted("/", true);
  EXPECT_EQ(CgroupMemoryLimit(root_), 0u);
}

TEST_F(CgroupTest, Version2TakesTheLeastOfAllAbove) {
  Put("/proc/self/cgroup", "0::/a/b/c\n");
  Mounted("/", true);
  Put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 0u);
  Put("/sys/fs/cgroup/a/memory.max", "300000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 300000000u);
  Put("/sys/fs/cgroup/a/b/memory.max", "200000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 200000000u);
  Put("/sys/fs/cgroup/a/b/c/memory.max", "400000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 200000000u);
  Put("/sys/fs/cgroup/memory.max", "100000000\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 100000000u);
}

TEST_F(CgroupTest, Version2InAContainerSeesItselfAsTheTop) {
  Put("/proc/self/cgroup", "0::/\n");
  Mounted("/", true);
  Put("/sys/fs/cgroup/memory.max", "123456789\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 123456789u);
}

TEST_F(CgroupTest, Version1) {
  Put("/proc/self/cgroup", "9:name=systemd:/x\n4:cpu,memory:/docker/abc\n");
  Mounted("/docker/abc", false);
  Put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 0u);
  Put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 67108864u);
  Put("/proc/self/cgroup", "4:memory:/a/b\n");
  Mounted("/", false);
  Put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "33554432\n");
  EXPECT_EQ(CgroupMemoryLimit(root_), 33554432u);
}

MemoryBudget Default(uint64_t megabytes = 64) {
  MemoryBudget b;
  b.maxbytes = megabytes * kMegabyte;
  b.threads = 4;
  b.connections = 1024;
  return b;
}

TEST(BudgetTest, WithoutALimit) {
  MemoryBudget b = Default();
  EXPECT_EQ(FitBudget(0, &b), "");
  EXPECT_EQ(b.maxbytes, 64 * kMegabyte);
  EXPECT_EQ(b.buffers, 64 * kMegabyte);
  b = Default(1024);
  EXPECT_EQ(FitBudget(0, &b), "");
  EXPECT_EQ(b.buffers, 256 * kMegabyte);
  b.buffers = 0;
  b.buffers_given = true;
  EXPECT_EQ(FitBudget(0, &b), "");
  EXPECT_EQ(b.buffers, 0u);
}

TEST(BudgetTest, DefaultsStayWithinALimit) {
  for (uint64_t limit = 32; limit < 300; ++limit) {
    MemoryBudget b = Default();
    const std::string text = FitBudget(limit * kMegabyte, &b);
    EXPECT_LE(b.maxbytes + b.buffers + ProcessBytes(b), limit * kMegabyte);
    EXPECT_EQ(text.empty(),
              b.maxbytes == 64 * kMegabyte && b.buffers == 64 * kMegabyte)
        << text;
    EXPECT_GE(b.maxbytes, 8 * kMegabyte);
    EXPECT_GE(b.buffers, 4 * kMegabyte);
  }
  MemoryBudget b = Default();
  EXPECT_NE(FitBudget(16 * kMegabyte, &b).find("more than it may have"),
            std::string::npos);
  EXPECT_EQ(b.maxbytes, 8 * kMegabyte);
}

TEST(BudgetTest, ExamplesOfTheManual) {
  MemoryBudget b = Default();
  (void)FitBudget(128 * kMegabyte, &b);
  EXPECT_EQ(b.maxbytes / kMegabyte, 64u);
  EXPECT_EQ(b.buffers / kMegabyte, 44u);
  b = Default();
  (void)FitBudget(64 * kMegabyte, &b);
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
  EXPECT_NE(FitBudget(1000 * kMegabyte, &b), "");
  EXPECT_EQ(b.maxbytes, 900 * kMegabyte);
  EXPECT_EQ(b.maxbytes + b.buffers + ProcessBytes(b), 1000 * kMegabyte);
  b = Default();
  b.buffers = 32 * kMegabyte;
  b.buffers_given = true;
  EXPECT_NE(FitBudget(80 * kMegabyte, &b), "");
  EXPECT_EQ(b.buffers, 32 * kMegabyte);
  EXPECT_EQ(b.maxbytes, 28 * kMegabyte);
}

}  // namespace
}  // namespace cucache
