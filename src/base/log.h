// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Logging, through glog, to stderr and to no file. Counterpart: the uses of
// settings.verbose and fprintf(stderr) in memcached.
//
// Levels: 0 (no -v) warnings and errors; 1 (-v) also LOG(INFO) and VLOG(1):
// connections and life of the process; 2 (-vv) VLOG(2): commands and replies;
// 3 (-vvv) VLOG(3): states. Keys and values are logged at VLOG(3) or not at
// all. --vmodule=conn=3 sets the level of single source files.
// Both setters may be called from any thread at any time.

#ifndef CUCACHE_BASE_LOG_H_
#define CUCACHE_BASE_LOG_H_

namespace cucache {

// Once, early in main; also prints a stack trace if the process crashes.
void InitLogging(const char* argv0, int verbose);

// -v, and the command `verbosity`.
void SetVerbosity(int level);

// The level of the source files that match `pattern` (as in --vmodule).
void SetModuleVerbosity(const char* pattern, int level);

}  // namespace cucache

#endif  // CUCACHE_BASE_LOG_H_
