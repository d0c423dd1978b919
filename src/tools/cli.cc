// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/cli.h"

#include <gflags/gflags.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "base/version.h"

namespace cucache::tools {

bool ParseCommandLine(int argc, char** argv, const char* name,
                      const char* usage, std::string* address, int* code) {
  *code = kExitDone;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "-h" || arg == "--help" || arg == "-help") {
      std::fputs(usage, stdout);
      return false;
    }
    if (arg == "-V" || arg == "--version" || arg == "-version") {
      std::printf("%s %s\n", name, kFullVersion);
      return false;
    }
  }
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  if (argc != 2 || *argv[1] == 0) {
    std::fprintf(stderr, "%s: one address is needed; see --help\n", name);
    *code = kExitUsage;
    return false;
  }
  *address = argv[1];
  // A broken pipe is an error of write().
  std::signal(SIGPIPE, SIG_IGN);
  return true;
}

uint64_t BytesPerSecond(double megabytes) {
  return megabytes <= 0 ? 0 : static_cast<uint64_t>(megabytes * 1e6) + 1;
}

std::string Amount(uint64_t bytes, double seconds) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.1f MB in %.1f s",
                static_cast<double>(bytes) / 1e6, seconds);
  return text;
}

}  // namespace cucache::tools
