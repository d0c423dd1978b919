// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace cucache {

uint16_t PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

uint16_t LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return PortOf(address);
}

std::string HostText(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
  } else if (address.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
  }
  return host;
}

AddressList AddressesToBind(const std::string& host, int port, int socket_type,
                            std::string* error) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = socket_type;
  const std::string service = std::to_string(std::max(port, 0));
  const char* node = host.empty() || host == "*" ? nullptr : host.c_str();
  addrinfo* list = nullptr;
  const int failed = getaddrinfo(node, service.c_str(), &hints, &list);
  if (failed != 0) {
    *error = std::string("getaddrinfo: ") + gai_strerror(failed);
  }
  return {failed == 0 ? list : nullptr, freeaddrinfo};
}

}  // namespace cucache
