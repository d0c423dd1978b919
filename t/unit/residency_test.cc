// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/residency.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace cucache {
namespace {

constexpr size_t kBytes = size_t{1} << 20;

// A private mapping of a file full of 'f', all of it resident.
class ResidencyTest : public testing::Test {
 protected:
  void SetUp() override {
    FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    const std::string text(kBytes, 'f');
    ASSERT_EQ(std::fwrite(text.data(), 1, kBytes, file), kBytes);
    std::fflush(file);
    void* at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE,
                    fileno(file), 0);
    std::fclose(file);
    ASSERT_NE(at, MAP_FAILED);
    bytes_ = static_cast<char*>(at);
    EXPECT_EQ(CountOf('f'), kBytes);
  }
  void TearDown() override { munmap(bytes_, kBytes); }

  void ForbidWriting() const {
    ASSERT_EQ(mprotect(bytes_, kBytes, PROT_READ), 0);
  }

  size_t CountOf(char c) const {
    size_t n = 0;
    for (size_t i = 0; i < kBytes; ++i) n += bytes_[i] == c ? 1 : 0;
    return n;
  }

  size_t ResidentKilobytes() const {
    char begin[32];
    std::snprintf(begin, sizeof(begin), "%lx-",
                  reinterpret_cast<unsigned long>(bytes_));
    std::ifstream smaps("/proc/self/smaps");
    bool mine = false;
    for (std::string line; std::getline(smaps, line);) {
      mine |= line.starts_with(begin);
      if (mine && line.starts_with("Rss:")) {
        return std::strtoul(line.c_str() + 4, nullptr, 10);
      }
    }
    ADD_FAILURE() << "no such mapping";
    return 0;
  }

  char* bytes_ = nullptr;
};

TEST_F(ResidencyTest, CleanPagesGoAndComeBack) {
  ForbidWriting();
  EXPECT_EQ(ResidentKilobytes(), kBytes / 1024);
  EXPECT_GE(DropFilePages(), kBytes);
  EXPECT_EQ(ResidentKilobytes(), 0u);
  EXPECT_EQ(CountOf('f'), kBytes);
}

TEST_F(ResidencyTest, WhatWasWrittenBeforeStays) {
  bytes_[kBytes / 2] = 'x';  // like a relocation
  ForbidWriting();
  (void)DropFilePages();
  EXPECT_EQ(bytes_[kBytes / 2], 'x');
}

TEST_F(ResidencyTest, WhatMayBeWrittenIsLeftAlone) {
  (void)DropFilePages();
  EXPECT_EQ(ResidentKilobytes(), kBytes / 1024);
}

}  // namespace
}  // namespace cucache
