// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/tls_channel.h"

#include <glog/logging.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace cucache {
namespace {

TlsConn& ConnOf(const Channel& channel) {
  return *static_cast<TlsConn*>(channel.state);
}

// --- OpenSSL's way to the socket. ---

int SocketRead(BIO* bio, char* to, int size) {
  TlsConn* conn = static_cast<TlsConn*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n;
  do {
    n = recv(conn->fd, to, static_cast<size_t>(size), 0);
  } while (n < 0 && errno == EINTR);
  if (n == 0) conn->at_end = true;
  if (n < 0) conn->error = errno;
  if (n < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

int SocketWrite(BIO* bio, const char* from, int size) {
  TlsConn* conn = static_cast<TlsConn*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t n;
  do {
    n = send(conn->fd, from, static_cast<size_t>(size), conn->send_flags);
  } while (n < 0 && errno == EINTR);
  if (n < 0) conn->error = errno;
  if (n < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

long SocketControl(BIO* bio, int command, long, void*) {  // NOLINT
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command != BIO_CTRL_EOF) return 0;
  return static_cast<TlsConn*>(BIO_get_data(bio))->at_end ? 1 : 0;
}

// --- Records. ---

// OpenSSL shows the head of each record and, in TLS 1.3, the type that was
// encrypted.
void OnRecord(int sent, int, int what, const void* bytes, size_t, SSL* ssl,
              void* arg) {
  if (sent != 0) return;
  if (what != SSL3_RT_HEADER && what != SSL3_RT_INNER_CONTENT_TYPE) return;
  if (*static_cast<const uint8_t*>(bytes) == SSL3_RT_APPLICATION_DATA) return;
  TlsConn* conn = static_cast<TlsConn*>(arg);
  // Ends OpenSSL's loop, as the client's farewell would.
  if (++conn->chatter > TlsConn::kMaxChatter) {
    SSL_set_shutdown(ssl, SSL_RECEIVED_SHUTDOWN);
  }
}

// --- What a call of OpenSSL meant. ---

ssize_t Break(TlsConn* conn, std::string why) {
  conn->error = EPROTO;
  conn->failure = std::move(why);
  conn->counters->protocol_errors.fetch_add(1, std::memory_order_relaxed);
  VLOG(1) << "TLS of fd " << conn->fd << " failed: " << conn->failure;
  conn->broken = true;
  errno = conn->error;
  return -1;
}

// As a system call: 0 at the end, or -1 and errno.
ssize_t Failure(Channel& channel, int result) {
  TlsConn& conn = ConnOf(channel);
  switch (SSL_get_error(conn.ssl.get(), result)) {
    case SSL_ERROR_WANT_WRITE:
      channel.wants_write = true;
      [[fallthrough]];
    case SSL_ERROR_WANT_READ:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      if (conn.chatter <= TlsConn::kMaxChatter) return 0;
      return Break(&conn, "too many records without data");
    case SSL_ERROR_SYSCALL:
      conn.failure = std::strerror(conn.error);
      conn.broken = true;
      errno = conn.error;
      return -1;
    default:
      return Break(&conn, TakeSslError());
  }
}

ssize_t ReadOnce(Channel& channel, char* to, size_t size) {
  TlsConn& conn = ConnOf(channel);
  ERR_clear_error();
  size_t n = 0;
  const int result = SSL_read_ex(conn.ssl.get(), to, size, &n);
  return result > 0 ? static_cast<ssize_t>(n) : Failure(channel, result);
}

ssize_t WriteOnce(Channel& channel, const char* from, size_t size) {
  TlsConn& conn = ConnOf(channel);
  ERR_clear_error();
  size_t n = 0;
  const int result = SSL_write_ex(conn.ssl.get(), from, size, &n);
  if (result > 0) return static_cast<ssize_t>(n);
  const ssize_t failure = Failure(channel, result);
  // Nothing can be sent after the own end of the output.
  if (failure == 0) errno = EPIPE;
  return -1;
}

bool IsBroken(const TlsConn& conn) {
  if (conn.broken) errno = conn.error;
  return conn.broken;
}

// --- The channel. ---

// Fills the spans as far as there is input. How things stand after some bytes
// came is told by the next call, for which has_more asks.
ssize_t TlsReceive(Channel& channel, const iovec* spans, int count) {
  TlsConn& conn = ConnOf(channel);
  channel.has_more = channel.wants_write = false;
  if (IsBroken(conn)) return -1;
  ssize_t got = 0;
  for (int i = 0; i < count; ++i) {
    char* const base = static_cast<char*>(spans[i].iov_base);
    for (size_t at = 0; at < spans[i].iov_len;) {
      const ssize_t n = ReadOnce(channel, base + at, spans[i].iov_len - at);
      if (n <= 0) {
        if (got == 0) return n;
        channel.has_more = n == 0 || errno != EAGAIN;
        return got;
      }
      at += static_cast<size_t>(n);
      got += n;
      // After a short record the socket is probably empty, and if not, there
      // will be an event.
      const bool full = static_cast<size_t>(n) == TlsConn::kMaxRecord;
      const bool pending = SSL_has_pending(conn.ssl.get()) != 0;
      const bool chatter = std::exchange(conn.chatter, 0) != 0;
      channel.has_more = pending;
      if (chatter || (!full && !pending)) return got;
    }
  }
  return got;
}

// What is still to be sent of some spans.
class Remainder {
 public:
  Remainder(const iovec* spans, int count) : span_(spans), end_(spans + count) {
    Skip(0);
  }
  bool empty() const { return span_ == end_; }

  // The next bytes, at most `most`: where they are, or in `copy` when they
  // come from several spans.
  std::string_view Next(size_t most, char* copy) const {
    if (Left(span_) >= most || span_ + 1 == end_) {
      return {At(span_), std::min(Left(span_), most)};
    }
    size_t n = 0;
    for (const iovec* s = span_; s != end_ && n < most; ++s) {
      const size_t part = std::min(Left(s), most - n);
      std::memcpy(copy + n, At(s), part);
      n += part;
    }
    return {copy, n};
  }

  void Skip(size_t n) {
    while (span_ != end_ && n >= Left(span_)) {
      n -= Left(span_);
      ++span_;
      from_ = 0;
    }
    from_ += n;
  }

 private:
  size_t From(const iovec* s) const { return s == span_ ? from_ : 0; }
  size_t Left(const iovec* s) const { return s->iov_len - From(s); }
  const char* At(const iovec* s) const {
    return static_cast<const char*>(s->iov_base) + From(s);
  }

  const iovec* span_;
  const iovec* const end_;
  size_t from_ = 0;  // bytes of *span_ that are gone
};

// Offers the record again that was interrupted.
ssize_t SendRetry(Channel& channel) {
  TlsConn& conn = ConnOf(channel);
  const ssize_t n = WriteOnce(channel, conn.retry.data(), conn.retry.size());
  if (n > 0) std::string().swap(conn.retry);
  return n;
}

ssize_t TlsSend(Channel& channel, const iovec* spans, int count, bool) {
  TlsConn& conn = ConnOf(channel);
  if (IsBroken(conn)) return -1;
  Remainder rest(spans, count);
  ssize_t sent = 0;
  if (!conn.retry.empty()) {
    sent = SendRetry(channel);
    if (sent < 0) return -1;
    rest.Skip(static_cast<size_t>(sent));
  }
  char copy[TlsConn::kMaxRecord];
  while (!rest.empty()) {
    const std::string_view bytes = rest.Next(conn.record, copy);
    const ssize_t n = WriteOnce(channel, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EAGAIN) conn.retry = bytes;
      return sent > 0 ? sent : -1;
    }
    rest.Skip(static_cast<size_t>(n));
    sent += n;
  }
  return sent;
}

void TlsClose(Channel& channel) {
  TlsConn* conn = &ConnOf(channel);
  // Says that this is the end, if it can be said at once. An unfinished record
  // would be cut off by it.
  if (!conn->broken && conn->retry.empty() &&
      SSL_is_init_finished(conn->ssl.get()) != 0) {
    SSL_shutdown(conn->ssl.get());
  }
  ERR_clear_error();
  close(conn->fd);
  delete conn;
  channel.state = nullptr;
  channel.fd = -1;
}

}  // namespace

const ChannelOps kTlsOps = {TlsReceive, TlsSend, TlsClose};

BioMethod MakeSocketMethod() {
  const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
  BioMethod method(BIO_meth_new(type, "cucache socket"));
  CHECK(method != nullptr);
  BIO_meth_set_read(method.get(), SocketRead);
  BIO_meth_set_write(method.get(), SocketWrite);
  BIO_meth_set_ctrl(method.get(), SocketControl);
  return method;
}

bool AttachSocket(const BioMethod& method, TlsConn* conn) {
  BIO* bio = BIO_new(method.get());
  if (bio == nullptr) return false;
  BIO_set_data(bio, conn);
  BIO_set_init(bio, 1);
  SSL_set_bio(conn->ssl.get(), bio, bio);
  return true;
}

void LimitChatter(TlsConn* conn) {
  SSL_set_msg_callback(conn->ssl.get(), OnRecord);
  SSL_set_msg_callback_arg(conn->ssl.get(), conn);
}

std::string TakeSslError() {
  char text[256] = "no reason given";
  const unsigned long code = ERR_peek_last_error();  // NOLINT: OpenSSL's type
  if (code != 0) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return text;
}

std::string TlsPeerName(const Channel& channel) {
  return channel.ops == &kTlsOps ? ConnOf(channel).peer : std::string();
}

std::string TlsFailure(const Channel& channel) {
  return channel.ops == &kTlsOps ? ConnOf(channel).failure : std::string();
}

}  // namespace cucache
