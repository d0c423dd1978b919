// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/server.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "tools/wire.h"

namespace cucache::tools {
namespace {

int Failed(const std::string& what, int fd, std::string* error) {
  *error = what + ": " + std::strerror(errno);
  if (fd >= 0) close(fd);
  return -1;
}

int ConnectUnix(const std::string& path, std::string* error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    *error = path + ": too long for a socket";
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failed("socket", fd, error);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (connect(fd, generic, sizeof(address)) != 0) {
    return Failed(path, fd, error);
  }
  return fd;
}

void SplitAddress(const std::string& address, std::string* host,
                  std::string* port) {
  *host = address;
  *port = "11211";
  const size_t colon = address.rfind(':');
  const bool bracket = address.starts_with('[');
  const size_t close = bracket ? address.find(']') : std::string::npos;
  if (colon != std::string::npos &&
      (bracket ? colon == close + 1 : address.find(':') == colon)) {
    *host = address.substr(0, colon);
    *port = address.substr(colon + 1);
  }
  if (bracket && close != std::string::npos)
    *host = address.substr(1, close - 1);
}

int ConnectTcp(const std::string& address, const std::string& host,
               const std::string& port, std::string* error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (code != 0) {
    *error = address + ": " + gai_strerror(code);
    return -1;
  }
  int fd = -1;
  for (const addrinfo* at = found; at != nullptr && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0) break;
    fd = Failed(address, fd, error);
  }
  freeaddrinfo(found);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

constexpr std::string_view kUnix = "unix:";

std::unique_ptr<Stream> Own(int fd) {
  if (fd < 0) return nullptr;
  return std::make_unique<FdStream>(fd, FdStream::Owner::kStream);
}

std::unique_ptr<Stream> Open(const ServerOptions& server, std::string* error) {
  const std::string& address = server.address;
  if (address.starts_with(kUnix)) {
    return Own(ConnectUnix(address.substr(kUnix.size()), error));
  }
  if (IsUnixSocket(address)) return Own(ConnectUnix(address, error));
  std::string host, port;
  SplitAddress(address, &host, &port);
  const int fd = ConnectTcp(address, host, port, error);
  if (fd < 0 || !server.tls.wanted) return Own(fd);
  return StartTls(fd, host, server.tls, error);
}

// As a server with -Y wants it.
bool Authenticate(Stream& server, const std::string& file, std::string* error) {
  if (file.empty()) return true;
  std::ifstream in(file);
  std::string token;
  const bool read = static_cast<bool>(std::getline(in, token));
  const size_t colon = token.find(':');
  if (!read || colon == std::string::npos) {
    *error = file + ": the first line must be user:password";
    return false;
  }
  token[colon] = ' ';
  Writer writer(server);
  writer.Append("set auth 0 0 " + std::to_string(token.size()) + "\r\n" +
                token + "\r\n");
  Reader reader(server);
  std::string_view reply;
  if (writer.Flush() && reader.Line(&reply) == Reader::Status::kOk &&
      reply == "STORED") {
    return true;
  }
  *error = "the server does not let us in";
  return false;
}

}  // namespace

bool IsUnixSocket(const std::string& address) {
  return address.starts_with(kUnix) || address.starts_with('/');
}

std::unique_ptr<Stream> Connect(const ServerOptions& server,
                                std::string* error) {
  std::unique_ptr<Stream> stream = Open(server, error);
  if (stream == nullptr) return nullptr;
  if (!Authenticate(*stream, server.auth_file, error)) return nullptr;
  return stream;
}

}  // namespace cucache::tools
