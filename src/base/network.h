// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A list of networks, as "10.0.0.0/8" or "fd00::/8"; an address alone is a
// network of one. IPv4 addresses that come as IPv6 ones (::ffff:a.b.c.d) are
// IPv4 addresses.
//
// Thread safety: constant once parsed.

#ifndef CUCACHE_BASE_NETWORK_H_
#define CUCACHE_BASE_NETWORK_H_

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cucache {

class NetworkList {
 public:
  // Networks separated by commas or plus signs; adds to the list. False, with
  // the word that is none in *bad.
  [[nodiscard]] bool Parse(std::string_view text, std::string* bad);
  bool Contains(const sockaddr* address) const;

 private:
  using Bytes = std::array<uint8_t, 16>;
  struct Network {
    Bytes address;  // as IPv6
    unsigned bits;  // of 128
  };
  bool ParseOne(const std::string& word);

  std::vector<Network> networks_;
};

// Is it this machine that speaks?
bool IsLoopback(const sockaddr* address);

}  // namespace cucache

#endif  // CUCACHE_BASE_NETWORK_H_
