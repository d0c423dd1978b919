// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), for secrets that must not
// be kept or compared as they are. Slow next to a library's, and there for the
// few bytes of a password; nothing on the data path uses it.
//
// Thread safety: pure functions.

#ifndef CUCACHE_BASE_SHA256_H_
#define CUCACHE_BASE_SHA256_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace cucache {

using Digest = std::array<uint8_t, 32>;

Digest Sha256(std::string_view bytes);
Digest HmacSha256(std::string_view key, std::string_view bytes);

// Takes the same time wherever they differ.
bool SameDigest(const Digest& a, const Digest& b);

}  // namespace cucache

#endif  // CUCACHE_BASE_SHA256_H_
