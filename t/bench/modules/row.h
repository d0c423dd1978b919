// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A row of the report, and how it is measured: the same operations by each
// side (cucache, memcached, libcuckoo) in short slices that take turns, so that
// whatever else the machine does meets all of them alike. The ratio is taken
// within a turn; the median over the turns is reported. A chunk of operations
// during which the kernel took the processor away does not count.
//
// Each row is a benchmark of Google Benchmark: an iteration is one turn, the
// figures are counters, so that its filters and its JSON are there.
//
// Thread safety: none; rows are registered and run by the main thread, which
// starts the threads of a slice itself.

#ifndef CUCACHE_T_BENCH_MODULES_ROW_H_
#define CUCACHE_T_BENCH_MODULES_ROW_H_

#include <benchmark/benchmark.h>

#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "t/bench/modules/keys.h"

namespace cucache::bench {

// Operations between two looks at the clock. A multiple of 20, 24 and 100.
inline constexpr size_t kChunk = 600;
inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// kFloor: what no table can be faster than; the ratio is then to it.
enum class Who : uint8_t { kCucache, kMemcached, kLibcuckoo, kFloor };
inline constexpr size_t kSides = 4;
inline constexpr const char* kSideNames[kSides] = {"cucache", "memcached",
                                                   "libcuckoo", "floor"};

struct Side {
  Who who;
  // Does n operations, one per key. Called by that many threads at once.
  std::function<void(unsigned thread, const Key* keys, size_t n)> run;
};

// What design section 6 asks for.
enum class GoalOf : uint8_t {
  kNothing,
  kRatioAtMost,   // cucache / memcached
  kRatioAtLeast,  // the same
  kOwnAtMost,     // cucache's figure
  kOwnAtLeast,
};
struct Goal {
  GoalOf of = GoalOf::kNothing;
  double value = 0;
};
inline Goal AtMost(double ratio) { return {GoalOf::kRatioAtMost, ratio}; }

struct Row {
  std::string name;
  unsigned threads = 1;
  KeySources keys;
  std::vector<Side> sides;
  Goal goal = {};
};

struct Options {
  bool quick = false;
  // Not empty: count instructions under callgrind instead of time.
  bool instructions = false;
  unsigned all_cores = 2;
  int turns = 41;
  std::chrono::nanoseconds slice{8000000};
  // Items of the large tables.
  uint64_t large = 10000000;
};

// Figures of a row, by Who; kNone: that side was not measured.
struct Figures {
  double side[kSides] = {kNone, kNone, kNone, kNone};
  double ratio = kNone;   // cucache / memcached (or the floor)
  double spread = kNone;  // half the middle half of the ratios, relative
  double& operator[](Who who) { return side[static_cast<size_t>(who)]; }
};

// As counters of the benchmark, for Report to find.
void Publish(benchmark::State& state, const Figures& figures, const Goal& goal,
             const std::string& unit);

void Register(const Options& options, Row row);
// A row that is not made of slices: `measure` calls Publish() itself.
void RegisterOnce(const std::string& name,
                  std::function<void(benchmark::State&)> measure);

// Prints a line per row.
class Report : public benchmark::BenchmarkReporter {
 public:
  explicit Report(std::string world) : world_(std::move(world)) {}
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  const std::string world_;
};

}  // namespace cucache::bench

#endif  // CUCACHE_T_BENCH_MODULES_ROW_H_
