// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The one hash function: XXH3, 64 bits, with a random seed per instance, so
// that nobody outside can choose keys that collide (counterpart: hash.c).
//
// Thread safety: immutable after construction.

#ifndef CUCACHE_BASE_HASH_H_
#define CUCACHE_BASE_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cucache {

class KeyHash {
 public:
  // Seeds from the system's random source.
  KeyHash();
  explicit KeyHash(uint64_t seed) : seed_(seed) {}

  uint64_t operator()(const char* key, size_t length) const {
    return XXH3_64bits_withSeed(key, length, seed_);
  }
  uint64_t operator()(std::string_view key) const {
    return (*this)(key.data(), key.size());
  }

 private:
  uint64_t seed_;
};

}  // namespace cucache

#endif  // CUCACHE_BASE_HASH_H_
