// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// cusim: replays a trace look-aside (get; on a miss set) against simulated
// eviction policies and prints one line of tab-separated figures for each
// policy and cache size. See README.md beside this file.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "belady.h"
#include "item_queues.h"
#include "log_segments.h"
#include "memcached_model.h"
#include "mixed_pages.h"
#include "page_queue.h"
#include "workload.h"

namespace cucache::sim {
namespace {

constexpr uint32_t kKeyBytes = 14;
constexpr uint32_t kHeader = 24;
constexpr uint32_t kMemcachedHeader = 56 + 3;    // with CAS, NUL and CRLF
constexpr double kTablePerItem = 8.7 + 0.9 * 2;  // with the ghost
constexpr double kMemcachedTable = 8;

struct Options {
  std::string trace;
  std::string sizes = "unit";
  std::vector<std::string> policies;
  std::vector<double> fractions;  // of the unique bytes
  std::vector<double> resident;   // absolute, in MiB
  uint32_t universe = 1000000;
  uint64_t requests = 5000000;
  uint32_t overwrite = 0;
  uint32_t deletes = 0;
  uint32_t ttl = 0;
  bool sweep = false;
};

struct Spec {
  std::string name;
  Params params;
};

Spec ParseSpec(const std::string& text) {
  Spec spec;
  const size_t colon = text.find(':');
  spec.name = text.substr(0, colon);
  size_t at = colon;
  while (at != std::string::npos) {
    const size_t end = text.find(',', at + 1);
    const std::string pair = text.substr(at + 1, end - at - 1);
    const size_t eq = pair.find('=');
    spec.params.Set(pair.substr(0, eq),
                    eq == std::string::npos
                        ? 1
                        : std::strtod(pair.c_str() + eq + 1, nullptr));
    at = end;
  }
  return spec;
}

// Bytes of every key's item once, rounded to its class.
double UniqueCost(const Workload& w, const SizeClasses* classes,
                  uint32_t header) {
  if (classes == nullptr) return w.unique;
  double sum = 0;
  for (uint32_t key = 0; key < w.unique; ++key) {
    const uint64_t t = Mix(key) % w.keys.size();
    const uint32_t bytes = header + kKeyBytes + w.ValueSize(key, t);
    sum += classes->Size(classes->Of(bytes));
  }
  return sum;
}

struct Result {
  uint64_t reads = 0;
  uint64_t misses = 0;
  double items = 0;  // mean over the second half
  double seconds = 0;
  double bytes = 0;  // that were asked for, and missed
  double missed_bytes = 0;
  uint64_t large_reads = 0;  // of more than twice the mean
  uint64_t large_misses = 0;
};

// Deletes what expires, at most 1024 requests late: the daemon's sweeper.
class Sweeper {
 public:
  Sweeper(bool on, uint64_t requests)
      : on_(on), due_(on ? requests / kStep + 2 : 0) {}
  void Add(uint32_t key, uint64_t expiry) {
    if (on_ && expiry / kStep + 1 < due_.size()) {
      due_[expiry / kStep + 1].push_back(key);
    }
  }
  void Run(const Clock& clock, Policy* policy) {
    if (!on_ || clock.now % kStep != 0) return;
    for (const uint32_t key : due_[clock.now / kStep]) {
      if (clock.Dead(key)) policy->Delete(key);
    }
  }

