// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/text.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "proto/response.h"
#include "proto/tokens.h"

namespace cucache {
namespace {

std::vector<std::string> Split(const std::string& line) {
  const Tokens tokens(line);
  std::vector<std::string> list;
  for (size_t i = 0; i < tokens.size(); ++i) list.emplace_back(tokens[i]);
  return list;
}

TEST(Tokens, OnlySpacesSeparate) {
  using List = std::vector<std::string>;
  EXPECT_EQ(Split(""), List());
  EXPECT_EQ(Split("   "), List());
  EXPECT_EQ(Split("a"), List({"a"}));
  EXPECT_EQ(Split("  a  b "), List({"a", "b"}));
  EXPECT_EQ(Split("a\tb \xff\x80 c\rd"), List({"a\tb", "\xff\x80", "c\rd"}));
  EXPECT_EQ(Split(std::string(100, 'x') + " y"),
            List({std::string(100, 'x'), "y"}));
}

TEST(Tokens, KeepsAtMostKMax) {
  std::string line;
  for (int i = 0; i < 40; ++i) line += std::to_string(i) + " ";
  const Tokens tokens(line);
  ASSERT_EQ(tokens.size(), Tokens::kMax);
  EXPECT_EQ(tokens.back(), "22");
}

// Lines of every length, cut from memory of their own (AddressSanitizer), with
// spaces at random.
TEST(Tokens, AgreeWithALoop) {
  std::mt19937 draw(1);
  for (size_t length = 0; length < 200; ++length) {
    for (int turn = 0; turn < 40; ++turn) {
      const unsigned most = 2 + draw() % 30;
      std::vector<char> line(length);
      for (char& c : line) {
        c = draw() % most == 0 ? ' ' : static_cast<char>(draw());
      }
      std::vector<std::string> split;
      std::istringstream rest(std::string(line.begin(), line.end()));
      for (std::string token; std::getline(rest, token, ' ');) {
        if (!token.empty()) split.push_back(token);
      }
      if (split.size() > Tokens::kMax) split.resize(Tokens::kMax);
      const Tokens tokens({line.data(), line.size()});
      ASSERT_EQ(tokens.size(), split.size());
      for (size_t i = 0; i < split.size(); ++i) ASSERT_EQ(tokens[i], split[i]);
    }
  }
}

// Every byte before the delimiter, every distance, every alignment.
TEST(Tokens, FindDelimiterAgreesWithALoop) {
  for (size_t start = 0; start < 8; ++start) {
    for (size_t at = 0; at < 40; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        std::string text(start + at, 'x');
        text += c;
        text += "yyyyyyyyyyyy";
        const char* p = text.data() + start;
        const char* end = text.data() + text.size();
        const bool stops = c == ' ' || c == '\n';
        ASSERT_EQ(FindDelimiter(p, end), stops ? p + at : end);
      }
    }
  }
}

TEST(Tokens, FindPlainEndAgreesWithALoop) {
  for (size_t at = 0; at < 40; ++at) {
    for (size_t rest = 0; rest < 20; ++rest) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(at, 'x');
        text += static_cast<char>(byte);
        // Of its own, so that a sanitizer sees a read beyond it.
        text += std::string(rest, ' ');
        const std::vector<char> exact(text.begin(), text.end());
        const char* const p = exact.data();
        const char* const end = p + exact.size();
        const char* wanted = p;
        while (wanted != end && static_cast<uint8_t>(*wanted) > ' ') ++wanted;
        ASSERT_EQ(FindPlainEnd(p, end), wanted) << at << " " << byte;
        ASSERT_EQ(FindPlainEndShort(p, end), wanted) << at << " " << byte;
      }
    }
  }
}

TEST(Line, DropsTheLineEnd) {
  for (const std::string text : {"ab\n", "ab\r\n"}) {
    const Line line(text.data(), text.data() + text.size() - 1);
    EXPECT_EQ(line.text, "ab");
    EXPECT_EQ(line.next, text.data() + text.size());
  }
  const std::string text = "\n";
  EXPECT_EQ(Line(text.data(), text.data()).text, "");
}

