// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Which key comes next: uniform, Zipf, always the same, or one after another.
// One per worker; not thread safe. Zipf ranks are drawn beforehand by rejection
// inversion (Hörmann and Derflinger 1996) into a pool that is walked in a
// circle, so that drawing costs the measured run nothing, and spread over the
// key range by a multiplication, so that neighbours in rank are none in number.

#ifndef CUCACHE_T_BENCH_LOAD_KEY_PICKER_H_
#define CUCACHE_T_BENCH_LOAD_KEY_PICKER_H_

#include <cstdint>
#include <vector>

#include "t/bench/load/options.h"

namespace cucache::load {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}

  uint64_t Next() {
    state_ += 0xa0761d6478bd642f;
    const auto wide =
        static_cast<unsigned __int128>(state_) * (state_ ^ 0xe7037ed1a0b428db);
    return static_cast<uint64_t>(wide >> 64) ^ static_cast<uint64_t>(wide);
  }
  // In [0, n).
  uint64_t Below(uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >>
                                 64);
  }
  // In (0, 1].
  double Unit() { return ((Next() >> 11) + 1) * 0x1p-53; }

 private:
  uint64_t state_;
};

class KeyPicker {
 public:
  // A sequential picker walks the worker's own slice of the keys.
  KeyPicker(const Options& options, int worker);

  uint64_t Next() {
    switch (distribution_) {
      case Distribution::kUniform:
        return base_ + random_.Below(count_);
      case Distribution::kOne:
        return base_;
      case Distribution::kZipf:
        next_ = next_ + 1 == pool_.size() ? 0 : next_ + 1;
        return pool_[next_];
      case Distribution::kSequential:
        break;
    }
    if (next_ == slice_end_) next_ = slice_begin_;
    return base_ + next_++;
  }

  [[nodiscard]] uint64_t slice_size() const {
    return slice_end_ - slice_begin_;
  }

 private:
  void FillZipfPool(double exponent);

  Distribution distribution_;
  uint64_t base_;
  uint64_t count_;
  uint64_t slice_begin_;
  uint64_t slice_end_;
  uint64_t next_;
  Random random_;
  std::vector<uint64_t> pool_;
};

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_KEY_PICKER_H_
