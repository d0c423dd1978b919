// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/cli.h"

#include <gflags/gflags.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "base/version.h"

DEFINE_string(auth_file, "", "user:password for a server with -Y");
DEFINE_bool(tls, false, "speak TLS");
DEFINE_string(tls_ca, "", "authorities of the server's certificate");
DEFINE_string(tls_cert, "", "our own certificate");
DEFINE_string(tls_key, "", "its key");
DEFINE_bool(tls_insecure, false, "believe whoever answers");

namespace cucache::tools {
namespace {

constexpr char kServerUsage[] =
    "The way to the server:\n"
    "  --auth-file=FILE  its first line, user:password, is for a server with "
    "-Y\n"
    "  --tls             speak TLS; the server's certificate must name the "
    "host\n"
    "  --tls-ca=FILE     who must have signed it, instead of the system's\n"
    "                    authorities\n"
    "  --tls-cert=FILE   our own certificate, for a server that wants one\n"
    "  --tls-key=FILE    its key, if it is not in the same file\n"
    "  --tls-insecure    believe whoever answers\n";

// nullptr if the options for TLS go together, else what is wrong.
const char* CheckTls(const ServerOptions& server) {
  const TlsOptions& tls = server.tls;
  const bool any =
      tls.insecure || !tls.ca.empty() || !tls.cert.empty() || !tls.key.empty();
  if (any && !tls.wanted) return "the options --tls-... need --tls";
  if (!tls.key.empty() && tls.cert.empty()) return "--tls-key needs --tls-cert";
  if (tls.insecure && !tls.ca.empty()) {
    return "--tls-insecure looks at no authority";
  }
  if (tls.wanted && IsUnixSocket(server.address)) {
    return "a unix socket is never encrypted";
  }
  return nullptr;
}

}  // namespace

bool ParseCommandLine(int argc, char** argv, const char* name,
                      const char* usage, ServerOptions* server, int* code) {
  *code = kExitDone;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "-h" || arg == "--help" || arg == "-help") {
      std::fputs(usage, stdout);
      std::fputs(kServerUsage, stdout);
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
  *server = {argv[1],
             FLAGS_auth_file,
             {FLAGS_tls, FLAGS_tls_ca, FLAGS_tls_cert, FLAGS_tls_key,
              FLAGS_tls_insecure}};
  if (const char* wrong = CheckTls(*server)) {
    std::fprintf(stderr, "%s: %s\n", name, wrong);
    *code = kExitUsage;
    return false;
  }
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
