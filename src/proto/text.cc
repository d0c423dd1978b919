// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/text.h"

#include <cstdint>
#include <cstring>
#include <limits>

#include "base/strings.h"
#include "proto/response.h"

namespace cucache {
namespace {

// True if there are at least `min` tokens and the key is no longer than keys
// may be. A line that is too short is answered even under noreply, because
// memcached looks for that word only after it counted.
bool ParseKey(const Tokens& tokens, size_t min, TextRequest* out) {
  if (tokens.size() < min) {
    out->error = reply::kBadFormat;
    return false;
  }
  out->noreply = tokens.EndsWithNoreply();
  out->request.key = tokens[1];
  if (out->request.key.size() > kMaxKeyLength) {
    out->error = reply::kBadFormat;
    return false;
  }
  return true;
}

// Three such numbers with what separates them, and the line end.
constexpr ptrdiff_t kPlainNumbers = 3 * (kPlainDigits + 1) + 1;

// The expiry of a storage line. Clients that keep it in 32 bits send a negative
// one as 2^32 less that (pylibmc does), which memcached takes for what it is,
// because it keeps 32 signed bits. So what would be a date in the last 30 days
// before 2^32 is negative; a date after 2038 stays one.
RelTime FromStoredExptime(const Clock& clock, int64_t exptime) {
  constexpr int64_t kWrap = int64_t{1} << 32;
  constexpr int64_t kLongest = 30 * 24 * 60 * 60;
  const bool negative = exptime < kWrap && exptime >= kWrap - kLongest;
  return clock.FromExptime(negative ? exptime - kWrap : exptime);
}

}  // namespace

const char* ParsePlainSet(const char* p, const char* end, const Clock& clock,
                          Request* out, bool* noreply) {
  const char* const key = p;
  p = FindPlainEnd(p, end);
  const auto key_length = static_cast<size_t>(p - key);
  if (key_length - 1 >= kMaxKeyLength) return nullptr;
  // From here on nothing is compared with the end.
  if (end - p <= kPlainNumbers) return nullptr;
  out->key = {key, key_length};
  // No flags, no expiry: nearly always.
  if (std::memcmp(p, " 0 0 ", 5) == 0) {
    p += 4;
    out->flags = 0;
    out->exptime = 0;
  } else {
    uint32_t exptime;
    p = ReadPlainNumber(' ', p, &out->flags);
    if (p == nullptr) return nullptr;
    p = ReadPlainNumber(' ', p, &exptime);
    if (p == nullptr) return nullptr;
    out->exptime = exptime == 0 ? 0 : FromStoredExptime(clock, exptime);
  }
  p = ReadPlainNumber(' ', p, &out->value_length);
  if (p == nullptr) return nullptr;
  *noreply = false;
  if (std::memcmp(p, "\r\n", 2) == 0) return p + 2;
  constexpr std::string_view kNoreply = " noreply\r\n";
  const auto left = static_cast<size_t>(end - p);
  *noreply = std::string_view(p, left).starts_with(kNoreply);
  return *noreply ? p + kNoreply.size() : nullptr;
}

void ParseStoreLine(const Tokens& tokens, StoreMode mode, bool with_cas,
                    const Clock& clock, TextRequest* out) {
  out->error = reply::kBadFormat;
  int32_t length;
  if (tokens.size() < 5 || !ParseI32(tokens[4], &length) || length < 0 ||
      length > kMaxValueLength) {
    return;
  }
  out->has_value = true;
  out->noreply = tokens.EndsWithNoreply();
  Request& request = out->request;
  request.key = tokens[1];
  request.mode = mode;
  request.value_length = static_cast<uint32_t>(length);
  uint64_t flags;
  int64_t exptime;
  if (request.key.size() > kMaxKeyLength || !ParseLooseU64(tokens[2], &flags) ||
      flags > std::numeric_limits<uint32_t>::max() ||
      !ParseLooseI64(tokens[3], &exptime)) {
    return;
  }
  if (with_cas) {
    if (tokens.size() < 6 || !ParseU64(tokens[5], &request.cas)) return;
    request.options |= kCompareCas;
  }
  request.flags = static_cast<uint32_t>(flags);
  request.exptime = FromStoredExptime(clock, exptime);
  out->error = {};
}

void ParseDeleteLine(const Tokens& tokens, TextRequest* out) {
  (void)ParseKey(tokens, 2, out);
}

void ParseArithmeticLine(const Tokens& tokens, bool decrement,
                         TextRequest* out) {
  if (!ParseKey(tokens, 3, out)) return;
  if (decrement) out->request.options |= kDecrement;
  if (!ParseU64(tokens[2], &out->request.delta)) out->error = reply::kBadDelta;
}

void ParseTouchLine(const Tokens& tokens, const Clock& clock,
                    TextRequest* out) {
  if (!ParseKey(tokens, 3, out)) return;
  int32_t exptime;
  if (!ParseI32(tokens[2], &exptime)) {
    out->error = reply::kBadExptime;
    return;
  }
  out->request.options |= kTouch | kIsTouch;
  out->request.exptime = clock.FromExptime(exptime);
}

}  // namespace cucache