 private:
  static constexpr uint64_t kStep = 1024;
  const bool on_;
  std::vector<std::vector<uint32_t>> due_;
};

Result Replay(const Workload& w, bool sweep, uint32_t header, Policy* policy,
              Clock* clock) {
  const auto start = std::chrono::steady_clock::now();
  Result r;
  const uint64_t n = w.keys.size();
  Sweeper sweeper(sweep, n);
  for (uint64_t t = 0; t < n; ++t) {
    const uint32_t key = w.keys[t];
    clock->now = t;
    sweeper.Run(*clock, policy);
    if (t % 1024 == 0 && t > n / 2) {
      r.items += static_cast<double>(policy->Items());
    }
    if (Workload::Dice(t) < w.delete_percent * 100) {
      policy->Delete(key);
      continue;
    }
    ++r.reads;
    const bool hit = !clock->Dead(key) && policy->Get(key);
    r.misses += hit ? 0 : 1;
    const double value = w.ValueSize(key, t);
    const bool large = value * static_cast<double>(r.reads) > 2 * r.bytes;
    r.bytes += value;
    r.large_reads += large ? 1 : 0;
    if (!hit) {
      r.missed_bytes += value;
      r.large_misses += large ? 1 : 0;
    }
    if (!hit || w.Overwrites(t)) {
      policy->Set(key, header + kKeyBytes + w.ValueSize(key, t));
      clock->expiry[key] = t + w.Ttl(key);
      sweeper.Add(key, clock->expiry[key]);
    }
  }
  r.items /= static_cast<double>(n) / 2048;
  r.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return r;
}

std::unique_ptr<Policy> Make(const Spec& spec, const Workload& w,
                             uint64_t budget, const SizeClasses* classes,
                             const Clock* clock) {
  const Params& p = spec.params;
  const uint32_t n = w.unique;
  const auto queues = [&](ItemOrder order) {
    return std::make_unique<ItemQueues>(order, n, budget, classes, p, clock);
  };
  if (spec.name == "lru") return queues(ItemOrder::kLru);
  if (spec.name == "clock") return queues(ItemOrder::kClock);
  if (spec.name == "sieve") return queues(ItemOrder::kSieve);
  if (spec.name == "s3fifo") return queues(ItemOrder::kS3Fifo);
  if (spec.name == "belady") {
    return std::make_unique<Belady>(w.keys, n, budget, classes, p, clock);
  }
  if (spec.name == "memcached") {
    return std::make_unique<MemcachedModel>(n, budget, classes, p, clock);
  }
  double page = std::floor(static_cast<double>(budget) / p.Get("pages", 280));
  if (classes != nullptr) page = std::max(page, p.Get("minpage", 16384));
  if (classes != nullptr && p.Get("pow2", 0) != 0) {
    page = std::exp2(std::floor(std::log2(page)));
  }
  const auto bytes = static_cast<uint32_t>(std::max(1.0, page));
  if (spec.name == "log") {
    return std::make_unique<LogSegments>(n, budget, bytes, classes != nullptr,
                                         p, clock);
  }
  if (spec.name == "mixed") {
    return std::make_unique<MixedPages>(n, budget, bytes, classes, p, clock);
  }
  if (spec.name == "page") {
    return std::make_unique<PageQueue>(n, budget, bytes, classes, p, clock);
  }
  fprintf(stderr, "cusim: unknown policy %s\n", spec.name.c_str());
  std::exit(1);
}

void RunOne(const Options& o, const Workload& w, const std::string& text,
            double size) {
  const Spec spec = ParseSpec(text);
  const bool unit = w.model == SizeModel::kUnit;
  const bool resident = !o.resident.empty();
  const bool memcached = spec.name == "memcached";
  const SizeClasses fine(static_cast<uint32_t>(spec.params.Get("linear", 512)),
                         spec.params.Get("factor", 1.07));
  const SizeClasses coarse(0, 1.25, 8, 96);
  const bool peer = memcached && resident;
  const SizeClasses* classes = unit ? nullptr : peer ? &coarse : &fine;
  const uint32_t header = peer ? kMemcachedHeader : kHeader;
  // Every policy's budget is a share of the same bytes, whatever its classes.
  const SizeClasses standard(512, 1.07);
  double budget = size * UniqueCost(w, unit ? nullptr : &standard, kHeader);
  if (resident) {
    const double mean = UniqueCost(w, classes, header) / w.unique;
    const double table = peer ? kMemcachedTable : kTablePerItem;
    budget = size * 1048576 * mean / (mean + table);
  }
  Clock clock;
  clock.expiry.assign(w.unique, UINT64_MAX);
  const auto policy =
      Make(spec, w, static_cast<uint64_t>(budget), classes, &clock);
  const Result r = Replay(w, o.sweep, header, policy.get(), &clock);
  const double misses = static_cast<double>(r.misses);
  printf(
      "%s\t%s\to%u d%u "
      "t%u\t%g%s\t%s\t%.5f\t%.0f\t%.3f\t%llu\t%llu\t%.1f\t%.5f\t%.5f\n",
      o.trace.c_str(), o.sizes.c_str(), w.overwrite_percent, w.delete_percent,
      w.ttl, size, resident ? "M" : "", text.c_str(),
      misses / static_cast<double>(r.reads), r.items,
      static_cast<double>(policy->counters.copied) / misses,
      static_cast<unsigned long long>(policy->counters.max_batch),
      static_cast<unsigned long long>(policy->counters.forced),
      static_cast<double>(w.keys.size()) / r.seconds / 1e6,
      r.missed_bytes / std::max(r.bytes, 1.0),
      static_cast<double>(r.large_misses) /
          static_cast<double>(std::max<uint64_t>(r.large_reads, 1)));
  fflush(stdout);
}

std::vector<double> Numbers(const char* list) {
  std::vector<double> out;
  for (const char* at = list; at != nullptr;) {
    out.push_back(std::strtod(at, nullptr));
    at = std::strchr(at, ',');
    if (at != nullptr) ++at;
  }
  return out;
}

bool ParseFlag(const std::string& arg, Options* o) {
  const size_t eq = arg.find('=');
  if (eq == std::string::npos) return false;
  const std::string name = arg.substr(0, eq);
  const char* value = arg.c_str() + eq + 1;
  const auto number = static_cast<uint64_t>(std::strtod(value, nullptr));
  if (name == "--trace")
    o->trace = value;
  else if (name == "--sizes")
    o->sizes = value;
  else if (name == "--policy")
    o->policies.emplace_back(value);
  else if (name == "--size")
    o->fractions = Numbers(value);
  else if (name == "--resident")
    o->resident = Numbers(value);
  else if (name == "--universe")
    o->universe = static_cast<uint32_t>(number);
  else if (name == "--requests")
    o->requests = number;
  else if (name == "--overwrite")
    o->overwrite = static_cast<uint32_t>(number);
  else if (name == "--delete")
    o->deletes = static_cast<uint32_t>(number);
  else if (name == "--sweep")
    o->sweep = number != 0;
  else if (name == "--ttl")
    o->ttl = static_cast<uint32_t>(number);
  else
    return false;
  return true;
}

}  // namespace
}  // namespace cucache::sim

int main(int argc, char** argv) {
  using namespace cucache::sim;  // NOLINT
  Options o;
  for (int i = 1; i < argc; ++i) {
    if (!ParseFlag(argv[i], &o)) {
      fprintf(stderr, "cusim: bad argument %s (see README.md)\n", argv[i]);
      return 1;
    }
  }
  Workload w;
  if (!MakeTrace(o.trace, o.universe, o.requests, &w)) return 1;
  if (!SetSizes(o.sizes, &w)) return 1;
  if (!o.resident.empty() && w.model == SizeModel::kUnit) {
    fprintf(stderr, "cusim: --resident needs --sizes other than unit\n");
    return 1;
  }
  w.overwrite_percent = o.overwrite;
  w.delete_percent = o.deletes;
  w.ttl = o.ttl;
  if (o.fractions.empty()) o.fractions = {0.01, 0.05, 0.1, 0.25};
  const auto& sizes = o.resident.empty() ? o.fractions : o.resident;
  for (const double size : sizes) {
    for (const auto& policy : o.policies) RunOne(o, w, policy, size);
  }
  return 0;
}
