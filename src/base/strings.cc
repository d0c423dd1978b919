// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/strings.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace cucache {
namespace {

// Longest numbers with their sign.
constexpr size_t kLongest32 = 11;
constexpr size_t kLongest64 = 22;

constexpr bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// But for the first: 0 has a digit, too.
constexpr std::array<uint64_t, 20> kPowersOfTen = [] {
  std::array<uint64_t, 20> powers{};
  uint64_t power = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = power *= 10;
  return powers;
}();

constexpr char kBase64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNotBase64 = 0x80;

constexpr std::array<uint8_t, 256> MakeBase64Values() {
  std::array<uint8_t, 256> values{};
  for (auto& v : values) v = kNotBase64;
  for (uint8_t i = 0; i < 64; ++i) {
    values[static_cast<uint8_t>(kBase64[i])] = i;
  }
  values['='] = 0;
  return values;
}
constexpr std::array<uint8_t, 256> kBase64Values = MakeBase64Values();

// So many digits fit into 64 bits, whatever they are.
constexpr size_t kSafeDigits = 19;

// Digits from [p, end) until something else comes; the end of them, or
// nullptr if the number exceeds `max`. kMany: there may be more than
// kSafeDigits.
template <bool kMany>
const char* ReadDigits(const char* p, const char* end, uint64_t max,
                       uint64_t* value) {
  uint64_t sum = 0;
  for (; p != end; ++p) {
    const unsigned digit = static_cast<unsigned>(*p) - '0';
    if (digit > 9) break;
    if (kMany && sum > (max - digit) / 10) return nullptr;
    sum = sum * 10 + digit;
  }
  *value = sum;
  return sum > max ? nullptr : p;
}

bool ParseUnsigned(std::string_view text, size_t longest, uint64_t max,
                   uint64_t* value) {
  if (text.empty() || text.size() > longest) return false;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  uint64_t sum = 0;
  const char* const stop = text.size() > kSafeDigits
                               ? ReadDigits<true>(begin, end, max, &sum)
                               : ReadDigits<false>(begin, end, max, &sum);
  if (stop != end) return false;
  *value = sum;
  return true;
}

bool ParseSigned(std::string_view text, size_t longest, uint64_t max,
                 int64_t* value) {
  if (text.size() > longest) return false;
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  uint64_t sum = 0;
  if (!ParseUnsigned(text, longest, max + negative, &sum)) return false;
  *value = static_cast<int64_t>(negative ? 0 - sum : sum);
  return true;
}

// The part of `text` from the first to the last byte of a loosely written
// number, without a plus sign.
std::string_view TrimNumber(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  size_t n = 0;
  while (n < text.size() && !IsSpace(text[n]) && text[n] != '\0') ++n;
  text = text.substr(0, n);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') {
    text.remove_prefix(1);
  }
  return text;
}

}  // namespace

bool ParseU32(std::string_view text, uint32_t* value) {
  uint64_t wide;
  if (!ParseUnsigned(text, kLongest32, std::numeric_limits<uint32_t>::max(),
                     &wide)) {
    return false;
  }
  *value = static_cast<uint32_t>(wide);
  return true;
}

bool ParseU64(std::string_view text, uint64_t* value) {
  return ParseUnsigned(text, kLongest64, std::numeric_limits<uint64_t>::max(),
                       value);
}

bool ParseI32(std::string_view text, int32_t* value) {
  int64_t wide;
  if (!ParseSigned(text, kLongest32, std::numeric_limits<int32_t>::max(),
                   &wide)) {
    return false;
  }
  *value = static_cast<int32_t>(wide);
  return true;
}

bool ParseI64(std::string_view text, int64_t* value) {
  return ParseSigned(text, kLongest64, std::numeric_limits<int64_t>::max(),
                     value);
}

bool ParseDouble(std::string_view text, double* value) {
  char copy[32];
  if (text.empty() || text.size() >= sizeof(copy)) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  char* end;
  errno = 0;
  const double d = std::strtod(copy, &end);
  if (errno == ERANGE || end != copy + text.size()) return false;
  *value = d;
  return true;
}