class TextLines : public testing::Test {
 protected:
  // The line must outlive what points into it.
  TextRequest Store(const std::string& line, bool with_cas = false) {
    line_ = line;
    TextRequest out;
    ParseStoreLine(Tokens(line_), StoreMode::kSet, with_cas, clock_, &out);
    return out;
  }
  Clock clock_;
  std::string line_;
};

TEST_F(TextLines, Store) {
  const TextRequest r = Store("set key 7 100 5");
  EXPECT_EQ(r.error, "");
  EXPECT_TRUE(r.has_value);
  EXPECT_FALSE(r.noreply);
  EXPECT_EQ(r.request.key, "key");
  EXPECT_EQ(r.request.flags, 7u);
  EXPECT_EQ(r.request.exptime, clock_.FromExptime(100));
  EXPECT_EQ(r.request.value_length, 5u);
  EXPECT_EQ(r.request.options, 0);
}

// What ParsePlainSet makes of a line with a value behind it; nullptr: nothing.
const char* ParsePlainSetLine(const std::string& input, const Clock& clock,
                              Request* out, bool* noreply) {
  return ParsePlainSet(input.data() + 4, input.data() + input.size(), clock,
                       out, noreply);
}

// The short way says what the long way says, or nothing.
TEST_F(TextLines, PlainSet) {
  const std::string k250(250, 'k');
  const std::string value(40, 'v');
  for (const std::string& line : std::vector<std::string>{
           "set k 0 0 0", "set key 7 100 5", "set k 123456789 999999999 12",
           "set k 0 0 5 noreply", "set k 7 100 5 noreply",
           "set " + k250 + " 1 2 3"}) {
    const std::string input = line + "\r\n" + value;
    Request plain;
    bool noreply = !line.ends_with("noreply");
    EXPECT_EQ(ParsePlainSetLine(input, clock_, &plain, &noreply),
              input.data() + line.size() + 2)
        << line;
    const TextRequest r = Store(line);
    EXPECT_EQ(r.error, "");
    EXPECT_EQ(noreply, r.noreply);
    EXPECT_EQ(plain.key, r.request.key);
    EXPECT_EQ(plain.flags, r.request.flags);
    EXPECT_EQ(plain.exptime, r.request.exptime);
    EXPECT_EQ(plain.value_length, r.request.value_length);
    EXPECT_EQ(plain.mode, r.request.mode);
    EXPECT_EQ(plain.options, r.request.options);
  }
  for (const std::string& line :
       std::vector<std::string>{"set ",
                                "set k",
                                "set k ",
                                "set k 0",
                                "set k 0 0",
                                "set k 0 0 ",
                                "set  k 0 0 1",
                                "set k  0 0 1",
                                "set k 0 0 1 ",
                                "set k 0 0 1  noreply",
                                "set k 0 0 1 noreply ",
                                "set k 0 0 1 noreplyx",
                                "set k 0 0 1 Noreply",
                                "set k 0 0 1 more",
                                "set k -1 0 1",
                                "set k 0 -1 1",
                                "set k 0 0 -1",
                                "set k 0 0 x",
                                "set k 1234567890 0 1",
                                "set k 0 0 1234567890",
                                "set k 0 0 1x",
                                "set k 0x 0 1",
                                "set k\t 0 0 1",
                                "set k\r 0 0 1",
                                "set k 0 0 1\n",
                                "set " + k250 + "k 1 2 3"}) {
    Request plain;
    bool noreply;
    EXPECT_EQ(
        ParsePlainSetLine(line + "\r\n" + value, clock_, &plain, &noreply),
        nullptr)
        << line;
  }
}

