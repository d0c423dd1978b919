// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The way to a server.
//
// Thread safety: one thread.

#ifndef CUCACHE_TOOLS_SERVER_H_
#define CUCACHE_TOOLS_SERVER_H_

#include <memory>
#include <string>

#include "tools/stream.h"
#include "tools/tls_client.h"

namespace cucache::tools {

struct ServerOptions {
  // "host:port", "[v6]:port", "host" (port 11211), "/path" or "unix:/path" of
  // a unix socket.
  std::string address;
  // Its first line, user:password, is for a server with -Y; empty: none.
  std::string auth_file;
  TlsOptions tls;
};

bool IsUnixSocket(const std::string& address);

// Connects and says who we are; nullptr and an error on failure.
[[nodiscard]] std::unique_ptr<Stream> Connect(const ServerOptions& server,
                                              std::string* error);

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_SERVER_H_
