// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Addresses of sockets, as numbers and as text.

#ifndef CUCACHE_NET_ADDRESS_H_
#define CUCACHE_NET_ADDRESS_H_

#include <netdb.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>

namespace cucache {

// 0 for what is neither IPv4 nor IPv6.
uint16_t PortOf(const sockaddr_storage& address);
// Of the socket's own end.
uint16_t LocalPort(int fd);
// The host of an IPv4 or IPv6 address, in digits; otherwise "".
std::string HostText(const sockaddr_storage& address);

using AddressList = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;
// What a socket of that type can be bound to: an address, those of a name, or
// with "" and "*" all of this machine. A port below 0 is the kernel's choice.
// nullptr, with the reason in *error, if there is none.
AddressList AddressesToBind(const std::string& host, int port, int socket_type,
                            std::string* error);

}  // namespace cucache

#endif  // CUCACHE_NET_ADDRESS_H_
