// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The requests to callgrind that count the instructions of a row; nothing
// outside of valgrind, and in a build without valgrind's headers.

#ifndef CUCACHE_T_BENCH_MODULES_CALLGRIND_H_
#define CUCACHE_T_BENCH_MODULES_CALLGRIND_H_

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

namespace cucache::bench::callgrind {

// Begins or ends counting, for the calling thread.
inline void Collect() { CALLGRIND_TOGGLE_COLLECT; }
// Writes what was counted under a name, and begins at 0 again.
inline void Dump(const char* name) { CALLGRIND_DUMP_STATS_AT(name); }

}  // namespace cucache::bench::callgrind

#endif  // CUCACHE_T_BENCH_MODULES_CALLGRIND_H_
