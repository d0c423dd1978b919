// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// memcached's class numbers. Clients, dashboards and scripts know items by
// them: `stats slabs`, `stats items`, `me`, the dumps, `slabs reassign`,
// `lru_crawler crawl`. The size classes inside (cache/slabs.h) are finer, and a
// large value lies in chunks of several. So what is shown is the number that
// memcached would give an item with the same -f, -n, -I, slab_chunk_max and
// slab_sizes, and the figures of a number are sums over what it covers.
//
// (Counterpart: slabs_init, slabs_clsid.)
//
// Thread safety: constant after construction. Units: bytes as memcached counts
// them, with its header.

#ifndef CUCACHE_CACHE_CLASS_NUMBERS_H_
#define CUCACHE_CACHE_CLASS_NUMBERS_H_

#include <array>
#include <cstdint>

#include "base/settings.h"

namespace cucache {

// memcached's item header with its CAS id, the byte behind a key and the CRLF
// behind a value. -I is compared with the size that it makes, so that the same
// items are too large for both.
inline constexpr uint64_t kPeerOverhead = 48 + 8 + 1 + 2;

class ClassNumbers {
 public:
  // Numbers are 1 .. largest() < kLimit.
  static constexpr int kLimit = 64;

  explicit ClassNumbers(const Settings& settings);

  int largest() const { return largest_; }
  // What an item may take to have this number.
  uint64_t size(int number) const {
    return sizes_[static_cast<size_t>(number)];
  }
  // The number of an item of this size; the last one has what fits nowhere.
  int For(uint64_t bytes) const;

 private:
  int largest_ = 1;
  std::array<uint64_t, kLimit> sizes_{};
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_CLASS_NUMBERS_H_
