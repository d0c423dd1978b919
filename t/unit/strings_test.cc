// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/strings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>

#include "base/bytes.h"

namespace cucache {
namespace {

std::string U64(uint64_t v) {
  char text[kMaxDigits];
  return {text, static_cast<size_t>(FormatU64(v, text) - text)};
}

std::string U32(uint32_t v) {
  char text[kMaxDigits];
  return {text, static_cast<size_t>(FormatU32(v, text) - text)};
}
std::string I64(int64_t v) {
  char text[kMaxDigits + 1];
  return {text, static_cast<size_t>(FormatI64(v, text) - text)};
}

TEST(Strings, FormatsAroundEveryPowerOfTen) {
  for (uint64_t power = 1, i = 0; i < 20; ++i, power *= 10) {
    for (uint64_t v : {power - 1, power, power + 1}) {
      EXPECT_EQ(U64(v), std::to_string(v));
      if (v <= std::numeric_limits<uint32_t>::max()) {
        EXPECT_EQ(U32(static_cast<uint32_t>(v)), std::to_string(v));
      }
      EXPECT_EQ(CountDigits(v), std::to_string(v).size());
      const auto s = static_cast<int64_t>(v);
      EXPECT_EQ(I64(s), std::to_string(s));
      EXPECT_EQ(I64(-s), std::to_string(-s));
    }
  }
  const auto max = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(U64(max), std::to_string(max));
  const auto min = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(I64(min), std::to_string(min));
}

TEST(Strings, ParsesWhatItFormats) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const uint64_t v = random() >> (random() % 64);
    uint64_t u = 0;
    ASSERT_TRUE(ParseU64(U64(v), &u));
    ASSERT_EQ(u, v);
    const auto s = static_cast<int64_t>(v);
    int64_t parsed = 0;
    ASSERT_TRUE(ParseI64(I64(s), &parsed));
    ASSERT_EQ(parsed, s);
  }
}

TEST(Strings, RefusesWhatIsNoNumber) {
  for (const char* text : {"", " ", "-", "+1", "1 ", " 1", "1x", "x", "--1",
                           "0x1", "1.0", "99999999999999999999999"}) {
    uint32_t u32 = 7;
    uint64_t u64 = 7;
    int32_t i32 = 7;
    int64_t i64 = 7;
    EXPECT_FALSE(ParseU32(text, &u32)) << text;
    EXPECT_FALSE(ParseU64(text, &u64)) << text;
    EXPECT_FALSE(ParseI32(text, &i32)) << text;
    EXPECT_FALSE(ParseI64(text, &i64)) << text;
    EXPECT_EQ(u32 + u64, 14u);
    EXPECT_EQ(i32 + i64, 14);
  }
  uint64_t u64;
  EXPECT_FALSE(ParseU64("-1", &u64));
}

