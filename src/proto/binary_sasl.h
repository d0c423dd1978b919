// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What a binary session keeps while its client says who it is (-S); freed when
// it was let in. See binary_sasl.cc.
//
// Thread safety: as Session.

#ifndef CUCACHE_PROTO_BINARY_SASL_H_
#define CUCACHE_PROTO_BINARY_SASL_H_

#include <memory>
#include <string>

#include "command/sasl.h"
#include "proto/binary.h"

namespace cucache {

struct SaslState {
  explicit SaslState(const BinaryHeader& h) : header(h) {}

  BinaryHeader header;  // of the request whose data is coming
  std::string mechanism;
  std::string data;
  std::unique_ptr<SaslExchange> exchange;  // that waits for a step
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_BINARY_SASL_H_
