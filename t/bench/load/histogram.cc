// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/load/histogram.h"

#include <algorithm>
#include <cmath>

namespace cucache::load {

void Histogram::Merge(const Histogram& other) {
  for (int i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

uint64_t Histogram::UpperBound(int index) {
  if (index < (2 << kSubBits)) return index;
  const int shift = (index >> kSubBits) - 1;
  const uint64_t mantissa = index - (shift << kSubBits);
  return ((mantissa + 1) << shift) - 1;
}

uint64_t Histogram::Quantile(double q) const {
  if (total_ == 0) return 0;
  const auto rank = static_cast<uint64_t>(std::ceil(q * total_));
  uint64_t seen = 0;
  for (int i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank && seen > 0) return std::min(UpperBound(i), max_);
  }
  return max_;
}

}  // namespace cucache::load
