// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What one run of the load generator does. Filled once from the command line,
// then read-only; every thread may read it.

#ifndef CUCACHE_T_BENCH_LOAD_OPTIONS_H_
#define CUCACHE_T_BENCH_LOAD_OPTIONS_H_

#include <cstdint>
#include <string>

namespace cucache::load {

enum class Protocol : uint8_t { kText, kMeta, kBinary };

enum class Operation : uint8_t {
  kGet,    // one key per command, or keys_per_get of them
  kSet,    // one value per command, each answered
  kMixed,  // gets and sets by get_ratio
  kLoad,   // sets without replies, closed by one no-op per batch
};

enum class Distribution : uint8_t { kUniform, kZipf, kOne, kSequential };

struct Options {
  std::string host = "127.0.0.1";
  int port = 11211;
  std::string unix_path;  // used instead of host and port when not empty

  int threads = 1;
  int connections = 50;  // over all threads
  int pipeline = 1;      // commands per batch; one send per batch

  Protocol protocol = Protocol::kText;
  Operation operation = Operation::kGet;
  bool quiet = false;    // gets that answer hits only, closed by a no-op
  int keys_per_get = 1;  // keys of one command
  double get_ratio = 0.9;

  uint64_t key_base = 0;
  uint64_t key_count = 10000;
  int key_size = 16;
  std::string key_prefix = "k";
  int value_size = 32;
  Distribution distribution = Distribution::kUniform;
  double zipf = 0.99;
  uint64_t seed = 1;

  int check_every = 100;  // fully check one value in this many; 0 = none
  bool expect_hits = false;
  bool expect_misses = false;

  double warmup_seconds = 0.2;
  double seconds = 2;
  uint64_t requests = 0;  // when not 0, ends the run instead of seconds

  double rate = 0;       // requests per second; 0 = closed loop
  bool poisson = false;  // open loop: exponential gaps instead of equal ones
  bool spin = false;     // open loop: poll instead of sleeping

  int server_pid = 0;
};

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_OPTIONS_H_
