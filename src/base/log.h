// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Logging, through glog, to stderr and to no file. Counterpart: the uses of
// settings.verbose and fprintf(stderr) in memcached.
//
// Levels: 0 (no -v) warnings and errors; 1 (-v) also LOG(INFO) and VLOG(1):
// life of the process, what failed; 2 (-vv) VLOG(2): connections. Commands,
// replies, keys and values are not logged at any level (`watch` shows
// them). --vmodule=conn=2 sets the level of single source files.
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