// Cut off anywhere, a line is none, and nothing behind the end is looked at
// (AddressSanitizer).
TEST_F(TextLines, PlainSetThatIsCutOff) {
  const std::string whole = "set key 123456789 999999999 123456789 noreply\r\n";
  for (size_t n = 4; n < whole.size(); ++n) {
    const std::vector<char> exact(whole.begin(), whole.begin() + n);
    Request plain;
    bool noreply;
    EXPECT_EQ(ParsePlainSet(exact.data() + 4, exact.data() + n, clock_, &plain,
                            &noreply),
              nullptr);
  }
}

TEST_F(TextLines, StoreWithCas) {
  const TextRequest r = Store("cas k 0 0 1 18446744073709551615 noreply", true);
  EXPECT_EQ(r.error, "");
  EXPECT_TRUE(r.noreply);
  EXPECT_EQ(r.request.cas, ~uint64_t{0});
  EXPECT_TRUE(r.request.Has(kCompareCas));
}

TEST_F(TextLines, WrongButTheValueIsKnown) {
  for (const char* line : {"set k x 0 3", "set k 0 x 3", "set k 4294967296 0 3",
                           "set k -1 0 3", "set k 0 99999999999999999999 3"}) {
    const TextRequest r = Store(line);
    EXPECT_EQ(r.error, reply::kBadFormat) << line;
    EXPECT_TRUE(r.has_value) << line;
    EXPECT_EQ(r.request.value_length, 3u) << line;
  }
  const TextRequest longest = Store("set " + std::string(251, 'k') + " 0 0 3");
  EXPECT_EQ(longest.error, reply::kBadFormat);
  EXPECT_TRUE(longest.has_value);
  for (const char* line : {"cas k 0 0 3", "cas k 0 0 3 x", "cas k 0 0 3 -1"}) {
    const TextRequest r = Store(line, true);
    EXPECT_EQ(r.error, reply::kBadFormat) << line;
    EXPECT_TRUE(r.has_value) << line;
  }
}

// Nothing is swallowed, and noreply is not heard.
TEST_F(TextLines, WrongWithoutAValue) {
  for (const char* line :
       {"set", "set k", "set k 0 0", "set k 0 0 x noreply",
        "set k 0 0 -1 noreply", "set k 0 0 2147483646 noreply",
        "set k 0 0 4294967296"}) {
    const TextRequest r = Store(line);
    EXPECT_EQ(r.error, reply::kBadFormat) << line;
    EXPECT_FALSE(r.has_value) << line;
    EXPECT_FALSE(r.noreply) << line;
  }
  EXPECT_TRUE(Store("set k 0 0 2147483645").has_value);
}

TEST_F(TextLines, Arithmetic) {
  TextRequest r;
  ParseArithmeticLine(Tokens("decr k 5"), true, &r);
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.request.delta, 5u);
  EXPECT_TRUE(r.request.Has(kDecrement));
  TextRequest bad;
  ParseArithmeticLine(Tokens("incr k noreply"), false, &bad);
  EXPECT_EQ(bad.error, reply::kBadDelta);
  EXPECT_TRUE(bad.noreply);
  TextRequest brief;
  ParseArithmeticLine(Tokens("incr k"), false, &brief);
  EXPECT_EQ(brief.error, reply::kBadFormat);
}

TEST_F(TextLines, Touch) {
  TextRequest r;
  ParseTouchLine(Tokens("touch k 10"), clock_, &r);
  EXPECT_EQ(r.error, "");
  EXPECT_TRUE(r.request.Has(kTouch));
  EXPECT_EQ(r.request.exptime, clock_.FromExptime(10));
  TextRequest bad;
  ParseTouchLine(Tokens("touch k 2147483648"), clock_, &bad);
  EXPECT_EQ(bad.error, reply::kBadExptime);
}

TEST_F(TextLines, DeleteIgnoresMore) {
  TextRequest r;
  ParseDeleteLine(Tokens("delete k 5 6"), &r);
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.request.key, "k");
  TextRequest silent;
  ParseDeleteLine(Tokens("delete noreply"), &silent);
  EXPECT_EQ(silent.request.key, "noreply");
  EXPECT_TRUE(silent.noreply);
}

}  // namespace
}  // namespace cucache
