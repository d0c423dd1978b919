// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Replays a workload look-aside against a server: get; on a miss, set. One
// connection, so that the server sees the requests in their order.
//
// A batch of requests is one multi-get; the sets for its misses (and for the
// hits that are to be overwritten) go out in front of the next batch's get, in
// the same send. So the only thing that differs from one request at a time is
// that a set comes up to batch - 1 requests late; a key that comes twice ends
// a batch before its second time, because that one must find what the first
// has set. Batch 1 is exact. Single-threaded.

#ifndef CUCACHE_T_BENCH_REPLAY_REPLAYER_H_
#define CUCACHE_T_BENCH_REPLAY_REPLAYER_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "t/bench/replay/connection.h"
#include "t/bench/sim/workload.h"

namespace cucache::replay {

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 11211;
  size_t batch = 64;
  size_t key_size = 16;
  uint32_t ttl = 0;  // seconds; each key 0.5 to 1.5 times that
  double ttl_scale = 1;
  double rate = 0;  // requests per second; 0: as fast as it goes
  bool progress = false;
};

struct Counts {
  uint64_t requests = 0;
  uint64_t misses = 0;
  uint64_t late_requests = 0;  // those of the second half
  uint64_t late_misses = 0;
  uint64_t stored = 0;
  uint64_t refused = 0;    // "out of memory"
  uint64_t too_large = 0;  // for the server's -I
  uint64_t wrong = 0;      // values of another key
  double seconds = 0;
};

class Replayer {
 public:
  Replayer(const Options& options, const sim::Workload& workload);

  // False: error() says why.
  [[nodiscard]] bool Run();

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Request {
    uint64_t number;  // in the workload
    uint32_t key;
    bool hit;
  };

  size_t GatherBatch(uint64_t from);
  void AppendKey(uint32_t key);
  void AppendGet();
  void AppendSet(const Request& request);
  void AppendSets();
  [[nodiscard]] bool ReadSetReplies();
  [[nodiscard]] bool ReadValues();
  [[nodiscard]] bool ReadValue(std::string_view head, size_t* at);
  [[nodiscard]] bool Exchange();
  void CountBatch();
  void Pace(uint64_t done) const;
  void ShowProgress(uint64_t done);
  [[nodiscard]] uint32_t Ttl(const Request& request) const;
  bool Fail(const std::string& what);

  const Options& options_;
  const sim::Workload& workload_;
  Connection connection_;
  Counts counts_;
  std::string error_;
  std::chrono::steady_clock::time_point start_, shown_;

  std::vector<Request> batch_;
  std::vector<uint64_t> last_batch_of_;  // per key: number of its last batch
  uint64_t batches_ = 0;
  size_t sets_ = 0;  // whose replies are to come
  std::string out_;
  std::string filler_;
};

}  // namespace cucache::replay

#endif  // CUCACHE_T_BENCH_REPLAY_REPLAYER_H_
