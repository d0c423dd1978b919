// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the command lines of cucached-dump and cucached-load have in common.

#ifndef CUCACHE_TOOLS_CLI_H_
#define CUCACHE_TOOLS_CLI_H_

#include <cstdint>
#include <string>

#include "tools/server.h"

namespace cucache::tools {

// Exit codes.
inline constexpr int kExitDone = 0;
inline constexpr int kExitUsage = 1;   // as gflags itself does
inline constexpr int kExitServer = 2;  // not there, or it gave up
inline constexpr int kExitFile = 3;    // bad dump, or it cannot be written
inline constexpr int kExitItems = 4;   // the server refused some items

// Parses the options, those for the way to the server included. Returns true if
// the program is to go on; else *code is what it exits with (--help, --version,
// an error that was printed).
bool ParseCommandLine(int argc, char** argv, const char* name,
                      const char* usage, ServerOptions* server, int* code);

// Bytes per second of --rate, in megabytes.
uint64_t BytesPerSecond(double megabytes);

// "123.4 MB in 5.6 s"
std::string Amount(uint64_t bytes, double seconds);

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_CLI_H_
