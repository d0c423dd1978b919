// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Who may speak the binary protocol when -S is given: what a session asks, and
// a SASL library answers. The server owns the service, and hands it out by
// ServerControl::sasl(). (Counterpart: the calls of sasl_* in proto_bin.c.)
//
// Thread safety: a service by any worker at any time; an exchange by the
// worker of its connection. A service outlives its exchanges.

#ifndef CUCACHE_COMMAND_SASL_H_
#define CUCACHE_COMMAND_SASL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cucache {

// One attempt of one client.
class SaslExchange {
 public:
  enum class Outcome : uint8_t {
    kDone,      // it is who it says
    kContinue,  // `reply` is a challenge, Step() the next call
    kFailed,
  };
  virtual ~SaslExchange() = default;
  virtual Outcome Start(const std::string& mechanism, std::string_view data,
                        std::string* reply) = 0;
  // Only after kContinue.
  virtual Outcome Step(std::string_view data, std::string* reply) = 0;
};

class SaslService {
 public:
  virtual ~SaslService() = default;
  // Names with a space between them; false when the library has no answer.
  [[nodiscard]] virtual bool ListMechanisms(std::string* names) = 0;
  // nullptr when the library refuses.
  virtual std::unique_ptr<SaslExchange> NewExchange() = 0;
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_SASL_H_
