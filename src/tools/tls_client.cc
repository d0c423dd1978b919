// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace cucache::tools {
namespace {

// Somebody without TLS may never answer.
constexpr time_t kHandshakeSeconds = 10;

struct Deleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Context = std::unique_ptr<SSL_CTX, Deleter>;
using Ssl = std::unique_ptr<SSL, Deleter>;

std::string SslError() {
  const unsigned long code = ERR_peek_last_error();  // NOLINT: OpenSSL's type
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason given";
}

// Before the call that may fail: errno = 0.
std::string CallError(SSL* ssl, int result) {
  const int saved = errno;
  if (SSL_get_error(ssl, result) != SSL_ERROR_SYSCALL) return SslError();
  return saved != 0 ? std::strerror(saved) : "the connection was cut off";
}

class TlsStream final : public Stream {
 public:
  // They become its own.
  TlsStream(int fd, Ssl ssl) : fd_(fd), ssl_(std::move(ssl)) {}
  ~TlsStream() override {
    SSL_shutdown(ssl_.get());
    close(fd_);
  }

  ssize_t Read(char* to, size_t size, std::string* error) override {
    const int wanted = static_cast<int>(std::min<size_t>(size, INT_MAX));
    errno = 0;
    const int n = SSL_read(ssl_.get(), to, wanted);
    if (n > 0) return n;
    if (SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN) return 0;
    *error = CallError(ssl_.get(), n);
    return -1;
  }

  ssize_t Write(const char* from, size_t size, std::string* error) override {
    const int wanted = static_cast<int>(std::min<size_t>(size, INT_MAX));
    errno = 0;
    const int n = SSL_write(ssl_.get(), from, wanted);
    if (n > 0) return n;
    *error = CallError(ssl_.get(), n);
    return -1;
  }

 private:
  const int fd_;
  const Ssl ssl_;
};

bool LoadOwn(SSL_CTX* context, const TlsOptions& options, std::string* error) {
  if (options.cert.empty()) return true;
  const std::string& key = options.key.empty() ? options.cert : options.key;
  if (SSL_CTX_use_certificate_chain_file(context, options.cert.c_str()) != 1) {
    *error = options.cert + ": " + SslError();
    return false;
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) !=
      1) {
    *error = key + ": " + SslError();
    return false;
  }
  return true;
}

bool LoadAuthorities(SSL_CTX* context, const TlsOptions& options,
                     std::string* error) {
  if (options.insecure) return true;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const bool loaded = options.ca.empty()
                          ? SSL_CTX_set_default_verify_paths(context) == 1
                          : SSL_CTX_load_verify_locations(
                                context, options.ca.c_str(), nullptr) == 1;
  if (loaded) return true;
  *error = (options.ca.empty() ? "the system's authorities" : options.ca) +
           ": " + SslError();
  return false;
}

Context MakeContext(const TlsOptions& options, std::string* error) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) {
    *error = SslError();
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A dump says itself where it ends.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (!LoadOwn(context.get(), options, error) ||
      !LoadAuthorities(context.get(), options, error)) {
    return nullptr;
  }
  return context;
}

bool IsAddress(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// Whom the certificate must name; an address is not said to the server.
bool SetHost(SSL* ssl, const std::string& host) {
  if (IsAddress(host)) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) ==
           1;
  }
  return SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 &&
         SSL_set1_host(ssl, host.c_str()) == 1;
}

void LimitWaits(int fd, time_t seconds) {
  const timeval limit = {seconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

std::string HandshakeError(SSL* ssl, int result) {
  const int saved = errno;
  const long verdict = SSL_get_verify_result(ssl);  // NOLINT: OpenSSL's type
  if (verdict != X509_V_OK) {
    return std::string("its certificate: ") +
           X509_verify_cert_error_string(verdict);
  }
  const bool other =
      ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_WRONG_VERSION_NUMBER;
  if (saved == EAGAIN || other) {
    return "no answer to the handshake; does it speak TLS?";
  }
  errno = saved;
  return CallError(ssl, result);
}

bool Handshake(SSL* ssl, int fd, std::string* error) {
  LimitWaits(fd, kHandshakeSeconds);
  errno = 0;
  const int result = SSL_connect(ssl);
  if (result != 1) {
    *error = "TLS: " + HandshakeError(ssl, result);
    return false;
  }
  LimitWaits(fd, 0);
  return true;
}

}  // namespace

std::unique_ptr<Stream> StartTls(int fd, const std::string& host,
                                 const TlsOptions& options,
                                 std::string* error) {
  Ssl ssl;
  const Context context = MakeContext(options, error);
  if (context != nullptr) ssl.reset(SSL_new(context.get()));
  if (ssl != nullptr && SSL_set_fd(ssl.get(), fd) == 1 &&
      (SetHost(ssl.get(), host) || options.insecure) &&
      Handshake(ssl.get(), fd, error)) {
    return std::make_unique<TlsStream>(fd, std::move(ssl));
  }
  if (error->empty()) *error = "TLS: " + SslError();
  close(fd);
  return nullptr;
}

}  // namespace cucache::tools
