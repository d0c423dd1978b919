// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/tls.h"

#include <glog/logging.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/locks.h"
#include "net/tls_channel.h"

namespace cucache {
namespace {

struct ContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, ContextDeleter>;

// The first byte of every TLS connection: a record of the handshake.
constexpr char kHandshakeRecord = 0x16;
constexpr std::string_view kPlainRefusal =
    "CLIENT_ERROR this port speaks TLS only\r\n";

bool Fail(const std::string& what, std::string* error) {
  *error = what + ": " + TakeSslError();
  return false;
}

// A key with a passphrase must not make the server ask its terminal.
int NoPassphrase(char*, int, int, void*) { return 0; }

int OnNewSession(SSL* ssl, SSL_SESSION*) {
  auto* counters =
      static_cast<TlsCounters*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  counters->new_sessions.fetch_add(1, std::memory_order_relaxed);
  return 0;  // OpenSSL's own cache keeps it
}

// --- A context from the settings. ---

bool LoadCertificates(const Settings& s, SSL_CTX* context, std::string* error) {
  // A chain file may hold the key as well.
  const std::string& key = s.ssl_key.empty() ? s.ssl_chain_cert : s.ssl_key;
  if (SSL_CTX_use_certificate_chain_file(context, s.ssl_chain_cert.c_str()) !=
      1) {
    return Fail("Error loading the certificate chain: " + s.ssl_chain_cert,
                error);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), s.ssl_keyformat) != 1) {
    return Fail("Error loading the key: " + key, error);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return Fail("Error validating the certificate", error);
  }
  return true;
}

bool LoadAuthorities(const Settings& s, SSL_CTX* context, std::string* error) {
  if (s.ssl_ca_cert.empty()) return true;
  const char* file = s.ssl_ca_cert.c_str();
  STACK_OF(X509_NAME)* names = nullptr;
  if (SSL_CTX_load_verify_locations(context, file, nullptr) != 1 ||
      (names = SSL_load_client_CA_file(file)) == nullptr) {
    return Fail("Error loading the CA certificate: " + s.ssl_ca_cert, error);
  }
  SSL_CTX_set_client_CA_list(context, names);
  return true;
}

bool SetCiphers(const Settings& s, SSL_CTX* context, std::string* error) {
  if (s.ssl_ciphers.empty()) return true;
  if (SSL_CTX_set_cipher_list(context, s.ssl_ciphers.c_str()) == 1) return true;
  return Fail("Error setting the ciphers: " + s.ssl_ciphers, error);
}

void SetBehaviour(const Settings& s, SSL_CTX* context, TlsCounters* counters) {
  SSL_CTX_set_default_passwd_cb(context, NoPassphrase);
  SSL_CTX_set_verify(context, s.ssl_verify_mode, nullptr);
  // Clients that just close their socket are usual, and a reply that is cut
  // off shows by its length.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_app_data(context, counters);
  SSL_CTX_set_session_cache_mode(context, s.ssl_session_cache
                                              ? SSL_SESS_CACHE_SERVER
                                              : SSL_SESS_CACHE_OFF);
  if (s.ssl_session_cache) SSL_CTX_sess_set_new_cb(context, OnNewSession);
}

Context MakeContext(const Settings& s, TlsCounters* counters,
                    std::string* error) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) {
    Fail("cannot make a TLS context", error);
    return nullptr;
  }
  SetBehaviour(s, context.get(), counters);
  if (SSL_CTX_set_min_proto_version(context.get(), s.ssl_min_version) != 1) {
    Fail("Error setting the minimum version", error);
    return nullptr;
  }
  if (!LoadCertificates(s, context.get(), error) ||
      !LoadAuthorities(s, context.get(), error) ||
      !SetCiphers(s, context.get(), error)) {
    return nullptr;
  }
  return context;
}

// --- The client's name. ---

std::string CommonName(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* text =
      X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                   static_cast<size_t>(ASN1_STRING_length(text)));
  // It goes into lines of statistics.
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; },
      '?');
  return name;
}

