// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Numbers, base64 and percent-encoding for the protocols: text to value and
// back, without locale, without allocation, without a terminating NUL.
// (Counterpart: util.c, itoa_ljust.c, base64.c, mcmc_token_get_*.)
//
// Parse*: the whole of `text` must be the number, or the result is false and
// *value is untouched.
// Format*: write to `to`, which has room for the longest number (20 bytes),
// and return the end of what they wrote.
//
// Thread safety: pure functions.

#ifndef CUCACHE_BASE_STRINGS_H_
#define CUCACHE_BASE_STRINGS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace cucache {

// Decimal digits only; no sign, no spaces. More digits than the type's
// longest number has are refused even if they begin with zeros.
[[nodiscard]] bool ParseU32(std::string_view text, uint32_t* value);
[[nodiscard]] bool ParseU64(std::string_view text, uint64_t* value);
// The same with an optional minus.
[[nodiscard]] bool ParseI32(std::string_view text, int32_t* value);
[[nodiscard]] bool ParseI64(std::string_view text, int64_t* value);
// What strtod takes and a double holds, at most 31 bytes.
[[nodiscard]] bool ParseDouble(std::string_view text, double* value);

// As strtoull and strtoll see numbers: white space before, a plus sign, and
// white space with anything behind it are allowed. For the places where
// memcached uses the C library: flags and exptime of a set, and the value that
// incr finds in an item.
[[nodiscard]] bool ParseLooseU64(std::string_view text, uint64_t* value);
[[nodiscard]] bool ParseLooseI64(std::string_view text, int64_t* value);

inline constexpr size_t kMaxDigits = 20;

char* FormatU64(uint64_t value, char* to);
// "00" to "99".
inline constexpr std::array<char, 200> kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();
inline char* FormatU32(uint32_t value, char* to) {
  // Lengths often, and client flags nearly always.
  if (value < 10) {
    *to = static_cast<char>('0' + value);
    return to + 1;
  }
  if (value < 100) {
    std::memcpy(to, &kDigitPairs[2 * value], 2);
    return to + 2;
  }
  return FormatU64(value, to);
}
char* FormatI64(int64_t value, char* to);
[[nodiscard]] unsigned CountDigits(uint64_t value);

// Bytes that Base64Encode makes of n.
constexpr size_t Base64Size(size_t n) { return (n + 2) / 3 * 4; }
// Standard alphabet with padding; returns the end.
char* Base64Encode(std::string_view bytes, char* to);
// Returns the number of bytes written to `to`, which has room for
// text.size(); 0 if this is no base64. Bytes outside of the alphabet are
// skipped and what follows the padding is ignored, as memcached does it.
[[nodiscard]] size_t Base64Decode(std::string_view text, char* to);

// Letters, digits and -._~ stay, every other byte becomes %XX. Needs three
// times the size; returns the end.
char* UriEncode(std::string_view bytes, char* to);
std::string UriEncode(std::string_view bytes);

}  // namespace cucache

#endif  // CUCACHE_BASE_STRINGS_H_
