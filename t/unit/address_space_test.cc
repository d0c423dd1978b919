// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/address_space.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

namespace cucache {
namespace {

constexpr uint64_t kGigabyte = uint64_t{1} << 30;

size_t Gigabytes(uint64_t units) { return units * kGigabyte; }

// Below half of what x86-64 gives unasked, as 2^47 is half of AArch64's.
TEST(AddressSpace, LiesBelowItsEnd) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer has these addresses";
#endif
  constexpr uint64_t kEnd = uint64_t{1} << 46;
  std::vector<void*> maps;
  for (int i = 0; i < 20; ++i) {
    uint64_t units = 1024;
    void* const at = ReserveAddressSpace(&units, 1024, Gigabytes, 0, kEnd);
    ASSERT_NE(at, nullptr);
    EXPECT_EQ(units, 1024u);
    EXPECT_LE(reinterpret_cast<uint64_t>(at) + Gigabytes(units), kEnd);
    EXPECT_EQ(mprotect(at, 4096, PROT_READ | PROT_WRITE), 0);
    std::memset(at, 1, 4096);
    maps.push_back(at);
  }
  for (void* const at : maps) munmap(at, Gigabytes(1024));
}

TEST(AddressSpace, IsHalvedUntilItFits) {
  uint64_t units = uint64_t{1} << 20;  // 2^50 bytes, more than there are
  void* const at = ReserveAddressSpace(&units, 1, Gigabytes, 0);
  ASSERT_NE(at, nullptr);
  EXPECT_LT(units, uint64_t{1} << 17);
  munmap(at, Gigabytes(units));
}

TEST(AddressSpace, IsRefusedWhereItDoesNotFit) {
  uint64_t units = 1024;
  EXPECT_EQ(ReserveAddressSpace(&units, 1024, Gigabytes, 0, kGigabyte),
            nullptr);
}

}  // namespace
}  // namespace cucache
