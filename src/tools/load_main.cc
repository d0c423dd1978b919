// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// cucached-load: stores a dump in a server. doc/cucached-load.1 describes it.

#include <fcntl.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "tools/cli.h"
#include "tools/load.h"

DEFINE_string(input, "", "read this file instead of standard input");
DEFINE_bool(only_missing, false, "leave items alone that are there already");
DEFINE_bool(keep_cas, false, "give items the CAS ids that they had");
DEFINE_double(rate, 0, "megabytes per second at most; 0: as fast as it goes");
DEFINE_bool(quiet, false, "no summary");

namespace cucache::tools {
namespace {

constexpr char kUsage[] =
    "usage: cucached-load [options] ADDRESS\n"
    "Stores what cucached-dump wrote in the server at ADDRESS: host:port,\n"
    "[v6]:port, host (port 11211), or the path of a unix socket.\n"
    "  --input=FILE      read FILE instead of standard input\n"
    "  --only-missing    leave keys alone that the server has already\n"
    "  --keep-cas        give items the CAS ids that they had\n"
    "  --rate=MB         megabytes per second at most\n"
    "  --quiet           no summary on standard error\n"
    "  --help, --version\n";

int Complain(const std::string& what, int code) {
  std::fprintf(stderr, "cucached-load: %s\n", what.c_str());
  return code;
}

void Report(const LoadCounts& counts, double seconds) {
  const auto part = [](uint64_t n, const char* what) {
    if (n == 0) return;
    std::fprintf(stderr, ", %lu %s", static_cast<unsigned long>(n), what);
  };
  std::fprintf(stderr, "cucached-load: %lu items, %s of values: %lu stored",
               static_cast<unsigned long>(counts.items),
               Amount(counts.value_bytes, seconds).c_str(),
               static_cast<unsigned long>(counts.stored));
  part(counts.kept, "there already");
  part(counts.expired, "expired");
  part(counts.refused, "refused");
  std::fputs("\n", stderr);
}

int Load(int input_fd, Stream& server) {
  const auto start = std::chrono::steady_clock::now();
  FdStream file(input_fd);
  Reader input(file);
  StoreOptions options;
  options.keep_cas = FLAGS_keep_cas;
  options.only_missing = FLAGS_only_missing;
  Loader loader(server, options, BytesPerSecond(FLAGS_rate));
  const Loader::Result result = loader.Run(input);
  const std::chrono::duration<double> spent =
      std::chrono::steady_clock::now() - start;
  if (!FLAGS_quiet) Report(loader.counts(), spent.count());
  switch (result) {
    case Loader::Result::kBadServer:
      return Complain(loader.error(), kExitServer);
    case Loader::Result::kBadInput:
      return Complain(loader.error(), kExitFile);
    case Loader::Result::kDone:
      break;
  }
  if (loader.counts().refused == 0) return kExitDone;
  return Complain(loader.error(), kExitItems);
}

int Main(int argc, char** argv) {
  ServerOptions server;
  int code;
  if (!ParseCommandLine(argc, argv, "cucached-load", kUsage, &server, &code)) {
    return code;
  }
  int input = STDIN_FILENO;
  if (!FLAGS_input.empty()) {
    input = open(FLAGS_input.c_str(), O_RDONLY | O_CLOEXEC);
    if (input < 0) {
      return Complain(FLAGS_input + ": " + std::strerror(errno), kExitFile);
    }
  }
  std::string error;
  const std::unique_ptr<Stream> stream = Connect(server, &error);
  if (stream == nullptr) return Complain(error, kExitServer);
  return Load(input, *stream);
}

}  // namespace
}  // namespace cucache::tools

int main(int argc, char** argv) { return cucache::tools::Main(argc, argv); }
