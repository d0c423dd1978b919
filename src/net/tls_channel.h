// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The channel of a TLS connection (net/channel.h) by OpenSSL. Nobody but
// tls.cc includes it. (Counterpart: ssl_read() and ssl_sendmsg() of tls.c.)
//
// OpenSSL reads ahead, so that a request costs one recv, and then holds input
// that no event will tell of: Channel::has_more says so.
//
// A record that the socket did not take as a whole must be offered again with
// the same bytes. The channel keeps a copy of them for as long, because what
// Send() is given the next time begins with them (T2 of net/transport.h), but
// may end before they do.
//
// Records that are no data cost the worker time: a client of TLS 1.3 may
// announce new keys as often as it likes, one of 1.2 may wish to negotiate
// again. OpenSSL would go on with them as long as they come. More than
// kMaxChatter of them without data in between are an error, and a call of
// Receive() takes no more data once it has met one.
//
// Thread safety: one thread at a time.

#ifndef CUCACHE_NET_TLS_CHANNEL_H_
#define CUCACHE_NET_TLS_CHANNEL_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>

#include "net/channel.h"
#include "net/tls.h"

namespace cucache {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct BioMethodDeleter {
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};
using BioMethod = std::unique_ptr<BIO_METHOD, BioMethodDeleter>;

struct TlsConn {
  // The longest record.
  static constexpr size_t kMaxRecord = 16 * 1024;
  static constexpr int kMaxChatter = 32;

  std::unique_ptr<SSL, SslDeleter> ssl;
  TlsCounters* counters = nullptr;
  int fd = -1;
  size_t record = kMaxRecord;  // bytes that are encrypted at once
  int send_flags = 0;          // of send()
  int error = 0;               // errno of the last system call that failed
  bool greeted = false;        // the client's first byte was looked at
  bool at_end = false;         // the socket's input ended
  bool broken = false;         // OpenSSL must not be asked any more
  int chatter = 0;             // records since the last data that are none
  std::string retry;           // of a record that is partly sent
  std::string peer;
  std::string failure;  // what TlsFailure() says
};

// Moves OpenSSL's bytes through TlsConn::fd: as OpenSSL's own for sockets, but
// a peer that has gone raises no signal.
BioMethod MakeSocketMethod();
// Puts it behind conn->ssl.
[[nodiscard]] bool AttachSocket(const BioMethod& method, TlsConn* conn);

// After the handshake: from now on the client's records are looked at.
void LimitChatter(TlsConn* conn);

// Why the last call of OpenSSL in this thread failed, and forgets it.
std::string TakeSslError();

extern const ChannelOps kTlsOps;

}  // namespace cucache

#endif  // CUCACHE_NET_TLS_CHANNEL_H_
