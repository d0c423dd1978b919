// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What an item needs before it exists. (Counterpart: the arguments of
// item_alloc().)
//
// Ownership: the key is the caller's.

#ifndef CUCACHE_CACHE_ITEM_SHAPE_H_
#define CUCACHE_CACHE_ITEM_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "cache/class_numbers.h"
#include "cache/item.h"

namespace cucache {

struct ItemShape {
  std::string_view key;
  uint32_t flags = 0;
  RelTime exptime = 0;
  uint64_t hash = 0;  // Cache::Hash(key)
  uint32_t value_length = 0;
  bool binary_key = false;  // meta's b flag

  // Bytes of header, flags and key.
  size_t PrefixBytes() const {
    return sizeof(Item) + (flags != 0 ? sizeof(flags) : 0) + key.size();
  }
  // The same with the value. Of an item that is not in pieces, all of it.
  size_t Bytes() const { return PrefixBytes() + value_length; }
  // Of an item like this that is not linked, and not in pieces.
  uint8_t State() const {
    return static_cast<uint8_t>((binary_key ? Item::kBinaryKey : 0) |
                                (flags != 0 ? Item::kHasFlags : 0));
  }
  // What it would take in memcached.
  uint64_t PeerBytes() const { return kPeerOverhead - sizeof(Item) + Bytes(); }
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_ITEM_SHAPE_H_
