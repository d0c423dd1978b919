// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// cucache-replay: replays a trace look-aside against a running server and
// prints one line of JSON. scripts/hitrate starts the servers and chooses the
// sizes. Ends with 1 on a wrong answer.

#include <gflags/gflags.h>

#include <cstdio>
#include <string>

#include "t/bench/replay/replayer.h"
#include "t/bench/sim/workload.h"

DEFINE_string(host, "127.0.0.1", "the server's IPv4 address");
DEFINE_uint32(port, 11211, "the server's port");
DEFINE_string(trace, "zipf:0.99",
              "a file of lines `key [value-bytes [ttl-seconds]]`, plain or "
              ".xz; or zipf:S, churn:S, scan:S, loop:S");
DEFINE_uint32(universe, 1000000, "keys of a trace that is made");
DEFINE_uint64(requests, 5000000, "length of a made trace, at most of a file");
DEFINE_string(sizes, "fixed:200",
              "of values: fixed:N, lognormal, vary, drift; trace: the file's");
DEFINE_uint32(overwrite, 0, "per cent of the hits followed by a set");
DEFINE_uint32(ttl, 0, "mean TTL in seconds, where the trace has none; 0: none");
DEFINE_double(ttl_scale, 1, "divides TTLs, as --rate multiplies the speed");
DEFINE_double(rate, 0, "requests per second; 0: as fast as it goes");
DEFINE_uint32(batch, 64, "requests that are under way at once, 1 to 1000");
DEFINE_uint32(key_size, 16, "bytes of a key, 10 to 250");
DEFINE_bool(progress, false, "show on stderr how far it is");

namespace {

int Wrong(const char* what) {
  fprintf(stderr, "cucache-replay: %s\n", what);
  return 64;
}

cucache::replay::Options FromFlags() {
  cucache::replay::Options options;
  options.host = FLAGS_host;
  options.port = static_cast<uint16_t>(FLAGS_port);
  options.batch = FLAGS_batch;
  options.key_size = FLAGS_key_size;
  options.ttl = FLAGS_ttl;
  options.ttl_scale = FLAGS_ttl_scale;
  options.rate = FLAGS_rate;
  options.progress = FLAGS_progress;
  return options;
}

void Print(const cucache::replay::Counts& c) {
  const auto n = [](uint64_t x) { return static_cast<unsigned long long>(x); };
  printf(
      "{\"requests\": %llu, \"misses\": %llu, \"late_requests\": %llu, "
      "\"late_misses\": %llu, \"stored\": %llu, \"refused\": %llu, "
      "\"too_large\": %llu, \"wrong\": %llu, \"seconds\": %.3f}\n",
      n(c.requests), n(c.misses), n(c.late_requests), n(c.late_misses),
      n(c.stored), n(c.refused), n(c.too_large), n(c.wrong), c.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  gflags::SetUsageMessage("replays a trace look-aside against a server");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  if (argc > 1) return Wrong("takes flags only, see --help");
  if (FLAGS_batch < 1 || FLAGS_batch > 1000) return Wrong("--batch: 1 to 1000");
  if (FLAGS_key_size < 10 || FLAGS_key_size > 250) {
    return Wrong("--key_size: 10 to 250");
  }
  if (FLAGS_port == 0 || FLAGS_port > 65535) return Wrong("--port: 1 to 65535");
  if (FLAGS_ttl_scale <= 0 || FLAGS_rate < 0) {
    return Wrong("--ttl_scale and --rate must not be negative");
  }
  if (FLAGS_overwrite > 100) return Wrong("--overwrite: 0 to 100");
  cucache::sim::Workload workload;
  if (!cucache::sim::MakeTrace(FLAGS_trace, FLAGS_universe, FLAGS_requests,
                               &workload) ||
      !cucache::sim::SetSizes(FLAGS_sizes, &workload)) {
    return 64;
  }
  workload.overwrite_percent = FLAGS_overwrite;
  const cucache::replay::Options options = FromFlags();
  cucache::replay::Replayer replayer(options, workload);
  const bool done = replayer.Run();
  if (FLAGS_progress) fprintf(stderr, "\r%50s\r", "");
  if (!done) {
    fprintf(stderr, "cucache-replay: %s\n", replayer.error().c_str());
    return 1;
  }
  Print(replayer.counts());
  if (replayer.counts().wrong != 0) {
    fprintf(stderr, "cucache-replay: values of other keys came back\n");
    return 1;
  }
  return 0;
}
