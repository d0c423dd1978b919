// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/binary.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/version.h"
#include "session_fixture.h"

namespace cucache {
namespace {

constexpr uint32_t kOpaque = 0xdeadbeef;
const std::string kKey250(250, 'k');
const std::string kKey251(251, 'k');

template <class T>
std::string Big(T value) {
  char bytes[sizeof(T)];
  StoreBig(value, bytes);
  return {bytes, sizeof(T)};
}

// A packet as a client makes it; the fields of the header may be changed.
struct Ask {
  uint8_t opcode;
  std::string key, extras, value;
  uint64_t cas = 0;
  uint32_t opaque = kOpaque;

  std::string bytes() const {
    return "\x80" + std::string(1, static_cast<char>(opcode)) +
           Big(static_cast<uint16_t>(key.size())) +
           std::string(1, static_cast<char>(extras.size())) +
           std::string(3, '\0') +
           Big(static_cast<uint32_t>(extras.size() + key.size() +
                                     value.size())) +
           Big(opaque) + Big(cas) + extras + key + value;
  }
};
std::string operator+(const Ask& a, const Ask& b) {
  return a.bytes() + b.bytes();
}
std::string operator+(const std::string& a, const Ask& b) {
  return a + b.bytes();
}

Ask Simple(uint8_t opcode, std::string key = "") {
  return {opcode, key, "", ""};
}
Ask Set(std::string key, std::string value, uint8_t opcode = 0x01,
        uint64_t cas = 0, uint32_t flags = 5, uint32_t exptime = 0) {
  return {opcode, key, Big(flags) + Big(exptime), value, cas};
}
Ask Count(std::string key, uint64_t delta, uint64_t initial, uint32_t exptime,
          uint8_t opcode = 0x05, uint64_t cas = 0) {
  return {opcode, key, Big(delta) + Big(initial) + Big(exptime), "", cas};
}
Ask Join(std::string key, std::string value, uint8_t opcode = 0x0e) {
  return {opcode, key, "", value};
}
Ask TouchAsk(uint8_t opcode, std::string key, uint32_t exptime = 0) {
  return {opcode, key, Big(exptime), ""};
}

// A reply, written down as a line: opcode, status, extras and key in hex or
// text, value; ids that are not 0 are shown as "cas".
struct Told {
  uint8_t opcode = 0;
  uint16_t status = 0;
  std::string extras, key, value;
  uint64_t cas = 0;
  uint32_t opaque = 0;
};

std::vector<Told> Parse(const std::string& bytes) {
  std::vector<Told> all;
  size_t at = 0;
  while (at + kBinaryHeader <= bytes.size()) {
    const char* p = bytes.data() + at;
    Told told;
    EXPECT_EQ(static_cast<uint8_t>(p[0]), 0x81);
    EXPECT_EQ(p[5], 0) << "data type";
    told.opcode = static_cast<uint8_t>(p[1]);
    told.status = LoadBig<uint16_t>(p + 6);
    const size_t key = LoadBig<uint16_t>(p + 2);
    const size_t extras = static_cast<uint8_t>(p[4]);
    const size_t body = LoadBig<uint32_t>(p + 8);
    told.opaque = LoadBig<uint32_t>(p + 12);
    told.cas = LoadBig<uint64_t>(p + 16);
    if (at + kBinaryHeader + body > bytes.size()) break;
    const std::string all_of_it = bytes.substr(at + kBinaryHeader, body);
    told.extras = all_of_it.substr(0, extras);
    told.key = all_of_it.substr(extras, key);
    told.value = all_of_it.substr(extras + key);
    all.push_back(told);
    at += kBinaryHeader + body;
  }
  EXPECT_EQ(at, bytes.size()) << "a reply is not whole";
  return all;
}

std::string Show(const std::string& bytes) {
  std::string text;
  for (const Told& told : Parse(bytes)) {
    char head[32];
    std::snprintf(head, sizeof(head), "%02x %02x", told.opcode, told.status);
    text += head;
    if (told.cas != 0) text += " cas";
    if (told.opaque != kOpaque) text += " opaque?";
    if (told.extras.size() == 4) {
      text += " f" + std::to_string(LoadBig<uint32_t>(told.extras.data()));
    } else if (!told.extras.empty()) {
      text += " extras?";
    }
    if (!told.key.empty()) text += " k:" + told.key;
    if (!told.value.empty()) text += " v:" + told.value;
    text += "\n";
  }
  return text;
}

struct Transcript {
  std::string input;
  std::string output;
  bool closes = false;
};

// What memcached 1.6.45 answers, but for what doc/differences.md says.
const std::vector<Transcript> kTranscripts = {
    // Sets, and the ways to read.
    {Set("a", "abc") + Simple(0x00, "a") + Simple(0x0c, "a") +
         Simple(0x09, "a") + Simple(0x0d, "a"),
     "01 00 cas\n00 00 cas f5 v:abc\n0c 00 cas f5 k:a v:abc\n"
     "09 00 cas f5 v:abc\n0d 00 cas f5 k:a v:abc\n"},
    {Simple(0x00, "x") + Simple(0x0c, "x") + Simple(0x09, "x") +
         Simple(0x0d, "x") + Simple(0x0a),
     "00 01 v:Not found\n0c 01 k:x\n0a 00\n"},
    {Set("a", "") + Simple(0x00, "a") + Set(kKey250, "v") +
         Simple(0x0c, kKey250),
     "01 00 cas\n00 00 cas f5\n01 00 cas\n0c 00 cas f5 k:" + kKey250 +
         " v:v\n"},
    {Set("a", "1", 0x02) + Set("a", "2", 0x02) + Set("b", "3", 0x03) +
         Set("a", "4", 0x03) + Simple(0x00, "a"),
     "02 00 cas\n02 02 v:Data exists for key.\n03 01 v:Not found\n"
     "03 00 cas\n00 00 cas f5 v:4\n"},
    {Set("a", "1", 0x11) + Set("a", "2", 0x12) + Set("b", "3", 0x13) +
         Set("b", "4", 0x12) + Set("b", "5", 0x13) + Simple(0x0d, "b"),
     "12 02 v:Data exists for key.\n13 01 v:Not found\n"
     "0d 00 cas f5 k:b v:5\n"},
    // An id makes cas of all three.
    {Set("a", "1", 0x01, 9) + Set("a", "1", 0x02, 9) + Set("a", "1", 0x03, 9) +
         Set("a", "1") + Set("a", "2", 0x01, 1ull << 60) +
         Set("a", "2", 0x12, 1ull << 60) + Set("a", "2", 0x13, 1ull << 60),
     "01 01 v:Not found\n02 01 v:Not found\n03 01 v:Not found\n01 00 cas\n"
     "01 02 v:Data exists for key.\n12 02 v:Data exists for key.\n"
     "13 02 v:Data exists for key.\n"},
    {Join("a", "x") + Join("a", "y", 0x0f) + Join("a", "x", 0x19) +
         Set("a", "1") + Join("a", "2") + Join("a", "0", 0x0f) +
         Join("a", "3", 0x19) + Join("a", "9", 0x1a) + Join("a", "") +
         Simple(0x00, "a"),
     "0e 05 v:Not stored.\n0f 05 v:Not stored.\n19 05 v:Not stored.\n"
     "01 00 cas\n0e 00 cas\n0f 00 cas\n0e 00 cas\n00 00 cas f5 v:90123\n"},
    {Set("a", "1") + Ask{0x0e, "a", "", "2", 1ull << 60} + Simple(0x00, "a"),
     "01 00 cas\n0e 02 v:Data exists for key.\n00 00 cas f5 v:1\n"},
    // Delete.
    {Simple(0x04, "a") + Simple(0x14, "a") + Set("a", "1") +
         Ask{0x04, "a", "", "", 1ull << 60} + Simple(0x04, "a") +
         Set("a", "1") + Simple(0x14, "a") + Simple(0x00, "a"),
     "04 01 v:Not found\n14 01 v:Not found\n01 00 cas\n"
     "04 02 v:Data exists for key.\n04 00\n01 00 cas\n00 01 v:Not found\n"},
    // Counters.
    {Count("n", 1, 7, 0xffffffff) + Count("n", 1, 7, 0) + Count("n", 5, 7, 0) +
         Count("n", 100, 7, 0, 0x06) + Count("n", 3, 0, 0, 0x15) +
         Count("n", 1, 0, 0, 0x16) + Simple(0x00, "n"),
     "05 01 v:Not found\n05 00 cas v:" + Big(uint64_t{7}) +
         "\n05 00 cas v:" + Big(uint64_t{12}) +
         "\n06 00 cas v:" + Big(uint64_t{0}) + "\n00 00 cas f0 v:2\n"},
    {Set("n", "x") + Count("n", 1, 1, 0) + Count("n", 1, 1, 0, 0x16) +
         Set("n", "18446744073709551615") + Count("n", 2, 0, 0) +
         Count("n", 2, 0, 0, 0x05, 1ull << 60) + Simple(0x00, "n"),
     "01 00 cas\n05 06 v:Non-numeric server-side value for incr or decr\n"
     "16 06 v:Non-numeric server-side value for incr or decr\n01 00 cas\n"
     "05 00 cas v:" +
         Big(uint64_t{1}) +
         "\n05 02 v:Data exists for key.\n"
         "00 00 cas f5 v:1\n"},
    // Touch, get and touch.
    {TouchAsk(0x1c, "t") + TouchAsk(0x1d, "t") + TouchAsk(0x23, "t") +
         TouchAsk(0x1e, "t") + TouchAsk(0x24, "t") + Set("t", "v") +
         TouchAsk(0x1c, "t") + TouchAsk(0x1d, "t") + TouchAsk(0x23, "t") +
         TouchAsk(0x1e, "t") + TouchAsk(0x24, "t", 1000),
     "1c 01 v:Not found\n1d 01 v:Not found\n23 01 k:t\n01 00 cas\n"
     "1c 00 cas f5\n1d 00 cas f5 v:v\n23 00 cas f5 k:t v:v\n"
     "1e 00 cas f5 v:v\n24 00 cas f5 k:t v:v\n"},
    // A time that has passed.
    {Set("t", "v") + TouchAsk(0x1d, "t", 2592001) + Simple(0x00, "t") +
         Set("t", "v", 0x01, 0, 5, 2592001) + Simple(0x00, "t") +
         Set("t", "v", 0x01, 0, 5, 0xffffffff) + Simple(0x00, "t"),
     "01 00 cas\n1d 00 cas f5 v:v\n00 01 v:Not found\n01 00 cas\n"
     "00 01 v:Not found\n01 00 cas\n00 00 cas f5 v:v\n"},
    // Others.
    {Simple(0x0a) + Simple(0x0b) + Ask{0x1b, "", Big(uint32_t{1}), ""} +
         Simple(0x0a),
     "0a 00\n0b 00 v:" + std::string(kVersion) + "\n1b 00\n0a 00\n"},
    {Set("a", "1") + Simple(0x08) + Simple(0x00, "a") + Set("a", "1") +
         Simple(0x18) + Simple(0x00, "a") + Set("a", "1") +
         Ask{0x08, "", Big(uint32_t{1000}), ""} + Simple(0x00, "a") +
         Simple(0x08),
     "01 00 cas\n08 00\n00 01 v:Not found\n01 00 cas\n00 01 v:Not found\n"
     "01 00 cas\n08 00\n00 00 cas f5 v:1\n08 00\n"},
    // What nobody knows has a length all the same.
    {Ask{0x1f, "key", "extras", "value"} + Ask{0x30, "key", "ext", "value"} +
         Ask{0x3c, "", "", std::string(5000, '\x80')} + Simple(0xff) +
         Simple(0x0a),
     "1f 81 v:Unknown command\n30 81 v:Unknown command\n"
     "3c 81 v:Unknown command\nff 81 v:Unknown command\n0a 00\n"},
    {Simple(0x20) + Ask{0x21, "PLAIN", "", std::string("\0u\0p", 4)} +
         Ask{0x22, "PLAIN", "", ""} + Simple(0x0a),
     "20 81 v:Unknown command\n21 81 v:Unknown command\n"
     "22 81 v:Unknown command\n0a 00\n"},
    // Values that are too large, and what comes behind them.
    {Set("a", "1") + Set("a", std::string(1 << 20, 'x')) + Simple(0x00, "a") +
         Join("a", std::string(1 << 20, 'x'), 0x19) + Simple(0x0a),
     "01 00 cas\n01 03 v:Too large.\n00 01 v:Not found\n"
     "19 03 v:Too large.\n0a 00\n"},
    // The end.
    {Simple(0x0a) + Simple(0x07) + Simple(0x0a), "0a 00\n07 00\n", true},
    {Simple(0x0a) + Simple(0x17) + Simple(0x0a), "0a 00\n", true},
    {Simple(0x0a).bytes() + "get a\r\n" + Simple(0x0a), "0a 00\n", true},
};

class BinaryTranscripts : public testing::TestWithParam<size_t> {
 protected:
  static bool Large(const Transcript& t) { return t.input.size() > 20000; }
  void Forget() {
    LoneConnection connection(server_);
    ASSERT_EQ(connection.Ask(Simple(0x08).bytes()).size(), kBinaryHeader);
  }
  LoneServer server_;
};

TEST_P(BinaryTranscripts, Whole) {
  const Transcript& t = kTranscripts[GetParam()];
  LoneConnection connection(server_);
  EXPECT_EQ(Show(connection.Ask(t.input)), t.output);
  EXPECT_EQ(connection.closed(), t.closes);
  if (!t.closes) {
    EXPECT_EQ(connection.session().receive_left(), 0u);
    EXPECT_EQ(connection.kept(), 0u);
  }
}

TEST_P(BinaryTranscripts, CutOnceAnywhere) {
  const Transcript& t = kTranscripts[GetParam()];
  const size_t step = Large(t) ? 90001 : 1;
  for (const bool spans : {true, false}) {
    for (size_t cut = 1; cut < t.input.size(); cut += step) {
      Forget();
      LoneConnection connection(server_);
      connection.receive_spans = spans;
      connection.Send(t.input.substr(0, cut));
      const std::string got = connection.Ask(t.input.substr(cut));
      ASSERT_EQ(Show(got), t.output) << "cut at " << cut;
      ASSERT_EQ(connection.closed(), t.closes);
    }
  }
}

TEST_P(BinaryTranscripts, InPieces) {
  const Transcript& t = kTranscripts[GetParam()];
  for (const size_t piece : {1, 2, 3, 23, 24, 25, 100}) {
    if (Large(t) && piece < 100) continue;
    Forget();
    LoneConnection connection(server_);
    connection.budget = 1 + static_cast<int>(piece % 3);
    for (size_t at = 0; at < t.input.size(); at += piece) {
      connection.Send(t.input.substr(at, piece));
    }
    ASSERT_EQ(Show(connection.output().Take()), t.output) << piece;
    ASSERT_EQ(connection.closed(), t.closes);
    ASSERT_LE(connection.longest_kept, Session::kMaxLine);
  }
}

// The client reads only now and then.
TEST_P(BinaryTranscripts, Blocked) {
  const Transcript& t = kTranscripts[GetParam()];
  LoneConnection connection(server_);
  connection.output().set_blocked(true);
  connection.Send(t.input);
  EXPECT_EQ(connection.output().text(), "");
  connection.Unblock();
  EXPECT_EQ(Show(connection.output().Take()), t.output);
}

INSTANTIATE_TEST_SUITE_P(All, BinaryTranscripts,
                         testing::Range<size_t>(0, kTranscripts.size()));

class BinaryTest : public testing::Test {
 protected:
  // The reply to the last of these packets.
  Told Last(const std::string& bytes) {
    const std::vector<Told> all = Parse(connection_.Ask(bytes));
    EXPECT_FALSE(all.empty());
    return all.empty() ? Told() : all.back();
  }
  Told Last(const struct Ask& ask) { return Last(ask.bytes()); }

