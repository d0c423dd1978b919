// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/class_numbers.h"

#include <algorithm>
#include <cstdlib>

namespace cucache {

namespace {

// Of memcached, without its CAS id.
constexpr uint64_t kPeerHeader = 48;
constexpr uint64_t kPeerAlignment = 8;

uint64_t AlignUp(uint64_t size) {
  return (size + kPeerAlignment - 1) / kPeerAlignment * kPeerAlignment;
}

}  // namespace

ClassNumbers::ClassNumbers(const Settings& settings) {
  const auto largest_chunk =
      static_cast<uint64_t>(settings.slab_chunk_size_max);
  // A list that is given was checked (base/flags.cc).
  const char* list = settings.slab_sizes.c_str();
  const bool given = *list != '\0';
  uint64_t size = kPeerHeader + static_cast<uint64_t>(settings.chunk_size);
  int n = 1;
  for (; n < kLimit - 1; ++n) {
    if (given) {
      if (*list == '\0') break;
      char* end = nullptr;
      size = std::strtoull(list, &end, 10);
      list = *end == '-' ? end + 1 : end;
    } else if (static_cast<double>(size) >=
               static_cast<double>(largest_chunk) / settings.factor) {
      break;
    }
    size = AlignUp(size);
    sizes_[static_cast<size_t>(n)] = size;
    if (!given) {
      size = static_cast<uint64_t>(static_cast<double>(size) * settings.factor);
    }
  }
  largest_ = n;
  // In pieces there, if they are larger than a chunk.
  sizes_[static_cast<size_t>(n)] = std::max<uint64_t>(
      largest_chunk, static_cast<uint64_t>(settings.item_size_max));
}

int ClassNumbers::For(uint64_t bytes) const {
  const auto* const begin = sizes_.begin() + 1;
  const auto* const end = sizes_.begin() + largest_;
  return static_cast<int>(std::lower_bound(begin, end, bytes) - begin) + 1;
}

}  // namespace cucache
