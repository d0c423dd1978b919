// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// cucache-load: asks a memcached-compatible server for values over the network,
// checks them, and writes what it cost as JSON to standard output.
//
// Ends with 0, 1 (wrong values or replies), 2 (no server, or it died), or
// 3 (bad arguments).

#include <gflags/gflags.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include "t/bench/load/report.h"
#include "t/bench/load/worker.h"

DEFINE_string(host, "127.0.0.1", "server address");
DEFINE_int32(port, 11211, "server port");
DEFINE_string(unix_path, "", "unix socket to use instead of host and port");
DEFINE_int32(threads, 1, "threads of the generator");
DEFINE_int32(connections, 50, "connections over all threads");
DEFINE_int32(pipeline, 1, "commands per batch; one send per batch");
DEFINE_string(op, "get",
              "get | getq (binary and meta: answers hits only) | set | mixed | "
              "load (sets without replies)");
DEFINE_string(protocol, "text", "text | meta | binary");
DEFINE_int32(keys_per_get, 1, "keys of one get command; of one getq batch");
DEFINE_double(get_ratio, 0.9, "share of gets in mixed");
DEFINE_uint64(keys, 10000, "number of keys");
DEFINE_uint64(key_base, 0, "number of the first key");
DEFINE_int32(key_size, 16, "bytes of a key");
DEFINE_string(key_prefix, "k", "first bytes of each key");
DEFINE_int32(value_size, 32, "bytes of a value");
DEFINE_string(dist, "uniform", "uniform | zipf | one | seq");
DEFINE_double(zipf, 0.99, "exponent of zipf");
DEFINE_uint64(seed, 1, "seed of the choice of keys");
DEFINE_int32(check, 100,
             "check one value in this many to the last byte; 0: none");
DEFINE_bool(expect_hits, false, "a miss is a wrong reply");
DEFINE_bool(expect_misses, false, "a hit is a wrong reply");
DEFINE_double(warmup, 0.2, "seconds before measuring begins");
DEFINE_double(seconds, 2, "seconds measured");
DEFINE_uint64(requests, 0,
              "end after this many requests instead; no warm-up then");
DEFINE_double(rate, 0, "requests per second of the open loop; 0: closed loop");
DEFINE_bool(poisson, false, "open loop: random gaps");
DEFINE_bool(spin, false, "open loop: poll, do not sleep");
DEFINE_int32(pid, 0, "process id of the server, to report what it used");

namespace cucache::load {
namespace {

template <typename T>
bool Choose(const std::map<std::string, T>& choices, const std::string& name,
            T* chosen) {
  const auto found = choices.find(name);
  if (found == choices.end()) {
    std::fprintf(stderr, "cucache-load: unknown choice: %s\n", name.c_str());
    return false;
  }
  *chosen = found->second;
  return true;
}

bool Check(bool condition, const char* what) {
  if (!condition) std::fprintf(stderr, "cucache-load: %s\n", what);
  return condition;
}

bool CheckOptions(const Options& o) {
  return Check(o.threads >= 1 && o.threads <= o.connections,
               "threads must be from 1 to the number of connections") &&
         Check(o.pipeline >= 1 && o.keys_per_get >= 1,
               "pipeline and keys_per_get must be at least 1") &&
         Check(o.key_size >= 1 && o.key_size <= 250 &&
                   o.key_prefix.size() + KeyFormat::kDigits <= 250,
               "keys must be from 1 to 250 bytes") &&
         Check(o.value_size >= 0 && o.value_size <= (1 << 30),
               "value_size must be from 0 to 1 GiB") &&
         Check(o.key_count >= uint64_t(o.threads) &&
                   o.key_base + o.key_count <= 4000000000,
               "keys must be at least one per thread and below 4000000000") &&
         Check(o.check_every >= 0, "check must not be negative") &&
         Check(o.rate >= 0 && o.warmup_seconds >= 0 && o.seconds > 0,
               "rate, warmup and seconds must not be negative") &&
         Check(!o.quiet || o.protocol != Protocol::kText,
               "getq needs the binary or the meta protocol") &&
         Check(o.protocol == Protocol::kText || o.quiet || o.keys_per_get == 1,
               "several keys per get need the text protocol or getq");
}

void CopyNumbers(Options* o) {
  o->host = FLAGS_host;
  o->port = FLAGS_port;
  o->unix_path = FLAGS_unix_path;
  o->threads = FLAGS_threads;
  o->connections = FLAGS_connections;
  o->pipeline = FLAGS_pipeline;
  o->quiet = FLAGS_op == "getq";
  o->keys_per_get = FLAGS_keys_per_get;
  o->get_ratio = FLAGS_get_ratio;
  o->key_base = FLAGS_key_base;
  o->key_count = FLAGS_keys;
  o->key_size = FLAGS_key_size;
  o->key_prefix = FLAGS_key_prefix;
  o->value_size = FLAGS_value_size;
  o->zipf = FLAGS_zipf;
  o->seed = FLAGS_seed;
  o->check_every = FLAGS_check;
  o->expect_hits = FLAGS_expect_hits;
  o->expect_misses = FLAGS_expect_misses;
  o->warmup_seconds = FLAGS_warmup;
  o->seconds = FLAGS_seconds;
  o->requests = FLAGS_requests;
  o->rate = FLAGS_rate;
  o->poisson = FLAGS_poisson;
  o->spin = FLAGS_spin;
  o->server_pid = FLAGS_pid;
}

bool ReadOptions(Options* o) {
  CopyNumbers(o);
  const bool known = Choose<Protocol>({{"text", Protocol::kText},
                                       {"meta", Protocol::kMeta},
                                       {"binary", Protocol::kBinary}},
                                      FLAGS_protocol, &o->protocol) &&
                     Choose<Operation>({{"get", Operation::kGet},
                                        {"getq", Operation::kGet},
                                        {"set", Operation::kSet},
                                        {"mixed", Operation::kMixed},
                                        {"load", Operation::kLoad}},
                                       FLAGS_op, &o->operation) &&
                     Choose<Distribution>({{"uniform", Distribution::kUniform},
                                           {"zipf", Distribution::kZipf},
                                           {"one", Distribution::kOne},
                                           {"seq", Distribution::kSequential}},
                                          FLAGS_dist, &o->distribution);
  if (!known || !CheckOptions(*o)) return false;
  if (o->operation == Operation::kLoad) {
    o->distribution = Distribution::kSequential;
    if (o->requests == 0) o->requests = o->key_count;
  }
  return true;
}

double OwnCpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

Counts SumCounts(const std::vector<std::unique_ptr<Worker>>& workers) {
  Counts sum;
  for (const auto& worker : workers) sum += worker->ReadCounts();
  return sum;
}

// Sleeps, but not on when a worker has already ended.
void Wait(double seconds, const std::atomic<int>& running, int threads) {
  const uint64_t end = NowNs() + static_cast<uint64_t>(seconds * 1e9);
  for (uint64_t now = NowNs(); now < end && running == threads; now = NowNs()) {
    const uint64_t left = std::min<uint64_t>(end - now, 50000000);
    std::this_thread::sleep_for(std::chrono::nanoseconds(left));
  }
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options) {
    for (int i = 0; i < options.threads; ++i) {
      workers_.push_back(std::make_unique<Worker>(options, &signals_, i));
    }
  }