  LoneServer server_;
  LoneConnection connection_{server_};
};

TEST_F(BinaryTest, CasIdsAreTheItems) {
  const uint64_t first = Last(Set("a", "1")).cas;
  EXPECT_NE(first, 0u);
  EXPECT_EQ(Last(Simple(0x00, "a")).cas, first);
  EXPECT_EQ(Last(TouchAsk(0x1c, "a")).cas, first);
  const uint64_t second = Last(Set("a", "2", 0x03, first)).cas;
  EXPECT_NE(second, 0u);
  EXPECT_NE(second, first);
  EXPECT_EQ(Last(Set("a", "3", 0x01, first)).status, 0x02);
  const uint64_t third = Last(Ask{0x0e, "a", "", "1", second}).cas;
  EXPECT_EQ(Last(Simple(0x0c, "a")).cas, third);
  EXPECT_EQ(Last(Count("a", 1, 0, 0, 0x05, second)).status, 0x02);
  const Told counted = Last(Count("a", 1, 0, 0, 0x05, third));
  EXPECT_EQ(counted.value, Big(uint64_t{22}));
  EXPECT_EQ(Last(Ask{0x04, "a", "", "", third}).status, 0x02);
  EXPECT_EQ(Last(Ask{0x04, "a", "", "", counted.cas}).status, 0x00);
  EXPECT_EQ(Last(Simple(0x00, "a")).status, 0x01);
}

TEST_F(BinaryTest, ExpiryOfWhatACounterCreates) {
  EXPECT_EQ(Last(Count("n", 1, 5, 100)).value, Big(uint64_t{5}));
  EXPECT_EQ(Last(Count("n", 1, 5, 0xffffffff)).value, Big(uint64_t{6}));
  server_.clock().Advance(101);
  EXPECT_EQ(Last(Count("n", 1, 5, 0xffffffff)).status, 0x01);
  EXPECT_EQ(Last(Count("n", 1, 5, 0)).value, Big(uint64_t{5}));
}

TEST_F(BinaryTest, TouchChangesTheExpiry) {
  connection_.Ask(Set("a", "v", 0x01, 0, 5, 100).bytes());
  EXPECT_EQ(Last(TouchAsk(0x1c, "a", 1000)).status, 0);
  server_.clock().Advance(500);
  EXPECT_EQ(Last(TouchAsk(0x24, "a", 300)).value, "v");
  server_.clock().Advance(299);
  EXPECT_EQ(Last(Simple(0x00, "a")).status, 0);
  server_.clock().Advance(2);
  EXPECT_EQ(Last(Simple(0x00, "a")).status, 1);
}

// Lengths that the opcode does not have, or that contradict each other.
TEST_F(BinaryTest, WrongLengthsAreAnsweredAndClose) {
  const std::string x4(4, 'x');
  std::vector<Ask> invalid;
  for (const uint8_t opcode : {0x00, 0x09, 0x0c, 0x0d, 0x04, 0x14}) {
    invalid.push_back({opcode, "", "", ""});
    invalid.push_back({opcode, "k", "x", ""});
    invalid.push_back({opcode, "k", "", "x"});
  }
  for (const uint8_t opcode : {0x01, 0x02, 0x03, 0x11, 0x12, 0x13}) {
    invalid.push_back({opcode, "k", "", "x"});
    invalid.push_back({opcode, "k", x4 + "abc", "x"});
    invalid.push_back({opcode, "", x4 + x4, "x"});
  }
  for (const uint8_t opcode : {0x05, 0x06, 0x15, 0x16}) {
    invalid.push_back({opcode, "k", x4, ""});
    invalid.push_back({opcode, "", std::string(20, 'x'), ""});
    invalid.push_back({opcode, "k", std::string(20, 'x'), "x"});
  }
  for (const uint8_t opcode : {0x07, 0x17, 0x0a, 0x0b, 0x20}) {
    invalid.push_back({opcode, "k", "", ""});
    invalid.push_back({opcode, "", x4, ""});
    invalid.push_back({opcode, "", "", "x"});
  }
  for (const uint8_t opcode : {0x08, 0x18}) {
    invalid.push_back({opcode, "k", "", ""});
    invalid.push_back({opcode, "", "x", ""});
    invalid.push_back({opcode, "", x4, "x"});
  }
  for (const uint8_t opcode : {0x0e, 0x0f, 0x19, 0x1a, 0x21, 0x22}) {
    invalid.push_back({opcode, "", "", "x"});
    invalid.push_back({opcode, "k", x4, "x"});
  }
  for (const uint8_t opcode : {0x1c, 0x1d, 0x1e, 0x23, 0x24}) {
    invalid.push_back({opcode, "k", "", ""});
    invalid.push_back({opcode, "", x4, ""});
    invalid.push_back({opcode, "k", x4, "x"});
  }
  invalid.push_back({0x10, "settings", "x", ""});
  invalid.push_back({0x10, "settings", "", "x"});
  invalid.push_back({0x1b, "k", x4, ""});
  for (const uint8_t opcode : {0x00, 0x09, 0x01, 0x11, 0x10, 0x30}) {
    invalid.push_back({opcode, kKey251, opcode % 16 == 1 ? x4 + x4 : "", ""});
  }
  for (const Ask& ask : invalid) {
    LoneConnection c(server_);
    char want[64];
    std::snprintf(want, sizeof(want), "0a 00\n%02x 04 v:Invalid arguments\n",
                  ask.opcode);
    EXPECT_EQ(Show(c.Ask(Simple(0x0a) + ask + Simple(0x0a))), want);
    EXPECT_TRUE(c.closed()) << want;
  }
}

TEST_F(BinaryTest, LengthsThatContradictEachOther) {
  std::string shorter = Set("key", "value").bytes();
  shorter[11] = 10;  // the body; extras and key take 11
  EXPECT_EQ(Show(connection_.Ask(shorter)), "01 81 v:Unknown command\n");
  EXPECT_TRUE(connection_.closed());

  LoneConnection huge(server_);
  std::string endless = Set("key", "value").bytes();
  endless[8] = '\x40';
  EXPECT_EQ(Show(huge.Ask(endless)), "01 04 v:Invalid arguments\n");
  EXPECT_TRUE(huge.closed());
}

TEST_F(BinaryTest, TheProtocolIsTheFirstBytes) {
  struct Case {
    Protocol protocol;
    bool text, binary;
  };
  for (const Case& c : {Case{Protocol::kNegotiating, true, true},
                        Case{Protocol::kAscii, true, false},
                        Case{Protocol::kBinary, false, true}}) {
    Settings settings = SmallCacheSettings();
    settings.binding_protocol = c.protocol;
    LoneServer server(settings);
    LoneConnection text(server), binary(server);
    EXPECT_EQ(text.Ask("mn\r\n"), c.text ? "MN\r\n" : "");
    EXPECT_EQ(text.closed(), !c.text);
    EXPECT_EQ(Show(binary.Ask(Simple(0x0a).bytes())),
              c.binary ? "0a 00\n" : "");
    EXPECT_EQ(binary.closed(), !c.binary);
  }
}

TEST_F(BinaryTest, FlushMayBeForbidden) {
  server_.settings().flush_enabled = false;
  EXPECT_EQ(Show(connection_.Ask(Set("a", "1") + Simple(0x08) + Simple(0x18) +
                                 Simple(0x00, "a"))),
            "01 00 cas\n08 20 v:Auth failure.\n18 20 v:Auth failure.\n"
            "00 00 cas f5 v:1\n");
}

TEST_F(BinaryTest, FlushLater) {
  connection_.Ask(Set("a", "1") + Ask{0x08, "", Big(uint32_t{10}), ""});
  server_.clock().Advance(9);
  EXPECT_EQ(Last(Simple(0x00, "a")).status, 0);
  server_.clock().Advance(2);
  EXPECT_EQ(Last(Simple(0x00, "a")).status, 1);
}

// Effects in the order of the input, though look-ups are collected, and more
// of them than a batch holds.
TEST_F(BinaryTest, PipelineKeepsItsOrder) {
  std::string input, want;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i % 3);
    if (i % 50 == 7) {
      input += Set(key, std::to_string(i), 0x11).bytes();
    } else {
      input += Simple(i % 2 == 0 ? 0x0d : 0x0c, key).bytes();
    }
  }
  std::map<std::string, std::string> model;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i % 3);
    if (i % 50 == 7) {
      model[key] = std::to_string(i);
    } else if (model.contains(key)) {
      want += std::string(i % 2 == 0 ? "0d" : "0c") + " 00 cas f5 k:" + key +
              " v:" + model[key] + "\n";
    } else if (i % 2 != 0) {
      want += "0c 01 k:" + key + "\n";
    }
  }
  EXPECT_EQ(Show(connection_.Ask(input)), want);
  EXPECT_GE(connection_.yields, 200u / 20 - 1);
}

