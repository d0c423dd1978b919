// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The bytes of an item's value as spans, whether it stands in one chunk or in
// pieces. The value holds no trailing CRLF: protocols that want one add it.
//
// Thread safety: reading a published item by anyone within its epoch; writing
// only by the thread that allocated it, before it is linked.

#ifndef CUCACHE_CACHE_VALUE_H_
#define CUCACHE_CACHE_VALUE_H_

#include <sys/uio.h>

#include <cstddef>

#include "cache/item.h"

namespace cucache {

// Fills at most `max` spans with the value from byte `offset` on; returns how
// many. 0 when offset is the value's length.
size_t ValueSpans(const Item& item, size_t offset, iovec* spans, size_t max);

// Copies `n` bytes of the value from byte `offset` on to `to`.
void CopyValueOut(const Item& item, size_t offset, char* to, size_t n);

// Copies `n` bytes into the value of an item that is not linked yet.
void CopyValueIn(Item* item, size_t offset, const char* from, size_t n);

// Copies n bytes of one value into another (append, prepend, moves).
void CopyValue(const Item& from, size_t from_offset, Item* to, size_t to_offset,
               size_t n);

}  // namespace cucache

#endif  // CUCACHE_CACHE_VALUE_H_
