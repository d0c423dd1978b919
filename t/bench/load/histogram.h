// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Latencies in logarithmic buckets: 64 per power of two, so that a quantile is
// right to 1.6 %, from 1 ns to 18 minutes. The layout is that of HdrHistogram
// (Gil Tene). Not thread safe: one per worker, merged when they have ended.

#ifndef CUCACHE_T_BENCH_LOAD_HISTOGRAM_H_
#define CUCACHE_T_BENCH_LOAD_HISTOGRAM_H_

#include <bit>
#include <cstdint>
#include <vector>

namespace cucache::load {

class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}

  // Counts count requests that took ns each.
  void Record(uint64_t ns, uint64_t count) {
    if (ns > kMax) ns = kMax;
    counts_[Index(ns)] += count;
    total_ += count;
    sum_ += ns * count;
    if (ns > max_) max_ = ns;
  }

  void Merge(const Histogram& other);

  // The smallest bucket bound that a share q of the requests stays below, in
  // ns; 0 when there are none.
  [[nodiscard]] uint64_t Quantile(double q) const;
  [[nodiscard]] uint64_t count() const { return total_; }
  [[nodiscard]] uint64_t max() const { return max_; }
  [[nodiscard]] double Mean() const {
    return total_ == 0 ? 0 : static_cast<double>(sum_) / total_;
  }

 private:
  static constexpr int kSubBits = 6;
  static constexpr uint64_t kMax = (uint64_t{1} << 40) - 1;
  static constexpr int kBuckets = (40 - kSubBits + 1) << kSubBits;

  static int Index(uint64_t ns) {
    const int shift = std::bit_width(ns) - 1 - kSubBits;
    if (shift <= 0) return static_cast<int>(ns);
    return (shift << kSubBits) + static_cast<int>(ns >> shift);
  }
  static uint64_t UpperBound(int index);

  std::vector<uint64_t> counts_;
  uint64_t total_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
};

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_HISTOGRAM_H_