// A client that asks for much and does not read: what it asked for stays in
// the input, and nothing is answered twice.
TEST_F(BinaryTest, LooksUpAgainWhatWasNotAnswered) {
  connection_.budget = 1000;
  const std::string value(Output::kCopyLimit + 1, 'v');
  connection_.Ask(Set("large", value).bytes());
  std::string input;
  for (uint32_t i = 0; i < 100; ++i) {
    Ask ask = Simple(0x00, "large");
    ask.opaque = i;
    input += ask.bytes();
  }
  connection_.output().set_stubborn();
  connection_.Send(input);
  EXPECT_TRUE(connection_.blocked());
  EXPECT_GT(connection_.kept(), 90u * 29);
  int rounds = 0;
  while (connection_.blocked() && ++rounds < 1000) connection_.Unblock();
  const std::vector<Told> all = Parse(connection_.output().Take());
  ASSERT_EQ(all.size(), 100u);
  for (uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(all[i].opaque, i);
    EXPECT_EQ(all[i].value, value);
  }
}

// Values are received into their items, in whatever pieces.
TEST_F(BinaryTest, LargeValuesInPlace) {
  std::string value;
  for (int i = 0; value.size() < 900000; ++i) value += std::to_string(i) + " ";
  const std::string input =
      Set("large", value) + Set("large", value, 0x02) + Simple(0x0c, "large");
  connection_.Send(input.substr(0, 100));
  ASSERT_EQ(connection_.session().receive_left(), value.size() - 63);
  for (size_t at = 100; at < input.size(); at += 70001) {
    connection_.Send(input.substr(at, 70001));
    ASSERT_LE(connection_.kept(), Session::kMaxLine);
  }
  const std::vector<Told> all = Parse(connection_.output().Take());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].status, 0x02);
  EXPECT_TRUE(all[2].value == value);
}

