// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/record.h"

#include <gtest/gtest.h>

#include <string>

namespace cucache::tools {
namespace {

std::string Again(std::string_view line) {
  Record record;
  const char* const wrong = ParseRecord(line, &record);
  if (wrong != nullptr) return std::string("! ") + wrong;
  std::string text;
  AppendRecord(record, &text);
  return text;
}

TEST(RecordTest, LinesOfADump) {
  for (const std::string line : {"ms k 0", "ms k 1073741824 E1",
                                 "ms a/b%c 12 F4294967295 T1900000000 E5",
                                 "ms AAEC 3 b E18446744073709551615",
                                 "md k q I C7", "md AAEC q b I C7", "EN"}) {
    EXPECT_EQ(Again(line), line + "\r\n");
  }
  Record record;
  EXPECT_EQ(ParseRecord("ms AAEC 3 b F2 T4000000000 E9", &record), nullptr);
  EXPECT_EQ(record.kind, Record::Kind::kStore);
  EXPECT_EQ(record.key, "AAEC");
  EXPECT_TRUE(record.base64);
  EXPECT_EQ(record.length, 3u);
  EXPECT_EQ(record.flags, 2u);
  EXPECT_EQ(record.exptime, 4000000000);
  EXPECT_TRUE(record.has_cas);
  EXPECT_EQ(record.cas, 9u);
}

TEST(RecordTest, WhatNoDumpHas) {
  const std::string lines[] = {"",
                               " ",
                               "ms",
                               "ms k",
                               "ms k x",
                               "ms k -1",
                               "ms k 1073741825",
                               "ms k 99999999999999999999999",
                               "ms k 1 F",
                               "ms k 1 F4294967296",
                               "ms k 1 T-1",
                               "ms k 1 Tx",
                               "ms k 1 E",
                               "ms k 1 E-1",
                               "ms k 1 ME",
                               "ms k 1 q",
                               "ms k 1 I",
                               "ms k 1 C5",
                               "ms k 1 bx",
                               "ms k 1 k",
                               "md k q",
                               "md k q I F1",
                               "md k q I E1",
                               "md k q I x",
                               "md",
                               "EN x",
                               "END",
                               "set k 0 0 1",
                               "flush_all",
                               "mg k",
                               "VA 1",
                               "ms k\x01 1",
                               "ms k\x7f 1",
                               "ms k\r 1",
                               std::string("ms k\0 1", 7),
                               "ms " + std::string(251, 'k') + " 1",
                               "ms !!!! 1 b",
                               "ms " + std::string(340, 'A') + " 1 b",
                               "ms " + std::string(2000, 'A') + " 1 b"};
  for (const std::string& line : lines) {
    EXPECT_EQ(Again(line).substr(0, 2), "! ") << line;
  }
  EXPECT_EQ(Again("ms " + std::string(250, 'k') + " 1")[0], 'm');
  EXPECT_EQ(Again("ms " + std::string(336, 'A') + " 1 b")[0], 'm');
}

TEST(RecordTest, AnyBytesAreParsedOrRefused) {
  uint64_t random = 88172645463325252u;
  const std::string words[] = {"ms", "md", "EN", "k", "AAEC", "1",    "b", "F1",
                               "T1", "E1", "q",  "I", "C1",   "\xff", "-", ""};
  for (int i = 0; i < 200000; ++i) {
    std::string line;
    for (int k = 0; k < 6; ++k) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      line += words[random % std::size(words)];
      line += random >> 20 & 1 ? ' ' : static_cast<char>(random >> 32);
    }
    Record record;
    if (ParseRecord(line, &record) != nullptr) continue;
    const std::string made = Again(line);
    EXPECT_EQ(made.find('\n'), made.size() - 1) << line;
    EXPECT_EQ(Again(made.substr(0, made.size() - 2)), made) << line;
  }
}

TEST(RecordTest, KeysOfMgdump) {
  Record record;
  EXPECT_EQ(ParseDumpedKey("mg foo", &record), nullptr);
  EXPECT_EQ(record.key, "foo");
  EXPECT_FALSE(record.base64);
  EXPECT_EQ(ParseDumpedKey("mg AAEC b", &record), nullptr);
  EXPECT_TRUE(record.base64);
  for (const char* line : {"mg", "mg a b c", "mg a c", "me a", "EN"}) {
    EXPECT_NE(ParseDumpedKey(line, &record), nullptr) << line;
  }
}

TEST(RecordTest, HeadsOfValues) {
  Record record;
  EXPECT_EQ(ParseValueHead("VA 5 f7 t99 c12", &record), nullptr);
  EXPECT_EQ(record.length, 5u);
  EXPECT_EQ(record.flags, 7u);
  EXPECT_EQ(record.exptime, 99);
  EXPECT_EQ(record.cas, 12u);
  EXPECT_FALSE(record.stale);
  EXPECT_EQ(ParseValueHead("VA 0 f0 t-1 c1 W X", &record), nullptr);
  EXPECT_EQ(record.exptime, -1);
  EXPECT_TRUE(record.stale);
  for (const char* line :
       {"HD", "VA", "VA x", "VA 1 fx", "VA 1 t", "VA 1 c-1"}) {
    EXPECT_NE(ParseValueHead(line, &record), nullptr) << line;
  }
}

TEST(RecordTest, CommandsThatStore) {
  Record record;
  ASSERT_EQ(ParseRecord("ms AAEC 3 b F2 T2000000000 E9", &record), nullptr);
  const auto command = [&](bool keep_cas, bool only_missing) {
    std::string text;
    AppendStore(record, {keep_cas, only_missing}, &text);
    return text;
  };
  EXPECT_EQ(command(false, false), "ms AAEC 3 b F2 T2000000000\r\n");
  EXPECT_EQ(command(true, false), "ms AAEC 3 b F2 T2000000000 E9\r\n");
  EXPECT_EQ(command(false, true), "ms AAEC 3 b F2 T2000000000 ME\r\n");
  // What is later than ms can say becomes the latest that it can.
  record.exptime = 4000000000;
  EXPECT_EQ(command(false, false), "ms AAEC 3 b F2 T2147483647\r\n");
}

}  // namespace
}  // namespace cucache::tools
