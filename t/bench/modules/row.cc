// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/modules/row.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <thread>

#include "t/bench/modules/callgrind.h"

namespace cucache::bench {
namespace {

using Timer = std::chrono::steady_clock;

double Median(std::vector<double> v, double at = 0.5) {
  if (v.empty()) return kNone;
  std::sort(v.begin(), v.end());
  const double place = at * static_cast<double>(v.size() - 1);
  const auto i = static_cast<size_t>(place);
  const double rest = place - static_cast<double>(i);
  return i + 1 < v.size() ? v[i] * (1 - rest) + v[i + 1] * rest : v[i];
}

// How often the calling thread lost its processor against its will.
long Preempted() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// One thread's part of a slice.
struct Part {
  KeySource source;
  std::vector<Key> keys{kChunk};
  double seconds = 0;
  uint64_t operations = 0;

  void FillKeys() {
    for (Key& key : keys) key = Key(source());
  }
  // The time of making keys does not count, nor that of starting, nor a chunk
  // during which the kernel gave the processor to somebody else. (Waiting for
  // a lock counts: that is a thread's own will.)
  void Run(const Side& side, unsigned thread, std::chrono::nanoseconds slice) {
    Timer::duration sum{0};
    const auto deadline = Timer::now() + 20 * slice;
    operations = 0;
    while (sum < slice) {
      FillKeys();
      const long before = Preempted();
      const auto begin = Timer::now();
      side.run(thread, keys.data(), kChunk);
      const auto end = Timer::now();
      if (Preempted() != before && end < deadline) continue;
      sum += end - begin;
      operations += kChunk;
      if (end >= deadline) break;
    }
    seconds = std::chrono::duration<double>(sum).count();
  }
};

// Nanoseconds per operation of all threads together.
double Slice(const Side& side, std::vector<Part>& parts,
             std::chrono::nanoseconds slice) {
  std::atomic<size_t> waiting{parts.size()};
  const auto work = [&](unsigned thread) {
    waiting.fetch_sub(1);
    while (waiting.load() != 0) std::this_thread::yield();
    parts[thread].Run(side, thread, slice);
  };
  std::vector<std::thread> others;
  for (unsigned t = 1; t < parts.size(); ++t) others.emplace_back(work, t);
  work(0);
  for (std::thread& thread : others) thread.join();
  double rate = 0;
  for (const Part& part : parts) {
    rate += static_cast<double>(part.operations) / part.seconds;
  }
  // Where they had to take turns, each counted only while it ran.
  const double turns = std::max(
      1.0, static_cast<double>(parts.size()) /
               static_cast<double>(std::thread::hardware_concurrency()));
  return 1e9 * turns / rate;
}

std::vector<Part> MakeParts(const Row& row) {
  std::vector<Part> parts(row.threads);
  for (unsigned t = 0; t < row.threads; ++t) parts[t].source = row.keys(t);
  return parts;
}

void MeasureTime(benchmark::State& state, const Options& options,
                 const Row& row) {
  std::vector<Part> parts = MakeParts(row);
  for (const Side& side : row.sides) {
    Slice(side, parts, options.slice);  // caches, marks, magazines
  }
  std::vector<double> times[kSides];
  std::vector<double> ratios;
  size_t turn = 0;
  for (auto _ : state) {
    double now[kSides] = {kNone, kNone, kNone, kNone};
    for (size_t i = 0; i < row.sides.size(); ++i) {
      const size_t n = row.sides.size();
      const Side& side = row.sides[turn % 2 == 0 ? i : n - 1 - i];
      const auto who = static_cast<size_t>(side.who);
      now[who] = Slice(side, parts, options.slice);
      times[who].push_back(now[who]);
    }
    const double other = std::isnan(now[3]) ? now[1] : now[3];
    if (!std::isnan(other)) ratios.push_back(now[0] / other);
    state.SetIterationTime(now[0] * 1e-9);
    ++turn;
  }
  Figures figures;
  for (size_t i = 0; i < kSides; ++i) figures.side[i] = Median(times[i]);
  figures.ratio = Median(ratios);
  figures.spread =
      (Median(ratios, 0.75) - Median(ratios, 0.25)) / 2 / figures.ratio;
  Publish(state, figures, row.goal, row.threads > 1 ? "ns, all threads" : "ns");
}

// A fixed number of operations under callgrind, a dump per side; main.cc reads
// them. The second run counts, with everything warm.
void CountInstructions(benchmark::State& state, const Row& row) {
  std::vector<Part> parts = MakeParts(row);
  for (auto _ : state) {
    for (const Side& side : row.sides) {
      parts[0].FillKeys();
      side.run(0, parts[0].keys.data(), kChunk);
      parts[0].FillKeys();
      callgrind::Collect();
      side.run(0, parts[0].keys.data(), kChunk);
      callgrind::Collect();
      const std::string name =
          row.name + '|' + kSideNames[static_cast<size_t>(side.who)];
      callgrind::Dump(name.c_str());
    }
    state.SetIterationTime(1);
  }
}

bool Met(const Goal& goal, double own, double ratio) {
  switch (goal.of) {
    case GoalOf::kNothing:
      break;
    case GoalOf::kRatioAtMost:
      return ratio <= goal.value;
    case GoalOf::kRatioAtLeast:
      return ratio >= goal.value;
    case GoalOf::kOwnAtMost:
      return own <= goal.value;
    case GoalOf::kOwnAtLeast:
      return own >= goal.value;
  }
  return true;
}

double Counter(const benchmark::BenchmarkReporter::Run& run, const char* name) {
  const auto found = run.counters.find(name);
  return found == run.counters.end() ? kNone : found->second.value;
}

std::string Number(double value) {
  char text[32];
  if (std::isnan(value)) return "-";
  const char* const format = value < 10    ? "%.2f"
                             : value < 1e4 ? "%.1f"
                                           : "%.0f";
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string GoalText(const Goal& goal) {
  if (goal.of == GoalOf::kNothing) return "";
  const bool least =
      goal.of == GoalOf::kRatioAtLeast || goal.of == GoalOf::kOwnAtLeast;
  return (least ? ">= " : "<= ") + Number(goal.value);
}

}  // namespace

void Publish(benchmark::State& state, const Figures& figures, const Goal& goal,
             const std::string& unit) {
  const auto set = [&](const char* name, double value) {
    if (!std::isnan(value)) state.counters[name] = benchmark::Counter(value);
  };
  for (size_t i = 0; i < kSides; ++i) set(kSideNames[i], figures.side[i]);
  set("ratio", figures.ratio);
  set("spread", figures.spread);
  set("goal_of", static_cast<double>(goal.of));
  const bool judged =
      goal.of != GoalOf::kNothing &&
      !(goal.of <= GoalOf::kRatioAtLeast && std::isnan(figures.ratio));
  if (judged) {
    set("goal", goal.value);
    set("met", Met(goal, figures.side[0], figures.ratio) ? 1 : 0);
  }
  state.SetLabel(unit);
}

void Register(const Options& options, Row row) {
  if (options.instructions && row.threads > 1) return;
  std::string name = row.name + "/threads:" + std::to_string(row.threads);
  auto* const added = benchmark::RegisterBenchmark(
      name.c_str(), [options, row](benchmark::State& state) {
        if (options.instructions) {
          CountInstructions(state, row);
        } else {
          MeasureTime(state, options, row);
        }
      });
  added->UseManualTime()->Iterations(options.instructions ? 1 : options.turns);
}

void RegisterOnce(const std::string& name,
                  std::function<void(benchmark::State&)> measure) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [measure](benchmark::State& state) {
                                 for (auto _ : state) state.SetIterationTime(1);
                                 measure(state);
                               })
      ->UseManualTime()
      ->Iterations(1);
}

