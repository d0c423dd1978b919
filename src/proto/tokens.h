// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Splits a command line at its spaces. (Counterpart: mcmc_tokenize.)
//
// Only a space separates: tabs, NULs and bytes above 0x7f belong to a token.
// At most kMax tokens are kept; what stands behind them is not looked at.
//
// Thread safety: pure functions. Tokens point into the line.

#ifndef CUCACHE_PROTO_TOKENS_H_
#define CUCACHE_PROTO_TOKENS_H_

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace cucache {

// The first space or line feed in [p, end), or end. Eight bytes at a time.
inline const char* FindDelimiter(const char* p, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - p >= 8; p += 8) {
      uint64_t word;
      std::memcpy(&word, p, sizeof(word));
      const uint64_t space = word ^ (kOnes * ' ');
      const uint64_t feed = word ^ (kOnes * '\n');
      // The lowest set bit is exact; a borrow can only spoil those above it.
      const uint64_t found =
          (((space - kOnes) & ~space) | ((feed - kOnes) & ~feed)) & kHighs;
      if (found != 0) return p + std::countr_zero(found) / 8;
    }
  }
  while (p != end && *p != ' ' && *p != '\n') ++p;
  return p;
}

// The first byte in [p, end) that is not above a space, or end: where a token
// of letters, digits and the like ends. Cheaper than FindDelimiter, but it also
// stops at a carriage return and at control characters, which may belong to a
// token. Eight bytes at a time: for what is mostly shorter.
inline const char* FindPlainEndShort(const char* p, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  if constexpr (std::endian::native == std::endian::little) {
    if (end - p >= 8) {
      const char* const last = end - 8;
      do {
        uint64_t word;
        std::memcpy(&word, p, sizeof(word));
        // The lowest set bit is exact; a borrow can only spoil those above it.
        const uint64_t found = (word - kOnes * (' ' + 1)) & ~word & kHighs;
        if (found != 0) return p + std::countr_zero(found) / 8;
        p += 8;
      } while (p <= last);
    }
  }
  while (p != end && static_cast<uint8_t>(*p) > ' ') ++p;
  return p;
}

// The same for keys, sixteen bytes at a time.
__attribute__((always_inline)) inline const char* FindPlainEnd(
    const char* p, const char* end) {
#ifdef __SSE2__
  constexpr ptrdiff_t kVector = 16;
  if (end - p >= kVector) [[likely]] {
    const __m128i space = _mm_set1_epi8(' ');
    for (;;) {
      const __m128i bytes =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      // Unsigned: what is not above a space is its minimum with it.
      const __m128i found = _mm_cmpeq_epi8(_mm_min_epu8(bytes, space), bytes);
      const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
      if (mask != 0) return p + std::countr_zero(mask);
      p += kVector;
      if (p == end) return end;
      // The last ones, of which some have been looked at.
      if (end - p < kVector) p = end - kVector;
    }
  }
#endif
  return FindPlainEndShort(p, end);
}

// Bit i of the result: p[i] is a space, i < 16.
inline uint64_t SpacesOfSixteen(const char* p) {
#ifdef __SSE2__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i found = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));
  return static_cast<unsigned>(_mm_movemask_epi8(found));
#else
  uint64_t spaces = 0;
  for (unsigned i = 0; i < 16; ++i) spaces |= uint64_t{p[i] == ' '} << i;
  return spaces;
#endif
}

// Which of the `n` bytes from p on, of at most 64, are spaces; those behind
// them count as such. `before` bytes of the line stand left of p.
inline uint64_t Spaces(const char* p, size_t n, size_t before) {
  constexpr size_t kVector = 16;
  uint64_t spaces = n == 64 ? 0 : ~uint64_t{0} << n;
  size_t i = 0;
  for (; n - i >= kVector; i += kVector) spaces |= SpacesOfSixteen(p + i) << i;
  if (i == n) return spaces;
  if (before + n < kVector) {
    for (; i != n; ++i) spaces |= uint64_t{p[i] == ' '} << i;
    return spaces;
  }
  // The last ones, of which some have been looked at.
  const uint64_t last = SpacesOfSixteen(p + n - kVector);
  return spaces |
         (n >= kVector ? last << (n - kVector) : last >> (kVector - n));
}

// FindDelimiter for what is nearly always a token of plain characters and a
// space.
inline const char* FindTokenEnd(const char* p, const char* end) {
  const char* const stop = FindPlainEndShort(p, end);
  if (stop == end || *stop == ' ') return stop;
  return FindDelimiter(stop, end);
}

// Longest value that a line may announce. It leaves room for the CRLF in a
// signed int, as clients of memcached know the limit.
inline constexpr int32_t kMaxValueLength =
    std::numeric_limits<int32_t>::max() - 2;

// A number of the usual form has at most so many digits.
inline constexpr ptrdiff_t kPlainDigits = 9;

// Up to nine digits from p on, which must be readable; the end of them.
inline const char* ReadPlainNumber(const char* p, uint32_t* value) {
  const auto digit = [](const char* at) {
    return static_cast<unsigned>(*at) - '0';
  };
  const char* const most = p + kPlainDigits;
  unsigned next = digit(p);
  uint32_t sum = 0;
  while (next <= 9) {
    sum = sum * 10 + next;
    if (++p == most) break;
    next = digit(p);
  }
  *value = sum;
  return p;
}

// The same behind one byte that has to be `before`; nullptr if it is not, or
// if there is no digit.
inline const char* ReadPlainNumber(char before, const char* p,
                                   uint32_t* value) {
  if (*p++ != before) return nullptr;
  const char* const end = ReadPlainNumber(p, value);
  return end == p ? nullptr : end;
}

// A command line without its line end.
struct Line {
  std::string_view text;
  const char* next;  // behind the line feed

  // `feed` points to the line feed that ends the line.
  Line(const char* begin, const char* feed)
      : text(begin, static_cast<size_t>(feed - begin)), next(feed + 1) {
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  }
};

class Tokens {
 public:
  static constexpr size_t kMax = 23;

  explicit Tokens(std::string_view line) : base_(line.data()) {
    const size_t size = line.size();
    size_t count = 0;
    bool inside = false;  // a token goes on in the next 64 bytes
    for (size_t at = 0; at < size; at += 64) {
      const uint64_t spaces =
          Spaces(base_ + at, std::min<size_t>(64, size - at), at);
      // Where tokens begin and end, in turn.
      uint64_t edges = spaces ^ (spaces << 1 | (inside ? 0 : 1));
      const auto next = [&] {
        const auto bit = static_cast<size_t>(std::countr_zero(edges));
        edges &= edges - 1;
        return static_cast<uint32_t>(at + bit);
      };
      while (edges != 0) {
        if (!inside) {
          if (count == kMax) break;
          at_[count].begin = next();
          inside = true;
          if (edges == 0) break;
        }
        at_[count].length = next() - at_[count].begin;
        ++count;
        inside = false;
      }
    }
    if (inside) {
      at_[count].length = static_cast<uint32_t>(size) - at_[count].begin;
      ++count;
    }
    count_ = count;
  }

  size_t size() const { return count_; }
  std::string_view operator[](size_t i) const {
    return {base_ + at_[i].begin, at_[i].length};
  }
  std::string_view back() const { return (*this)[count_ - 1]; }
  bool EndsWithNoreply() const { return count_ != 0 && back() == "noreply"; }

 private:
  struct Extent {
    uint32_t begin, length;
  };
  const char* base_;
  size_t count_;
  Extent at_[kMax];  // not initialised beyond count_
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_TOKENS_H_
