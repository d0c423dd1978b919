// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/sasl.h"

namespace cucache {

std::unique_ptr<SaslService> NewSaslService(std::string* error) {
  *error = "not built with SASL support";  // -S was refused before
  return nullptr;
}

}  // namespace cucache
