// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/load/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cucache::load {
namespace {

constexpr int kPerSource = 20000;

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
    return Failed("connect to " + path, fd, error);
  }
  return fd;
}

void BindSource(int fd, int number) {
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number / kPerSource);
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  // Without it connect() picks an address, and says so when it cannot.
  (void)bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof(source));
}

bool IsLoopback(const addrinfo& address) {
  if (address.ai_family != AF_INET) return false;
  sockaddr_in in;
  std::memcpy(&in, address.ai_addr, sizeof(in));
  return ntohl(in.sin_addr.s_addr) >> 24 == 127;
}

int ConnectTcp(const Options& options, int number, std::string* error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code =
      getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(),
                  &hints, &found);
  if (code != 0) {
    *error = options.host + ": " + gai_strerror(code);
    return -1;
  }
  int fd = -1;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    if (number >= kPerSource && IsLoopback(*at)) BindSource(fd, number);
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0) break;
    fd = Failed(
        "connect to " + options.host + ':' + std::to_string(options.port), fd,
        error);
  }
  freeaddrinfo(found);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

}  // namespace

int ConnectTo(const Options& options, int number, std::string* error) {
  const int fd = options.unix_path.empty()
                     ? ConnectTcp(options, number, error)
                     : ConnectUnix(options.unix_path, error);
  if (fd < 0) return fd;
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
    return Failed("fcntl", fd, error);
  }
  return fd;
}

}  // namespace cucache::load
