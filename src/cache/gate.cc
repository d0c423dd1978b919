// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/gate.h"

#include <algorithm>

namespace cucache {

// More than the whole window counts as one.
Gate::Step::Step(uint64_t stored, double window) {
  const auto n = static_cast<double>(stored);
  keep_ = 1 - std::min(1.0, n / window);
  part_ = n > window ? window / n : 1;
}

void Gate::Step::Add(uint64_t n, double* sum) const {
  *sum = *sum * keep_ + static_cast<double>(n) * part_;
}

void Gate::Fit(const Counts& counts, uint64_t chunks, double mean) {
  const auto held = static_cast<double>(chunks);
  const bool open = Worthless(counts, held, mean);
  open_.store(open, std::memory_order_relaxed);
  const double bound = kRatio * mean;
  const bool grown = MeanOf(counts) > bound;
  bound_.store(grown ? static_cast<size_t>(bound) : SIZE_MAX,
               std::memory_order_relaxed);
}

// D1.
double Gate::MeanOf(const Counts& counts) {
  const Step step(counts.stored, kWindow);
  step.Add(counts.stored, &size_.stored);
  step.Add(counts.bytes, &size_.bytes);
  return size_.stored == 0 ? 0 : size_.bytes / size_.stored;
}

// D2. Without a quotient, since there may be no hits, or nothing remembered.
bool Gate::Worthless(const Counts& counts, double chunks, double mean) {
  const Step step(counts.stored, std::max(kWindow, chunks * kWorthWindow));
  step.Add(counts.stored, &worth_.stored);
  step.Add(counts.hits, &worth_.hits);
  step.Add(counts.remembered, &worth_.remembered);
  step.Add(counts.cost, &worth_.cost);
  const double least = open_.load(std::memory_order_relaxed) ? 1 : kWorth;
  return worth_.cost * worth_.hits <
         least * chunks * mean * worth_.stored * worth_.remembered;
}

}  // namespace cucache
