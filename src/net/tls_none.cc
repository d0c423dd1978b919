// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// TLS for builds without it.

#include "net/tls.h"

namespace cucache {

std::unique_ptr<Tls> MakeTls(const Settings&, std::string* error) {
  *error =
      "this cucached was built without TLS (configure --enable-tls and "
      "OpenSSL add it)";
  return nullptr;
}

std::string TlsPeerName(const Channel&) { return {}; }
std::string TlsFailure(const Channel&) { return {}; }

}  // namespace cucache
