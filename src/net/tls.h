// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// TLS: what accepted sockets become when they arrive at an encrypted port.
// (Counterpart: tls.c.)
//
// Open() puts a Channel on a socket; Handshake() is called whenever the socket
// is ready until it is done (net/handshaker.h does that, in a thread of its
// own: a private key's signature takes up to a millisecond, and the clients of
// a worker would wait for it). From then on the channel belongs to a
// connection and moves its bytes.
//
// Certificates and keys are read into a context that does not change any more.
// Reload() reads them into a new one and replaces it only if all of that
// worked. Connections keep the context with which they began.
//
// A session can be resumed at ports with the same demand for client
// certificates only: otherwise one from a port that asks for none would open
// those that do.
//
// Two implementations, of which configure chooses one: tls.cc and
// tls_channel.cc with OpenSSL, or tls_none.cc.
//
// Thread safety: Reload and the counters by any thread; Open by any thread; a
// channel by one thread at a time.
// Ownership: channels must be closed before their Tls goes.

#ifndef CUCACHE_NET_TLS_H_
#define CUCACHE_NET_TLS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/settings.h"
#include "net/channel.h"

namespace cucache {

// Counted where it happens, by whichever thread it is; none of it is frequent.
struct TlsCounters {
  std::atomic<uint64_t> new_sessions{0};
  std::atomic<uint64_t> handshake_errors{0};
  std::atomic<uint64_t> protocol_errors{0};  // after the handshake
};

enum class TlsStep : uint8_t {
  kDone,
  kWantRead,
  kWantWrite,
  kFailed,  // nothing is left but to close the channel
};

class Tls {
 public:
  virtual ~Tls() = default;

  // Reads certificates and keys again; what was there stays if that fails.
  [[nodiscard]] virtual bool Reload(std::string* error) = 0;
  // A server's end of TLS on `fd`, which the channel owns if this succeeds.
  [[nodiscard]] virtual bool Open(int fd, TlsMode mode, Channel* channel) = 0;
  virtual TlsStep Handshake(Channel& channel) = 0;

  const TlsCounters& counters() const { return counters_; }

 protected:
  TlsCounters counters_;
};

// By the ssl_* settings; nullptr and an error if they do not work.
std::unique_ptr<Tls> MakeTls(const Settings& settings, std::string* error);

// The common name in the verified certificate of the client at the other end,
// with ? for what cannot be printed; empty if there is none. It does not
// change while the channel is open.
std::string TlsPeerName(const Channel& channel);

// What broke this channel, in words; empty if nothing did.
std::string TlsFailure(const Channel& channel);

}  // namespace cucache

#endif  // CUCACHE_NET_TLS_H_
