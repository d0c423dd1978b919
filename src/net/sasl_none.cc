// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/sasl.h"

namespace cucache {

bool HaveSasl() { return false; }

std::unique_ptr<SaslService> NewSaslService(std::string* error) {
  *error = "-S: this server is not built with SASL support";
  return nullptr;
}

}  // namespace cucache
