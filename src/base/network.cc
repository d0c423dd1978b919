// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace cucache {
namespace {

using Bytes = std::array<uint8_t, 16>;

// Where an IPv4 address begins in an IPv6 one.
constexpr unsigned kMappedBits = 96;
constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Bytes MapV4(const in_addr& address) {
  Bytes bytes = kMapped;
  std::memcpy(bytes.data() + kMappedBits / 8, &address, sizeof(address));
  return bytes;
}

bool ToBytes(const sockaddr* address, Bytes* bytes) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof(in));
    *bytes = MapV4(in.sin_addr);
    return true;
  }
  if (address->sa_family != AF_INET6) return false;
  sockaddr_in6 in6;
  std::memcpy(&in6, address, sizeof(in6));
  std::memcpy(bytes->data(), &in6.sin6_addr, bytes->size());
  return true;
}

bool SamePrefix(const Bytes& a, const Bytes& b, unsigned bits) {
  const unsigned whole = bits / 8, rest = bits % 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  if (rest == 0) return true;
  const unsigned shift = 8 - rest;
  return a[whole] >> shift == b[whole] >> shift;
}

}  // namespace

bool NetworkList::ParseOne(const std::string& word) {
  const size_t slash = word.find('/');
  const std::string host = word.substr(0, slash);
  Network network;
  in_addr v4;
  unsigned before = 0;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    network.address = MapV4(v4);
    before = kMappedBits;
  } else if (inet_pton(AF_INET6, host.c_str(), network.address.data()) != 1) {
    return false;
  }
  uint32_t bits = 128 - before;
  if (slash != std::string::npos &&
      (!ParseU32(std::string_view(word).substr(slash + 1), &bits) ||
       bits > 128 - before)) {
    return false;
  }
  network.bits = before + bits;
  networks_.push_back(network);
  return true;
}

bool NetworkList::Parse(std::string_view text, std::string* bad) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",+"), text.size());
    const std::string word(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (ParseOne(word)) continue;
    *bad = word;
    return false;
  }
  return true;
}

bool NetworkList::Contains(const sockaddr* address) const {
  Bytes bytes;
  if (!ToBytes(address, &bytes)) return false;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& n) {
    return SamePrefix(n.address, bytes, n.bits);
  });
}

bool IsLoopback(const sockaddr* address) {
  Bytes bytes;
  if (!ToBytes(address, &bytes)) return false;
  constexpr Bytes kV6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr Bytes kV4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
  return bytes == kV6 || SamePrefix(bytes, kV4, kMappedBits + 8);
}

}  // namespace cucache
