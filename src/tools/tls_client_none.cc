// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include <unistd.h>

#include "tools/tls_client.h"

namespace cucache::tools {

std::unique_ptr<Stream> StartTls(int fd, const std::string&, const TlsOptions&,
                                 std::string* error) {
  close(fd);
  *error = "this build has no TLS";
  return nullptr;
}

}  // namespace cucache::tools