TEST(Strings, KnowsTheLimitsOfTypes) {
  uint32_t u32;
  EXPECT_TRUE(ParseU32("4294967295", &u32));
  EXPECT_EQ(u32, 4294967295u);
  EXPECT_FALSE(ParseU32("4294967296", &u32));
  EXPECT_TRUE(ParseU32("00000000001", &u32));
  EXPECT_FALSE(ParseU32("000000000001", &u32));
  int32_t i32;
  EXPECT_TRUE(ParseI32("2147483647", &i32));
  EXPECT_FALSE(ParseI32("2147483648", &i32));
  EXPECT_TRUE(ParseI32("-2147483648", &i32));
  EXPECT_EQ(i32, std::numeric_limits<int32_t>::min());
  EXPECT_FALSE(ParseI32("-2147483649", &i32));
  uint64_t u64;
  EXPECT_TRUE(ParseU64("18446744073709551615", &u64));
  EXPECT_EQ(u64, std::numeric_limits<uint64_t>::max());
  EXPECT_FALSE(ParseU64("18446744073709551616", &u64));
  int64_t i64;
  EXPECT_TRUE(ParseI64("-9223372036854775808", &i64));
  EXPECT_EQ(i64, std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(ParseI64("9223372036854775808", &i64));
}

TEST(Strings, LooseNumbersAreTheCLibrarys) {
  uint64_t u64 = 0;
  for (const char* text : {"12", " 12", "12 ", "+12", "\t12\r\n", "12 x",
                           "00000000000000000000000000012"}) {
    EXPECT_TRUE(ParseLooseU64(text, &u64)) << text;
    EXPECT_EQ(u64, 12u) << text;
    u64 = 0;
  }
  for (const char* text : {"", " ", "+", "-1", "+-1", "12x", "x", "\0012"}) {
    EXPECT_FALSE(ParseLooseU64(text, &u64)) << text;
  }
  for (const char* text : {"-0", " -000 "}) {
    u64 = 1;
    EXPECT_TRUE(ParseLooseU64(text, &u64)) << text;
    EXPECT_EQ(u64, 0u) << text;
  }
  for (const char* text : {"-", "-01", "-0x", "--0"}) {
    EXPECT_FALSE(ParseLooseU64(text, &u64)) << text;
  }
  int64_t i64 = 0;
  EXPECT_TRUE(ParseLooseI64(" -12 ", &i64));
  EXPECT_EQ(i64, -12);
  EXPECT_FALSE(ParseLooseI64("+-12", &i64));
}

// Exactly these bytes, whatever their number, from and to any place.
TEST(Bytes, SameBytesSeesEveryByte) {
  for (size_t n = 0; n <= 40; ++n) {
    const std::string a(n, 'a');
    std::string b = a;
    EXPECT_TRUE(SameBytes(a.data(), b.data(), n));
    for (size_t i = 0; i < n; ++i) {
      b[i] = 'b';
      EXPECT_FALSE(SameBytes(a.data(), b.data(), n)) << n << " at " << i;
      b[i] = 'a';
    }
  }
}

TEST(Bytes, CopyShort) {
  constexpr size_t kMost = 300, kMargin = 64;
  std::string from;
  for (size_t i = 0; i < kMost; ++i) from += static_cast<char>('a' + i % 23);
  for (size_t n = 0; n <= kMost; ++n) {
    const std::string source = from.substr(0, n);  // ASan guards its end
    const std::unique_ptr<char[]> exact(new char[n]);
    std::copy(source.begin(), source.end(), exact.get());
    std::string to(kMargin + n + kMargin, '.');
    char* const end = CopyShort(to.data() + kMargin, exact.get(), n);
    EXPECT_EQ(end, to.data() + kMargin + n);
    const std::string dots(kMargin, '.');
    ASSERT_EQ(to, dots + source + dots) << n;
  }
  char to = '.';
  EXPECT_EQ(CopyShort(&to, nullptr, 0), &to);
}

TEST(Strings, Doubles) {
  double d = 0;
  EXPECT_TRUE(ParseDouble("1.5", &d));
  EXPECT_EQ(d, 1.5);
  EXPECT_FALSE(ParseDouble("", &d));
  EXPECT_FALSE(ParseDouble("1.5x", &d));
  EXPECT_FALSE(ParseDouble("1e999", &d));
  EXPECT_FALSE(ParseDouble(std::string(40, '1'), &d));
}

std::string Encode(std::string_view bytes) {
  std::string text(Base64Size(bytes.size()), '?');
  EXPECT_EQ(Base64Encode(bytes, text.data()), text.data() + text.size());
  return text;
}

std::string Decode(std::string_view text) {
  std::string bytes(text.size(), '?');
  bytes.resize(Base64Decode(text, bytes.data()));
  return bytes;
}

TEST(Strings, Base64OfRfc4648) {
  EXPECT_EQ(Encode(""), "");
  EXPECT_EQ(Encode("f"), "Zg==");
  EXPECT_EQ(Encode("fo"), "Zm8=");
  EXPECT_EQ(Encode("foo"), "Zm9v");
  EXPECT_EQ(Encode("foob"), "Zm9vYg==");
  EXPECT_EQ(Encode("fooba"), "Zm9vYmE=");
  EXPECT_EQ(Encode("foobar"), "Zm9vYmFy");
}

TEST(Strings, Base64RoundTrip) {
  std::mt19937 random(2);
  for (size_t n = 1; n <= 188; ++n) {
    std::string bytes(n, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    ASSERT_EQ(Decode(Encode(bytes)), bytes);
  }
}

TEST(Strings, Base64Refuses) {
  for (const char* text : {"", "!!!", "Z", "Zg", "Zg=", "====", "Z==="}) {
    EXPECT_EQ(Decode(text), "") << text;
  }
  // Bytes that are no symbols are passed over, and so is what follows the end.
  EXPECT_EQ(Decode("Z!g=="), "f");
  EXPECT_EQ(Decode("Zg==Zm9v"), "f");
}

TEST(Strings, UriEncodesAllButUnreserved) {
  EXPECT_EQ(UriEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(UriEncode("a b%\n\xff"), "a%20b%25%0A%FF");
}

}  // namespace
}  // namespace cucache