bool Report::ReportContext(const Context&) {
  std::printf("\n%-44s %10s %10s %10s %7s %6s %9s\n", world_.c_str(), "cucache",
              "memcached", "libcuckoo", "ratio", "+-", "goal");
  return true;
}

void Report::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.counters.empty()) continue;
    const Goal goal{static_cast<GoalOf>(Counter(run, "goal_of")),
                    Counter(run, "goal")};
    const double met = Counter(run, "met");
    const double floor = Counter(run, "floor");
    std::string label = run.report_label;
    if (!std::isnan(floor)) label += ", floor " + Number(floor);
    std::string name = run.benchmark_name();
    name = name.substr(0, name.find("/iterations"));
    std::printf("%-44s %10s %10s %10s %7s %6s %9s %s  (%s)\n", name.c_str(),
                Number(Counter(run, kSideNames[0])).c_str(),
                Number(Counter(run, kSideNames[1])).c_str(),
                Number(Counter(run, kSideNames[2])).c_str(),
                Number(Counter(run, "ratio")).c_str(),
                Number(Counter(run, "spread")).c_str(),
                std::isnan(met) ? "" : GoalText(goal).c_str(),
                std::isnan(met) ? "   "
                : met != 0      ? "met"
                                : "NO ",
                label.c_str());
  }
  std::fflush(stdout);
}

}  // namespace cucache::bench
