// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/value.h"

#include <algorithm>

namespace cucache {

namespace {

// Walks the spans of a value and hands each to f(data, length).
template <class F>
void ForSpans(const Item& item, size_t offset, size_t n, F&& f) {
  iovec spans[16];
  while (n > 0) {
    const size_t count = ValueSpans(item, offset, spans, 16);
    if (count == 0) return;
    for (size_t i = 0; i < count && n > 0; ++i) {
      const size_t part = std::min(n, spans[i].iov_len);
      f(static_cast<char*>(spans[i].iov_base), part);
      offset += part;
      n -= part;
    }
  }
}

}  // namespace

size_t ValueSpans(const Item& item, size_t offset, iovec* spans, size_t max) {
  if (offset >= item.value_length || max == 0) return 0;
  if (!item.chunked()) {
    spans[0] = {const_cast<char*>(item.data()) + offset,
                item.value_length - offset};
    return 1;
  }
  // Every piece but the last is full.
  const size_t full = item.piece(0)->length;
  size_t left = item.value_length - offset;
  size_t i = offset / full, skip = offset % full, n = 0;
  for (; left > 0 && n < max; ++i, skip = 0) {
    Piece* piece = item.piece(i);
    const size_t part = piece->length - skip;
    spans[n++] = {piece->data() + skip, part};
    left -= part;
  }
  return n;
}

void CopyValueOut(const Item& item, size_t offset, char* to, size_t n) {
  ForSpans(item, offset, n, [&](const char* from, size_t part) {
    std::memcpy(to, from, part);
    to += part;
  });
}

void CopyValueIn(Item* item, size_t offset, const char* from, size_t n) {
  ForSpans(*item, offset, n, [&](char* to, size_t part) {
    std::memcpy(to, from, part);
    from += part;
  });
}

void CopyValue(const Item& from, size_t from_offset, Item* to, size_t to_offset,
               size_t n) {
  ForSpans(from, from_offset, n, [&](const char* bytes, size_t part) {
    CopyValueIn(to, to_offset, bytes, part);
    to_offset += part;
  });
}

}  // namespace cucache