TEST_F(BinaryTest, AnItemThatNeverCameIsGivenBack) {
  LoneConnection gone(server_);
  gone.Send(Set("a", std::string(100, 'x')).bytes().substr(0, 60));
  EXPECT_NE(gone.session().receive_left(), 0u);
  EXPECT_EQ(Last(Simple(0x00, "a")).status, 1);
}

std::map<std::string, std::string> Rows(const std::vector<Told>& all) {
  std::map<std::string, std::string> rows;
  for (const Told& told : all) {
    EXPECT_EQ(told.opcode, 0x10);
    EXPECT_EQ(told.status, 0);
    EXPECT_EQ(told.opaque, kOpaque);
    rows[told.key] = told.value;
  }
  EXPECT_FALSE(all.empty());
  if (all.empty()) return rows;
  EXPECT_EQ(all.back().key + all.back().value, "");
  return rows;
}

TEST_F(BinaryTest, Stats) {
  connection_.Ask(Set("a", "1") + Simple(0x00, "a"));
  const auto stats = [&](std::string what) {
    return Rows(Parse(connection_.Ask(Simple(0x10, what).bytes())));
  };
  auto general = stats("");
  EXPECT_EQ(general["version"], kVersion);
  EXPECT_EQ(general["cmd_set"], "1");
  EXPECT_EQ(general["get_hits"], "1");
  EXPECT_EQ(general["curr_items"], "1");
  EXPECT_EQ(stats("settings")["maxbytes"], std::to_string(64 << 20));
  EXPECT_GT(stats("items").size(), 5u);
  EXPECT_TRUE(stats("slabs").contains("active_slabs"));
  EXPECT_EQ(stats("sizes")["sizes_status"], "disabled");
  EXPECT_EQ(stats("reset").size(), 1u);
  EXPECT_EQ(stats("")["cmd_set"], "0");
  EXPECT_EQ(stats("detail on").size(), 1u);
  connection_.Ask(Set("p:a", "1").bytes());
  EXPECT_EQ(stats("detail dump")["detailed"],
            "PREFIX p get 0 hit 0 set 1 del 0\r\nEND\r\n");
  EXPECT_EQ(stats("detail off").size(), 1u);
  for (const char* what : {"foo", "detail", "detail x", "conns", "cachedump"}) {
    EXPECT_EQ(Show(connection_.Ask(Simple(0x10, what) + Simple(0x0a))),
              "10 01 v:Not found\n0a 00\n")
        << what;
  }
}

TEST_F(BinaryTest, StatsSizes) {
  server_.settings().track_sizes = true;
  connection_.budget = 1;
  connection_.Ask(Set("a", "1") + Set("b", std::string(500, 'x')));
  const auto all = Parse(connection_.Ask(Simple(0x10, "sizes") + Simple(0x0a)));
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].value, "1");
  EXPECT_EQ(all[1].value, "1");
  EXPECT_LT(std::stoi(all[0].key), std::stoi(all[1].key));
  EXPECT_EQ(all[2].key, "");
  EXPECT_EQ(all[3].opcode, 0x0a);
}

}  // namespace
}  // namespace cucache