std::string VerifiedName(SSL* ssl) {
  if ((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0) return {};
  X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return {};
  return SSL_get_verify_result(ssl) == X509_V_OK ? CommonName(certificate)
                                                 : std::string();
}

// --- The server. ---

class OpenSslTls final : public Tls {
 public:
  explicit OpenSslTls(const Settings& settings) : settings_(settings) {}

  bool Reload(std::string* error) override {
    Context fresh = MakeContext(settings_, &counters_, error);
    if (fresh == nullptr) return false;
    MutexLock lock(mu_);
    context_.swap(fresh);
    return true;
  }

  bool Open(int fd, TlsMode mode, Channel* channel) override;
  TlsStep Handshake(Channel& channel) override;

 private:
  int VerifyMode(TlsMode mode) const;
  TlsStep Refuse(TlsConn* conn, std::string why);
  TlsStep Greet(TlsConn* conn);

  const Settings& settings_;
  const BioMethod socket_method_ = MakeSocketMethod();
  Mutex mu_;  // a leaf
  Context context_ GUARDED_BY(mu_);
};

int OpenSslTls::VerifyMode(TlsMode mode) const {
  switch (mode) {
    case TlsMode::kNoPeer:
      return SSL_VERIFY_NONE;
    case TlsMode::kPeer:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    case TlsMode::kDefault:
    case TlsMode::kOff:
      break;
  }
  return settings_.ssl_verify_mode;
}

bool OpenSslTls::Open(int fd, TlsMode mode, Channel* channel) {
  auto conn = std::make_unique<TlsConn>();
  {
    MutexLock lock(mu_);
    // It holds on to the context.
    conn->ssl.reset(SSL_new(context_.get()));
  }
  if (conn->ssl == nullptr) return false;
  conn->counters = &counters_;
  conn->fd = fd;
  conn->record = std::min<size_t>(settings_.ssl_wbuf_size, TlsConn::kMaxRecord);
  conn->send_flags = MSG_NOSIGNAL;
  if (SendsInPieces(settings_.socket_buffer)) {
    conn->record = std::min(conn->record, kPieceSize);
    conn->send_flags |= MSG_EOR;
  }
  SSL* ssl = conn->ssl.get();
  const int verify = VerifyMode(mode);
  SSL_set_verify(ssl, verify, nullptr);
  const std::string session_context = "cucache " + std::to_string(verify);
  SSL_set_session_id_context(
      ssl, reinterpret_cast<const unsigned char*>(session_context.data()),
      static_cast<unsigned>(session_context.size()));
  SSL_set_accept_state(ssl);
  if (!AttachSocket(socket_method_, conn.get())) return false;
  *channel = {&kTlsOps, conn.release(), fd};
  return true;
}

TlsStep OpenSslTls::Refuse(TlsConn* conn, std::string why) {
  conn->broken = true;
  conn->failure = std::move(why);
  VLOG(1) << "handshake of fd " << conn->fd << " failed: " << conn->failure;
  counters_.handshake_errors.fetch_add(1, std::memory_order_relaxed);
  return TlsStep::kFailed;
}

// A client that does not speak TLS gets a line that it can read.
TlsStep OpenSslTls::Greet(TlsConn* conn) {
  char first = 0;
  const ssize_t n = recv(conn->fd, &first, 1, MSG_PEEK);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return TlsStep::kWantRead;
  conn->greeted = true;
  if (n == 1 && first == kHandshakeRecord) return TlsStep::kDone;
  conn->broken = true;
  // A client that only looks whether somebody listens is no error.
  if (n == 0) return TlsStep::kFailed;
  if (n == 1) {
    // Unread input would make the close discard what is sent.
    char input[TlsConn::kMaxRecord];
    (void)!recv(conn->fd, input, sizeof(input), 0);
    (void)!send(conn->fd, kPlainRefusal.data(), kPlainRefusal.size(),
                MSG_NOSIGNAL);
  }
  return Refuse(conn, "the client does not speak TLS");
}

TlsStep OpenSslTls::Handshake(Channel& channel) {
  TlsConn* conn = static_cast<TlsConn*>(channel.state);
  if (!conn->greeted) {
    const TlsStep step = Greet(conn);
    if (step != TlsStep::kDone) return step;
  }
  SSL* ssl = conn->ssl.get();
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl);
  if (result == 1) {
    conn->peer = VerifiedName(ssl);
    LimitChatter(conn);
    channel.has_more = SSL_has_pending(ssl) != 0;
    VLOG(2) << "<" << conn->fd << " " << SSL_get_version(ssl)
            << (SSL_session_reused(ssl) != 0 ? " resumed" : "")
            << (conn->peer.empty() ? "" : " by ") << conn->peer;
    return TlsStep::kDone;
  }
  const int reason = SSL_get_error(ssl, result);
  if (reason == SSL_ERROR_WANT_READ) return TlsStep::kWantRead;
  if (reason == SSL_ERROR_WANT_WRITE) return TlsStep::kWantWrite;
  const bool system = reason == SSL_ERROR_SYSCALL && conn->error != 0;
  return Refuse(conn, system ? std::strerror(conn->error) : TakeSslError());
}

}  // namespace

std::unique_ptr<Tls> MakeTls(const Settings& settings, std::string* error) {
  auto tls = std::make_unique<OpenSslTls>(settings);
  if (!tls->Reload(error)) return nullptr;
  return tls;
}

}  // namespace cucache
