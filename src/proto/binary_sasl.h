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
#include <string_view>
#include <vector>

#include "command/buffer_account.h"
#include "command/sasl.h"
#include "proto/binary.h"

namespace cucache {

struct SaslState {
  SaslState(const BinaryHeader& h, BufferAccount* account)
      : header(h), charge(account) {}

  std::string_view text() const { return {data.data(), data.size()}; }
  // False: there is no memory for it.
  [[nodiscard]] bool Append(const char* bytes, size_t n);

  BinaryHeader header;  // of the request whose data is coming
  std::string mechanism;
  std::vector<char> data;
  std::unique_ptr<SaslExchange> exchange;  // that waits for a step
  BufferCharge charge;                     // for `data`
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_BINARY_SASL_H_
