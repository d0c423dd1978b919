// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What a run found, as one JSON object.

#ifndef CUCACHE_T_BENCH_LOAD_REPORT_H_
#define CUCACHE_T_BENCH_LOAD_REPORT_H_

#include <string>

#include "t/bench/load/histogram.h"
#include "t/bench/load/process_usage.h"
#include "t/bench/load/worker.h"

namespace cucache::load {

// The differences are those between the beginning and the end of the measured
// window, except where said.
struct Findings {
  double seconds = 0;
  Counts counts;
  uint64_t wrong = 0;  // in the whole run, warm-up included
  Histogram histogram;
  ProcessUsage server_before;
  ProcessUsage server_after;
  double own_cpu_seconds = 0;
  std::string error;
};

[[nodiscard]] std::string ToJson(const Options& options,
                                 const Findings& findings);

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_REPORT_H_