  Findings Execute() {
    for (const auto& worker : workers_) {
      if (worker->Connect()) continue;
      findings_.error = worker->error();
      findings_.seconds = 1;
      return std::move(findings_);
    }
    if (options_.requests > 0) Begin();
    running_ = options_.threads;
    for (const auto& worker : workers_) {
      threads_.emplace_back([this, &worker] {
        worker->Run();
        --running_;
      });
    }
    if (options_.requests == 0) {
      Wait(options_.warmup_seconds, running_, options_.threads);
      Begin();
      Wait(options_.seconds, running_, options_.threads);
      End();
      signals_.stop = true;
    }
    for (std::thread& thread : threads_) thread.join();
    if (options_.requests > 0) End();
    Collect();
    return std::move(findings_);
  }

 private:
  void Begin() {
    findings_.server_before = ReadProcessUsage(options_.server_pid);
    findings_.own_cpu_seconds = OwnCpuSeconds();
    before_ = SumCounts(workers_);
    start_ns_ = NowNs();
    signals_.measuring = true;
  }

  void End() {
    findings_.counts = SumCounts(workers_) - before_;
    findings_.server_after = ReadProcessUsage(options_.server_pid);
    findings_.seconds = (NowNs() - start_ns_) / 1e9;
    findings_.own_cpu_seconds = OwnCpuSeconds() - findings_.own_cpu_seconds;
    signals_.measuring = false;
  }

  void Collect() {
    Counts all = SumCounts(workers_);
    findings_.wrong = all.wrong;
    for (const auto& worker : workers_) {
      findings_.histogram.Merge(worker->histogram());
      if (findings_.error.empty()) findings_.error = worker->error();
    }
    if (options_.expect_hits && all.misses > 0) {
      findings_.wrong += all.misses;
      findings_.error = "misses of keys that were stored";
    }
    if (options_.expect_misses && all.hits > 0) {
      findings_.wrong += all.hits;
      findings_.error = "hits of keys that were never stored";
    }
  }

  const Options& options_;
  Signals signals_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  std::atomic<int> running_{0};
  Findings findings_;
  Counts before_;
  uint64_t start_ns_ = 0;
};

void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace cucache::load

int main(int argc, char** argv) {
  using namespace cucache::load;
  gflags::SetUsageMessage("load generator for memcached-compatible servers");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  Options options;
  if (argc > 1) {
    std::fprintf(stderr, "cucache-load: not an option: %s\n", argv[1]);
    return 3;
  }
  if (!ReadOptions(&options)) return 3;
  std::signal(SIGPIPE, SIG_IGN);
  RaiseFileLimit();
  const Findings findings = Run(options).Execute();
  std::fputs(ToJson(options, findings).c_str(), stdout);
  if (!findings.error.empty()) {
    std::fprintf(stderr, "cucache-load: %s\n", findings.error.c_str());
  }
  if (findings.wrong > 0) return 1;
  return findings.error.empty() ? 0 : 2;
}
