// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The sizes are those that memcached 1.6.45 prints with -vv.

#include "cache/class_numbers.h"

#include <gtest/gtest.h>

#include <vector>

namespace cucache {
namespace {

std::vector<uint64_t> Sizes(const Settings& settings) {
  const ClassNumbers numbers(settings);
  std::vector<uint64_t> sizes;
  for (int n = 1; n <= numbers.largest(); ++n) sizes.push_back(numbers.size(n));
  return sizes;
}

TEST(ClassNumbersTest, Defaults) {
  const Settings settings;
  const ClassNumbers numbers(settings);
  const std::vector<uint64_t> sizes = Sizes(settings);
  ASSERT_EQ(sizes.size(), 39u);
  EXPECT_EQ(sizes[0], 96u);
  EXPECT_EQ(sizes[1], 120u);
  EXPECT_EQ(sizes[24], 21696u);
  EXPECT_EQ(sizes[30], 82792u);
  EXPECT_EQ(sizes[37], 394840u);
  EXPECT_EQ(numbers.For(1), 1);
  EXPECT_EQ(numbers.For(96), 1);
  EXPECT_EQ(numbers.For(97), 2);
  EXPECT_EQ(numbers.For(66232), 30);
  EXPECT_EQ(numbers.For(66233), 31);
  EXPECT_EQ(numbers.For(394841), 39);
  EXPECT_EQ(numbers.For(1 << 20), 39);
}

TEST(ClassNumbersTest, FactorAndSmallest) {
  Settings settings;
  settings.factor = 2;
  settings.chunk_size = 100;
  const std::vector<uint64_t> sizes = Sizes(settings);
  EXPECT_EQ(sizes[0], 152u);
  EXPECT_EQ(sizes[1], 304u);
  EXPECT_EQ(sizes[2], 608u);
}

TEST(ClassNumbersTest, NoMoreThanMemcachedHas) {
  Settings settings;
  settings.factor = 1.01;
  EXPECT_EQ(Sizes(settings).size(), 63u);
}

TEST(ClassNumbersTest, GivenSizes) {
  Settings settings;
  settings.slab_sizes = "100-500-1001";
  const ClassNumbers numbers(settings);
  EXPECT_EQ(numbers.largest(), 4);
  EXPECT_EQ(numbers.size(1), 104u);
  EXPECT_EQ(numbers.size(3), 1008u);
  EXPECT_EQ(numbers.For(104), 1);
  EXPECT_EQ(numbers.For(105), 2);
  EXPECT_EQ(numbers.For(5000), 4);
}

TEST(ClassNumbersTest, SmallPieces) {
  Settings settings;
  settings.slab_chunk_size_max = 4096;
  const ClassNumbers numbers(settings);
  EXPECT_EQ(numbers.largest(), 17);
  EXPECT_EQ(numbers.For(11000), 17);
}

}  // namespace
}  // namespace cucache
