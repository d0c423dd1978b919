// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// cucached-dump: writes what a server holds. doc/cucached-dump.1 describes it.

#include <fcntl.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "tools/cli.h"
#include "tools/dump.h"

DEFINE_string(output, "", "write this file instead of standard output");
DEFINE_double(rate, 0, "megabytes per second at most; 0: as fast as it goes");
DEFINE_bool(quiet, false, "no summary");

namespace cucache::tools {
namespace {

constexpr char kUsage[] =
    "usage: cucached-dump [options] ADDRESS\n"
    "Writes what the server at ADDRESS holds, for cucached-load. ADDRESS is\n"
    "host:port, [v6]:port, host (port 11211), or the path of a unix socket.\n"
    "  --output=FILE     write FILE (with rights for its owner only) instead "
    "of\n"
    "                    standard output; it is there when it is complete\n"
    "  --rate=MB         megabytes per second at most\n"
    "  --quiet           no summary on standard error\n"
    "  --help, --version\n";

int Complain(const std::string& what, int code) {
  std::fprintf(stderr, "cucached-dump: %s\n", what.c_str());
  return code;
}

std::string SystemError(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

void Report(const DumpCounts& counts, double seconds) {
  std::fprintf(stderr, "cucached-dump: %lu items, %s of values",
               static_cast<unsigned long>(counts.items),
               Amount(counts.value_bytes, seconds).c_str());
  if (counts.vanished > 0) {
    std::fprintf(stderr, "; %lu keys were gone when they were asked for",
                 static_cast<unsigned long>(counts.vanished));
  }
  if (counts.unreadable > 0) {
    std::fprintf(stderr, "; %lu keys that the server cannot write down",
                 static_cast<unsigned long>(counts.unreadable));
  }
  std::fputs("\n", stderr);
}

int DumpTo(int fd, const ServerOptions& server) {
  const auto start = std::chrono::steady_clock::now();
  FdStream file(fd);
  Writer out(file, BytesPerSecond(FLAGS_rate));
  Dumper dumper(server, &out);
  const bool done = dumper.Run();
  if (!done) {
    return Complain(dumper.error(),
                    out.error().empty() ? kExitServer : kExitFile);
  }
  const std::chrono::duration<double> spent =
      std::chrono::steady_clock::now() - start;
  if (!FLAGS_quiet) Report(dumper.counts(), spent.count());
  return dumper.counts().unreadable == 0 ? kExitDone : kExitItems;
}

// Under another name until it is whole, so that half a dump is not taken for
// one.
int DumpToFile(const ServerOptions& server) {
  const std::string part = FLAGS_output + ".part";
  const int fd =
      open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Complain(SystemError(part), kExitFile);
  int code = DumpTo(fd, server);
  const bool synced = fsync(fd) == 0;
  const bool closed = close(fd) == 0;
  if (code != kExitDone && code != kExitItems) {
    unlink(part.c_str());
    return code;
  }
  if (!synced || !closed || rename(part.c_str(), FLAGS_output.c_str()) != 0) {
    code = Complain(SystemError(FLAGS_output), kExitFile);
  }
  return code;
}

int Main(int argc, char** argv) {
  ServerOptions server;
  int code;
  if (!ParseCommandLine(argc, argv, "cucached-dump", kUsage, &server, &code)) {
    return code;
  }
  return FLAGS_output.empty() ? DumpTo(STDOUT_FILENO, server)
                              : DumpToFile(server);
}

}  // namespace
}  // namespace cucache::tools

int main(int argc, char** argv) { return cucache::tools::Main(argc, argv); }
