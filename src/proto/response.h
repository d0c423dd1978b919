// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The lines of the text protocols that do not depend on a request, and the
// line in front of a value. (Counterpart: out_string's arguments and
// make_ascii_get_suffix.)
//
// Every constant ends with its CRLF. Pure functions.

#ifndef CUCACHE_PROTO_RESPONSE_H_
#define CUCACHE_PROTO_RESPONSE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "base/strings.h"
#include "cache/assoc_layout.h"
#include "command/request.h"

namespace cucache {

namespace reply {

inline constexpr std::string_view kBadFormat =
    "CLIENT_ERROR bad command line format\r\n";
inline constexpr std::string_view kBadExptime =
    "CLIENT_ERROR invalid exptime argument\r\n";
inline constexpr std::string_view kBadDelta =
    "CLIENT_ERROR invalid numeric delta argument\r\n";
inline constexpr std::string_view kBadChunk = "CLIENT_ERROR bad data chunk\r\n";
inline constexpr std::string_view kNonNumeric =
    "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
inline constexpr std::string_view kTooLarge =
    "SERVER_ERROR object too large for cache\r\n";
inline constexpr std::string_view kNoMemoryStoring =
    "SERVER_ERROR out of memory storing object\r\n";
inline constexpr std::string_view kNoMemory = "SERVER_ERROR out of memory\r\n";
inline constexpr std::string_view kError = "ERROR\r\n";
inline constexpr std::string_view kEnd = "END\r\n";
inline constexpr std::string_view kTouched = "TOUCHED\r\n";
inline constexpr std::string_view kStored = "STORED\r\n";

// Meta.
inline constexpr std::string_view kMetaStored = "HD\r\n";
inline constexpr std::string_view kNoop = "MN\r\n";
inline constexpr std::string_view kMetaMiss = "EN\r\n";
inline constexpr std::string_view kTooManyFlags =
    "CLIENT_ERROR options flags are too long\r\n";
inline constexpr std::string_view kDuplicateFlag =
    "CLIENT_ERROR duplicate flag\r\n";
inline constexpr std::string_view kInvalidFlag =
    "CLIENT_ERROR invalid flag\r\n";
inline constexpr std::string_view kInvalidOrDuplicateFlag =
    "CLIENT_ERROR invalid or duplicate flag\r\n";
inline constexpr std::string_view kBadToken =
    "CLIENT_ERROR bad token in command line format\r\n";
inline constexpr std::string_view kBadKeyEncoding =
    "CLIENT_ERROR error decoding key\r\n";
inline constexpr std::string_view kBadInitial =
    "CLIENT_ERROR invalid numeric initial value\r\n";
inline constexpr std::string_view kBadMetaDelta =
    "CLIENT_ERROR invalid numeric delta value\r\n";
inline constexpr std::string_view kOpaqueTooLong =
    "CLIENT_ERROR opaque token too long\r\n";
inline constexpr std::string_view kBadStoreMode =
    "CLIENT_ERROR invalid mode for ms M token\r\n";
inline constexpr std::string_view kBadArithmeticMode =
    "CLIENT_ERROR invalid mode for ma M token\r\n";

}  // namespace reply

// What a status is called. The only table of it: a protocol adds its column.
struct StatusName {
  std::string_view text;  // classic reply line
  char meta[2];           // meta return code; both 0: an error line instead
};
const StatusName& NameOf(Status status);

// Longest "VALUE <key> <flags> <bytes> <cas>\r\n".
inline constexpr size_t kMaxValueLine =
    6 + kMaxKeyLength + 1 + 10 + 1 + 10 + 1 + 20 + 2;

// Writes it to `to`, and may spoil eight bytes behind; returns the end.
CUCACHE_ALWAYS_INLINE char* FormatValueLine(std::string_view key,
                                            const Item& item,
                                            const Item::Layout& layout,
                                            bool with_cas, char* to) {
  // One store each, of which the end is written again (Output::Room).
  std::memcpy(to, "VALUE \0", 8);
  to = CopyShort(to + 6, key.data(), key.size());
  std::memcpy(to, " 0 ", 4);
  if (layout.has_flags()) {
    to = FormatU32(layout.flags(), to + 1);
    *to++ = ' ';
  } else {
    to += 3;
  }
  to = FormatU32(item.value_length, to);
  if (with_cas) {
    *to++ = ' ';
    to = FormatU64(item.cas.load(std::memory_order_relaxed), to);
  }
  std::memcpy(to, "\r\n", 2);
  return to + 2;
}

// The line of an mg that shows the value and nothing else; as above.
CUCACHE_ALWAYS_INLINE char* FormatMetaValueLine(const Item& item, char* to) {
  std::memcpy(to, "VA ", 4);
  to = FormatU32(item.value_length, to + 3);
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

}  // namespace cucache

#endif  // CUCACHE_PROTO_RESPONSE_H_