bool ParseLooseU64(std::string_view text, uint64_t* value) {
  // Nearly every counter is written as it should be.
  if (ParseU64(text, value)) return true;
  text = TrimNumber(text);
  // Minus nothing is nothing.
  const bool minus_zero =
      text.starts_with("-0") && text.find_first_not_of('0', 1) == text.npos;
  if (minus_zero) text.remove_prefix(1);
  return ParseUnsigned(text, std::string_view::npos,
                       std::numeric_limits<uint64_t>::max(), value);
}

bool ParseLooseI64(std::string_view text, int64_t* value) {
  return ParseSigned(TrimNumber(text), std::string_view::npos,
                     std::numeric_limits<int64_t>::max(), value);
}

unsigned CountDigits(uint64_t value) {
  // 2^n has log10(2) * n digits or one more, and log10(2) is 1233 / 4096.
  const unsigned digits =
      static_cast<unsigned>(std::bit_width(value)) * 1233 >> 12;
  return digits + (value >= kPowersOfTen[digits] ? 1 : 0);
}

char* FormatU64(uint64_t value, char* to) {
  if (value < 10) {
    *to = static_cast<char>('0' + value);
    return to + 1;
  }
  char* const end = to + CountDigits(value);
  char* p = end;
  while (value >= 100) {
    p -= 2;
    std::memcpy(p, &kDigitPairs[value % 100 * 2], 2);
    value /= 100;
  }
  if (value >= 10) {
    std::memcpy(p - 2, &kDigitPairs[value * 2], 2);
  } else {
    p[-1] = static_cast<char>('0' + value);
  }
  return end;
}

char* FormatI64(int64_t value, char* to) {
  if (value >= 0) return FormatU64(static_cast<uint64_t>(value), to);
  *to = '-';
  return FormatU64(0 - static_cast<uint64_t>(value), to + 1);
}

char* Base64Encode(std::string_view bytes, char* to) {
  const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t n = bytes.size();
  for (; n >= 3; n -= 3, in += 3) {
    *to++ = kBase64[in[0] >> 2];
    *to++ = kBase64[(in[0] & 3) << 4 | in[1] >> 4];
    *to++ = kBase64[(in[1] & 15) << 2 | in[2] >> 6];
    *to++ = kBase64[in[2] & 63];
  }
  if (n == 0) return to;
  *to++ = kBase64[in[0] >> 2];
  *to++ = kBase64[(in[0] & 3) << 4 | (n == 2 ? in[1] >> 4 : 0)];
  *to++ = n == 2 ? kBase64[(in[1] & 15) << 2] : '=';
  *to++ = '=';
  return to;
}

size_t Base64Decode(std::string_view text, char* to) {
  size_t symbols = 0;
  for (const char c : text) {
    symbols += kBase64Values[static_cast<uint8_t>(c)] != kNotBase64;
  }
  if (symbols == 0 || symbols % 4 != 0) return 0;
  char* const start = to;
  uint32_t group = 0;
  unsigned in_group = 0;
  unsigned padding = 0;
  for (const char c : text) {
    const uint8_t v = kBase64Values[static_cast<uint8_t>(c)];
    if (v == kNotBase64) continue;
    padding += c == '=';
    group = group << 6 | v;
    if (++in_group < 4) continue;
    if (padding > 2) return 0;
    *to++ = static_cast<char>(group >> 16);
    if (padding < 2) *to++ = static_cast<char>(group >> 8);
    if (padding < 1) *to++ = static_cast<char>(group);
    if (padding != 0) break;
    group = in_group = 0;
  }
  return static_cast<size_t>(to - start);
}

char* UriEncode(std::string_view bytes, char* to) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto u = static_cast<uint8_t>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                       (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    if (plain) {
      *to++ = c;
    } else {
      *to++ = '%';
      *to++ = kHex[u >> 4];
      *to++ = kHex[u & 15];
    }
  }
  return to;
}

std::string UriEncode(std::string_view bytes) {
  std::string out(3 * bytes.size(), '\0');
  out.resize(static_cast<size_t>(UriEncode(bytes, out.data()) - out.data()));
  return out;
}

}  // namespace cucache
