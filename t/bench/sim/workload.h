// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the simulator replays: a sequence of look-aside reads, with sizes,
// overwrites, deletes and TTLs added to it in a reproducible way. Keys are
// dense ids, so that policies keep their state in plain arrays. Time is the
// number of the request. Single-threaded.

#ifndef CUCACHE_BENCH_SIM_WORKLOAD_H_
#define CUCACHE_BENCH_SIM_WORKLOAD_H_

#include <cstdint>
#include <string>
#include <vector>

namespace cucache::sim {

// A 64-bit mixer (splitmix64's finaliser): the source of every "random" fact
// that depends on a key or on a request's number.
inline uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

enum class SizeModel : uint8_t { kUnit, kFixed, kByKey, kVary, kDrift, kTrace };

struct Workload {
  std::vector<uint32_t> keys;  // one read per entry
  uint32_t unique = 0;         // keys are below this
  // Per request, empty if the trace does not say: bytes of the value, seconds
  // to live.
  std::vector<uint32_t> trace_size;
  std::vector<uint32_t> trace_ttl;

  SizeModel model = SizeModel::kUnit;
  uint32_t fixed_size = 200;
  std::vector<uint32_t> value_size;  // per key, for kByKey and kVary

  uint32_t overwrite_percent = 0;  // of the hits, followed by a set
  uint32_t delete_percent = 0;     // of the requests: a delete, not a read
  uint32_t ttl = 0;  // 0, or the mean TTL in requests (each key 0.5..1.5 x)

  // Bytes of the value that a set at request `t` stores.
  [[nodiscard]] uint32_t ValueSize(uint32_t key, uint64_t t) const;
  [[nodiscard]] uint64_t Ttl(uint32_t key) const {
    return ttl == 0 ? UINT64_MAX / 2 : ttl / 2 + Mix(key ^ 0x77) % ttl;
  }
  // In seconds, of a set at request `t`; 0: the trace names none.
  [[nodiscard]] uint32_t TraceTtl(uint64_t t) const {
    return trace_ttl.empty() ? 0 : trace_ttl[t];
  }
  // Is a hit at request `t` followed by a set?
  [[nodiscard]] bool Overwrites(uint64_t t) const {
    return 9999 - Dice(t) < overwrite_percent * 100;
  }
  // Uniform in 0 .. 9999, for each request another.
  [[nodiscard]] static uint32_t Dice(uint64_t t) {
    return static_cast<uint32_t>(Mix(t ^ (9ull << 58)) % 10000);
  }
};

// Loads or makes the trace called `name`: a path (.xz or plain; a line is a
// decimal key and, if the trace has them, the bytes of its value and its TTL in
// seconds), zipf:S, churn:S, scan:S or loop:S, where S is the exponent.
// Returns false, and says why on stderr, when it cannot.
[[nodiscard]] bool MakeTrace(const std::string& name, uint32_t universe,
                             uint64_t requests, Workload* out);

// Parses unit, fixed:N, lognormal (by key), vary (by key and set), drift or
// trace (what the file says).
[[nodiscard]] bool SetSizes(const std::string& name, Workload* out);

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_WORKLOAD_H_
