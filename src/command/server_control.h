// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What commands need from above the cache: figures about connections and
// threads, and the few things that only the server can do. The server (or a
// test) implements it; it keeps includes pointing downwards.
//
// Thread safety: called by any worker at any time.

#ifndef CUCACHE_COMMAND_SERVER_CONTROL_H_
#define CUCACHE_COMMAND_SERVER_CONTROL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/stats.h"
#include "command/command_state.h"

namespace cucache {

using StatSink =
    std::function<void(std::string_view name, std::string_view value)>;

class Authenticator;  // command/authenticator.h
class SaslService;    // command/sasl.h

class ServerControl {
 public:
  struct ConnectionFigures {
    uint64_t max = 0, current = 0, total = 0, rejected = 0, structures = 0;
    uint64_t reserved_fds = 0, listen_disabled = 0, listen_disabled_us = 0;
    bool accepting = true;
    uint64_t unexpected_napi_ids = 0, round_robin_fallback = 0;
    uint64_t read_buffers = 0, read_buffer_bytes = 0,
             read_buffer_bytes_free = 0;
    uint64_t response_objects = 0, response_bytes = 0;
    uint64_t tls_new_sessions = 0, tls_handshake_errors = 0,
             tls_protocol_errors = 0;
    uint64_t seconds_since_certificates = 0;
    // Name and version of what waits for events (`libevent` in `stats`).
    std::string event_library = "unknown";
  };

  virtual ~ServerControl() = default;

  virtual ConnectionFigures connection_figures() = 0;
  // Sums the counters of all threads.
  virtual void SumStats(StatsSum* sum) = 0;
  // Rows of `stats conns`: "<fd>:<field>", value.
  virtual void ConnectionRows(const StatSink& sink) = 0;
  virtual void SetVerbosity(int level) = 0;
  // Leaves the main loop. graceful: as SIGUSR1.
  virtual void Shutdown(bool graceful) = 0;

  // Reads TLS certificates and keys again; false and why if they stay.
  virtual bool RefreshCertificates(std::string* error) {
    *error = "Error TLS not enabled";
    return false;
  }

  // What a session asks before it lets its client in; nullptr: anyone may
  // come (no -Y). The same for the whole life of the server.
  virtual Authenticator* authenticator() { return nullptr; }
  // The same of the binary protocol (no -S).
  virtual SaslService* sasl() { return nullptr; }

  // What the commands of all workers share; theirs alone.
  CommandState& command_state() { return command_state_; }

 private:
  CommandState command_state_;
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_SERVER_CONTROL_H_
