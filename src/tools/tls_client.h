// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A client's end of TLS. Two implementations, of which configure chooses one:
// tls_client.cc with OpenSSL, or tls_client_none.cc, which refuses.
//
// Unless told otherwise the server must have a certificate that an authority
// vouches for and that names the host, or the address, we connected to.
//
// Thread safety: as Stream.

#ifndef CUCACHE_TOOLS_TLS_CLIENT_H_
#define CUCACHE_TOOLS_TLS_CLIENT_H_

#include <memory>
#include <string>

#include "tools/stream.h"

namespace cucache::tools {

struct TlsOptions {
  bool wanted = false;
  std::string ca;         // file of authorities; empty: the system's
  std::string cert, key;  // our own; without a key it is in the same file
  bool insecure = false;  // whoever answers is believed
};

// Takes the connected socket, also when it fails: nullptr and an error.
std::unique_ptr<Stream> StartTls(int fd, const std::string& host,
                                 const TlsOptions& options, std::string* error);

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_TLS_CLIENT_H_
