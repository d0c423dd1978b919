// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What a process has used so far, read from outside through /proc: the CPU
// time of all its threads in ns, its split into user and system time (the
// kernel's own, in clock ticks), context switches, resident memory.

#ifndef CUCACHE_T_BENCH_LOAD_PROCESS_USAGE_H_
#define CUCACHE_T_BENCH_LOAD_PROCESS_USAGE_H_

#include <cstdint>

namespace cucache::load {

struct ProcessUsage {
  uint64_t cpu_ns = 0;
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  uint64_t voluntary_switches = 0;
  uint64_t involuntary_switches = 0;
  uint64_t rss_kb = 0;
};

// All zero when there is no such process. Threads that have ended count in the
// ticks but not in cpu_ns: a server keeps its threads.
[[nodiscard]] ProcessUsage ReadProcessUsage(int pid);

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_PROCESS_USAGE_H_
