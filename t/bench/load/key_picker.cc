// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/load/key_picker.h"

#include <cmath>

namespace cucache::load {
namespace {

constexpr size_t kPoolSize = size_t{1} << 19;

// Draws ranks in [1, n] with probability proportional to rank^-s, s != 1.
class ZipfSampler {
 public:
  ZipfSampler(double n, double s)
      : n_(n), s_(s), low_(H(1.5) - 1), high_(H(n + 0.5)) {}

  uint64_t Draw(Random* random) const {
    for (;;) {
      const double u = high_ + random->Unit() * (low_ - high_);
      const double x = InverseH(u);
      const double rank = std::min(n_, std::max(1.0, std::floor(x + 0.5)));
      if (u >= H(rank + 0.5) - std::pow(rank, -s_)) {
        return static_cast<uint64_t>(rank);
      }
    }
  }

 private:
  [[nodiscard]] double H(double x) const {
    return std::pow(x, 1 - s_) / (1 - s_);
  }
  [[nodiscard]] double InverseH(double u) const {
    return std::pow(u * (1 - s_), 1 / (1 - s_));
  }

  double n_;
  double s_;
  double low_;
  double high_;
};

}  // namespace

KeyPicker::KeyPicker(const Options& options, int worker)
    : distribution_(options.distribution),
      base_(options.key_base),
      count_(options.key_count),
      slice_begin_(options.key_count * worker / options.threads),
      slice_end_(options.key_count * (worker + 1) / options.threads),
      next_(slice_begin_),
      random_(options.seed + worker) {
  if (distribution_ == Distribution::kZipf) {
    next_ = 0;
    FillZipfPool(options.zipf);
  }
}

void KeyPicker::FillZipfPool(double exponent) {
  if (exponent == 1) exponent = 1.000001;  // the closed form has a pole there
  const ZipfSampler sampler(static_cast<double>(count_), exponent);
  // Prime, so that ranks map one to one onto numbers for any smaller count.
  constexpr uint64_t kSpread = 2654435761;
  pool_.resize(kPoolSize);
  for (uint64_t& id : pool_) {
    const uint64_t rank = sampler.Draw(&random_) - 1;
    id = base_ + (rank * kSpread) % count_;
  }
}

}  // namespace cucache::load
