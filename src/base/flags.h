// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// From argv to Settings: the front (argv_front.h), gflags, then the checks.
// Counterpart: the first 700 lines of memcached's main().
//
// Not thread safe: gflags keeps what it read in globals, from which the
// Settings are copied before any thread starts. gflags itself ends the process
// (exit code 1, one line on stderr) on a value that has the wrong type.

#ifndef CUCACHE_BASE_FLAGS_H_
#define CUCACHE_BASE_FLAGS_H_

#include <optional>

#include "base/settings.h"

namespace cucache {

// The settings to run with; or nothing, after printing what was asked for
// (*exit_code 0) or what is wrong (sysexits' numbers as memcached's: 64 usage,
// 1 other).
[[nodiscard]] std::optional<Settings> ParseCommandLine(int argc,
                                                       const char* const* argv,
                                                       int* exit_code);

}  // namespace cucache

#endif  // CUCACHE_BASE_FLAGS_H_
