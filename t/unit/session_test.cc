// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/session.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "session_fixture.h"

namespace cucache {
namespace {

const std::string kKey250(250, 'k');
const std::string kKey251(251, 'k');

struct Transcript {
  std::string input;
  std::string output;
};

// What memcached 1.6.45 answers, but for what doc/differences.md says.
const std::vector<Transcript> kTranscripts = {
    // Lines that are none.
    {"\r\n", "CLIENT_ERROR bad command line format\r\n"},
    {"x\r\nmn\nmn\r\n",
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\nMN\r\n"},
    {"foo\r\n get a\r\nGET a\r\nmx a\r\nlease-get a\r\n",
     "ERROR\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\n"},
    {"foo noreply\r\nmn\r\n", "MN\r\n"},
    {std::string("\0mn\r\n", 5) + std::string("mn\0\r\n", 5) + "replaces a\r\n",
     "ERROR\r\nERROR\r\nERROR\r\n"},
    // Storage, and its errors with what is swallowed.
    {"set a 5 0 3\r\nabc\r\nget a\r\n",
     "STORED\r\nVALUE a 5 3\r\nabc\r\nEND\r\n"},
    {"set a 0 0 0\r\n\r\nget a\r\n", "STORED\r\nVALUE a 0 0\r\n\r\nEND\r\n"},
    {"set a 0 0 1\nx\r\nget a\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n"},
    {"set a 0 0 2\r\nabcd\r\n",
     "CLIENT_ERROR bad data chunk\r\n"
     "CLIENT_ERROR bad command line format\r\n"},
    {"set a 0 0 3\r\na\nb\r\nget a\r\n",
     "STORED\r\nVALUE a 0 3\r\na\nb\r\nEND\r\n"},
    {"set a x 0 1\r\ny\r\nmn\r\n",
     "CLIENT_ERROR bad command line format\r\nMN\r\n"},
    {"set a 0 0 -1\r\nmn\r\n",
     "CLIENT_ERROR bad command line format\r\nMN\r\n"},
    {"set " + kKey251 + " 0 0 1\r\nx\r\nmn\r\n",
     "CLIENT_ERROR bad command line format\r\nMN\r\n"},
    {"set " + kKey250 + " 0 0 1\r\nx\r\nget " + kKey250 + "\r\n",
     "STORED\r\nVALUE " + kKey250 + " 0 1\r\nx\r\nEND\r\n"},
    {"set a 0 0 1 noreply\r\nx\r\nset a 0 0 x noreply\r\nget a\r\n",
     "CLIENT_ERROR bad command line format\r\n"
     "VALUE a 0 1\r\nx\r\nEND\r\n"},
    {"add a 0 0 1\r\n1\r\nadd a 0 0 1\r\n2\r\nreplace b 0 0 1\r\n3\r\n"
     "append a 0 0 1\r\n4\r\nprepend a 0 0 1\r\n5\r\nget a\r\n",
     "STORED\r\nNOT_STORED\r\nNOT_STORED\r\nSTORED\r\nSTORED\r\n"
     "VALUE a 0 3\r\n514\r\nEND\r\n"},
    {"cas a 0 0 1 1\r\nx\r\ncas a 0 0 1 x\r\ny\r\ncas a 0 0 1\r\nz\r\n",
     "NOT_FOUND\r\nCLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"},
    {"set big 0 0 1100000\r\n", "SERVER_ERROR object too large for cache\r\n"},
    {"set big 0 0 1100000 noreply\r\n", ""},
    // Lines of keys.
    {"get\r\nget \r\nget   \r\ngets\r\ngat\r\ngat 0\r\ngat x\r\ngats 0 \r\n",
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\n"},
    {"set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\nget  b x  a b \r\nget a b\n",
     "STORED\r\nSTORED\r\n"
     "VALUE b 0 1\r\n2\r\nVALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n"
     "VALUE a 0 1\r\n1\r\nVALUE b 0 1\r\n2\r\nEND\r\n"},
    {"set a 0 0 1\r\n1\r\nget a " + kKey251 + " a\r\nget " + kKey251 +
         "\r\nmn\r\n",
     "STORED\r\nCLIENT_ERROR bad command line format\r\n"
     "CLIENT_ERROR bad command line format\r\nMN\r\n"},
    {"set a\tb 0 0 1\r\n1\r\nget a\tb \r x\r\n",
     "STORED\r\nVALUE a\tb 0 1\r\n1\r\nEND\r\n"},
    {"set a 0 0 1\r\n1\r\ngat 100 a b\r\ngat x a b\r\nmg a t\r\n"
     "gats 0 c\r\nmg a t\r\ngat 0 a\r\nmg a t\r\n",
     "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n"
     "CLIENT_ERROR invalid exptime argument\r\nHD t100\r\n"
     "END\r\nHD t100\r\nVALUE a 0 1\r\n1\r\nEND\r\nHD t-1\r\n"},
    {"get a HTTP/1.1\r\n", "END\r\n"},
    // Others.
    {"delete a\r\nset a 0 0 1\r\n1\r\ndelete a 0\r\ndelete\r\n"
     "delete a noreply\r\n",
     "NOT_FOUND\r\nSTORED\r\nDELETED\r\n"
     "CLIENT_ERROR bad command line format\r\n"},
    {"incr n 1\r\nset n 0 0 2\r\n99\r\nincr n 1\r\ndecr n 1\r\nget n\r\n"
     "decr n 1000\r\nincr n x\r\nincr n\r\nincr n 5 noreply\r\nget n\r\n",
     "NOT_FOUND\r\nSTORED\r\n100\r\n99\r\nVALUE n 0 2\r\n99\r\nEND\r\n0\r\n"
     "CLIENT_ERROR invalid numeric delta argument\r\n"
     "CLIENT_ERROR bad command line format\r\nVALUE n 0 1\r\n5\r\nEND\r\n"},
    {"set n 0 0 1\r\nx\r\nincr n 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric "
     "value\r\n"},
    {"touch a 1\r\nset a 0 0 1\r\nx\r\ntouch a 100\r\ntouch a x\r\nmg a t\r\n",
     "NOT_FOUND\r\nSTORED\r\nTOUCHED\r\n"
     "CLIENT_ERROR invalid exptime argument\r\nHD t100\r\n"},
    {"verbosity 0\r\nverbosity\r\nverbosity 0 noreply\r\nstats foo\r\n",
     "OK\r\nCLIENT_ERROR bad command line format\r\nERROR\r\n"},
    // Meta.
    {"mg\r\nmg a\r\nmg a v q\r\nmg a k O123\r\nmg a !\r\nmg a vv\r\nmg a v "
     "v\r\n",
     "CLIENT_ERROR bad command line format\r\nEN\r\nEN ka O123\r\n"
     "CLIENT_ERROR bad command line format\r\nEN\r\n"
     "CLIENT_ERROR duplicate flag\r\n"},
    {"set a 5 0 1\r\nx\r\nmg a s v f t l h k Oabc\r\nmg a h\r\nmg a\r\n",
     "STORED\r\nVA 1 s1 f5 t-1 l0 h0 ka Oabc\r\nx\r\nHD h1\r\nHD\r\n"},
    {"mg viv N30 t v\r\nmg viv N30 v\r\nmg viv2 t N30\r\nmg viv2 t T5\r\n"
     "mg viv2 T9 t\r\n",
     "VA 0 t30 W\r\n\r\nVA 0 Z\r\n\r\nHD t-1 W\r\nHD t30 Z\r\nHD t9 Z\r\n"},
    {"ms a 1 T0 F5 k s Ox\r\nx\r\nms a 1 S1\r\nx\r\nms a S1\r\nmn\r\n",
     "HD ka s1 Ox\r\nCLIENT_ERROR invalid flag\r\n"
     "CLIENT_ERROR bad command line format\r\nMN\r\n"},
    {"ms a 1 MX\r\nx\r\nms n 1 MA\r\nx\r\nms n 1 MR\r\nx\r\nms n 1 C1\r\nx\r\n"
     "ms n 2 MA s\r\nyyy\r\nmn\r\n",
     "CLIENT_ERROR invalid mode for ms M token\r\nNS\r\nNS\r\nNF\r\n"
     "CLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad command line format\r\n"
     "MN\r\n"},
    {"ms a 1 q\r\nx\r\nms a 2 q\r\nxyz\r\nms a 1 MA s\r\ny\r\nmg a v\r\n",
     "CLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad command line format\r\n"
     "HD s2\r\nVA 2\r\nxy\r\n"},
    {"ms Zm9v 1 b k\r\nx\r\nmg foo k v\r\nmg Zm9v b k c E1\r\nmg Zm8= b k\r\n",
     "HD kZm9v b\r\nVA 1 kZm9v b\r\nx\r\n*\r\nEN kZm8= b\r\n"},
    {"ms a 1 E99\r\nx\r\nmg a C99 v c\r\nmg a C98 v c\r\nms a 1 C98\r\ny\r\n"
     "ms a 1 C99 E100 c\r\nz\r\nms a 1 C99 c k\r\nz\r\n",
     "HD\r\nHD c99\r\nVA 1 c99\r\nx\r\nEX\r\nHD c100\r\nEX c0 ka\r\n"},
    {"set a 0 0 1\r\nx\r\nmd a C9999999\r\nmd a I T30\r\nmg a v t\r\nmg a v\r\n"
     "md a x\r\nmg a v s f\r\nmd a q\r\nmd a q k\r\nmg a\r\n",
     "STORED\r\nEX\r\nHD\r\nVA 1 t30 X W\r\nx\r\nVA 1 Z X\r\nx\r\nHD\r\n"
     "VA 0 s0 f0\r\n\r\nNF ka\r\nEN\r\n"},
    {"ma n\r\nma n N0 J13 v\r\nma n v t\r\nma n MD D100 v k Oq\r\nma n q\r\n"
     "ma z q\r\nma n C1 v\r\nma n b b\r\nma n Dx\r\nma n MX\r\nmn\r\n",
     "NF\r\nVA 2\r\n13\r\nVA 2 t-1\r\n14\r\nVA 1 kn Oq\r\n0\r\nNF\r\nEX\r\n"
     "CLIENT_ERROR invalid or duplicate flag\r\n"
     "CLIENT_ERROR invalid or duplicate flag\r\n"
     "CLIENT_ERROR invalid mode for ma M token\r\nMN\r\n"},
    {"me\r\nme a\r\nme YQ== b\r\nmn x y\r\n",
     "CLIENT_ERROR bad command line format\r\nEN\r\nEN\r\nMN\r\n"},
};

// An answer line "*" stands for any.
bool Matches(const std::string& got, const std::string& want) {
  const size_t star = want.find("*\r\n");
  if (star == std::string::npos) return got == want;
  const size_t end = got.find("\r\n", star);
  return end != std::string::npos &&
         got.substr(0, star) == want.substr(0, star) &&
         got.substr(end) == want.substr(star + 1);
}

class SessionTranscripts : public testing::TestWithParam<size_t> {
 protected:
  LoneServer server_;
  // Before each run: every key is gone.
  void Forget() {
    LoneConnection connection(server_);
    ASSERT_EQ(connection.Ask("flush_all\r\n"), "OK\r\n");
  }
};

TEST_P(SessionTranscripts, Whole) {
  const Transcript& t = kTranscripts[GetParam()];
  LoneConnection connection(server_);
  const std::string got = connection.Ask(t.input);
  EXPECT_TRUE(Matches(got, t.output)) << got << "\nfor\n" << t.output;
}

TEST_P(SessionTranscripts, CutOnceAnywhere) {
  const Transcript& t = kTranscripts[GetParam()];
  for (const bool spans : {true, false}) {
    for (size_t cut = 1; cut < t.input.size(); ++cut) {
      Forget();
      LoneConnection connection(server_);
      connection.receive_spans = spans;
      connection.Send(t.input.substr(0, cut));
      const std::string got = connection.Ask(t.input.substr(cut));
      ASSERT_TRUE(Matches(got, t.output))
          << "cut at " << cut << ": " << got << "\nfor\n"
          << t.output;
    }
  }
}

TEST_P(SessionTranscripts, InPiecesOfEverySize) {
  const Transcript& t = kTranscripts[GetParam()];
  for (size_t piece = 1; piece < 12; ++piece) {
    Forget();
    LoneConnection connection(server_);
    connection.budget = static_cast<int>(piece % 3 + 1);
    for (size_t at = 0; at < t.input.size(); at += piece) {
      connection.Send(t.input.substr(at, piece));
    }
    const std::string got = connection.output().Take();
    ASSERT_TRUE(Matches(got, t.output))
        << "pieces of " << piece << ": " << got << "\nfor\n"
        << t.output;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SessionTranscripts,
                         testing::Range(size_t{0}, kTranscripts.size()));

class SessionTest : public testing::Test {
 protected:
  std::string Set(const std::string& key, const std::string& value) {
    return "set " + key + " 0 0 " + std::to_string(value.size()) + "\r\n" +
           value + "\r\n";
  }
  std::string Value(const std::string& key, const std::string& value) {
    return "VALUE " + key + " 0 " + std::to_string(value.size()) + "\r\n" +
           value + "\r\n";
  }
  LoneServer server_;
};

TEST_F(SessionTest, IsSmall) { EXPECT_LE(sizeof(Session), 64u); }

TEST_F(SessionTest, SaysWhatIsMissingOfAValue) {
  LoneConnection c(server_);
  c.Send("set a 0 0 5\r\nab");
  EXPECT_EQ(c.session().receive_left(), 3u);
  c.Send("cde");
  EXPECT_EQ(c.session().receive_left(), 0u);
  EXPECT_EQ(c.Ask("\r\n"), "STORED\r\n");
}

TEST_F(SessionTest, ValuesOfEverySizeClass) {
  LoneConnection c(server_);
  for (size_t n : {0, 1, 63, 64, 1000, 4096, 16383, 16384, 16385, 40000, 100000,
                   524288, 1000000}) {
    std::string value(n, 'x');
    for (size_t i = 0; i < n; ++i) value[i] = static_cast<char>('a' + i % 23);
    for (const bool spans : {true, false}) {
      c.receive_spans = spans;
      // Cut, so that part of the value comes with the line.
      const std::string set = Set("key", value);
      const size_t cut = set.find('\n') + 1 + n / 3;
      c.Send(set.substr(0, cut));
      ASSERT_EQ(c.Ask(set.substr(cut)), "STORED\r\n") << n;
      ASSERT_EQ(c.Ask("get key key\r\n"),
                Value("key", value) + Value("key", value) + "END\r\n");
      ASSERT_EQ(c.Ask("mg key v s\r\nmn\r\n"),
                "VA " + std::to_string(n) + " s" + std::to_string(n) + "\r\n" +
                    value + "\r\nMN\r\n");
    }
  }
}

TEST_F(SessionTest, SwallowsExactlyWhatWasAnnounced) {
  LoneConnection c(server_);
  const std::string value(2000000, 'v');
  EXPECT_EQ(c.Ask("set a 0 0 1\r\nx\r\n"), "STORED\r\n");
  EXPECT_EQ(c.Ask(Set("a", value) + "get a\r\n"),
            "SERVER_ERROR object too large for cache\r\nEND\r\n");
  EXPECT_EQ(c.Ask("ms a 2000000 q\r\n" + value + "\r\nmn\r\n"),
            "SERVER_ERROR object too large for cache\r\nMN\r\n");
}

// What a line of keys may be and still be refused as a whole; a longer one is
// answered as it comes.
TEST_F(SessionTest, ALongKeyBehindManyIsSeenInTime) {
  for (const bool fits : {true, false}) {
    LoneConnection c(server_);
    c.Ask(Set("key", "v"));
    const size_t before = c.output().text().size();
    std::string line = "get";
    // The look-ahead begins at the first key, and ends with the line feed.
    const size_t length = Session::kMaxLine + (fits ? 0 : 1);
    while (line.size() - 4 + 4 + 1 + kKey251.size() + 2 < length) {
      line += " key";
    }
    line += ' ' + kKey251;
    while (line.size() - 4 + 2 < length) line += ' ';
    c.Send(line + "\r\n");
    const std::string got = c.output().text().substr(before);
    EXPECT_EQ(got.starts_with("CLIENT_ERROR"), fits) << got.substr(0, 40);
    EXPECT_EQ(got.starts_with("VALUE key"), !fits) << got.substr(0, 40);
  }
}

// memcached answers 59,999 of them.
TEST_F(SessionTest, ALineOfManyKeysNeedsNoBuffer) {
  LoneConnection c(server_);
  c.Ask(Set("key", "v"));
  const size_t kKeys = 70000;
  c.Send("get");
  for (size_t i = 0; i < kKeys; i += 10) {
    std::string piece;
    for (size_t j = 0; j < 10; ++j) piece += " key";
    c.Send(piece);
  }
  c.Send("\r\n");
  EXPECT_EQ(c.output().text().size(), kKeys * Value("key", "v").size() + 5);
  EXPECT_LE(c.longest_kept, Session::kMaxLine);
}

TEST_F(SessionTest, OneCallLooksUpABoundedNumberOfKeys) {
  LoneConnection c(server_);
  std::string line = "get";
  for (int i = 0; i < 2500; ++i) line += " k";
  c.budget = 20;
  EXPECT_EQ(c.Ask(line + "\r\n"), "END\r\n");
  EXPECT_GE(c.yields, 2500u / (20 + Session::kKeysBeyondBudget));
}

TEST_F(SessionTest, BudgetCountsCommands) {
  LoneConnection c(server_);
  c.budget = 20;
  std::string input;
  std::string want;
  for (int i = 0; i < 100; ++i) {
    input += i % 2 ? "get a\r\n" : "mg a\r\n";
    want += i % 2 ? "END\r\n" : "EN\r\n";
  }
  EXPECT_EQ(c.Ask(input), want);
  EXPECT_EQ(c.yields, 4u) << "100 commands, 20 a call; the last call ends dry";
}

// The client does not read: nothing more is answered, and nothing is lost or
// said twice when it does.
TEST_F(SessionTest, StopsBetweenRepliesWhenBlocked) {
  LoneConnection c(server_);
  std::string want;
  std::string input = "get";
  for (int i = 0; i < 40; ++i) {
    const std::string key = "k" + std::to_string(i);
    const std::string value(i % 4 == 3 ? 50000 : 9000,
                            static_cast<char>('a' + i % 26));
    ASSERT_EQ(c.Ask(Set(key, value)), "STORED\r\n");
    input += " " + key;
    want += Value(key, value);
  }
  input += "\r\nmg k0 v\r\ndelete k1\r\nmn\r\n";
  want +=
      "END\r\nVA 9000\r\n" + std::string(9000, 'a') + "\r\nDELETED\r\nMN\r\n";
  c.output().set_stubborn();
  c.Send(input);
  int rounds = 0;
  size_t before = c.output().text().size();
  while (c.blocked()) {
    ASSERT_LT(++rounds, 1000);
    // Asking again changes nothing as long as it is blocked.
    c.Send("");
    ASSERT_EQ(c.output().text().size(), before);
    c.Unblock();
    ASSERT_LE(c.output().text().size() - before, 2 * Output::kMaxRoom + 60000);
    before = c.output().text().size();
  }
  EXPECT_GE(rounds, 10);
  EXPECT_EQ(c.output().Take(), want);
}

// Several kinds of lines in one batch: each goes on as what it was.
TEST_F(SessionTest, ALineGoesOnAsItsKindAfterBlocking) {
  LoneConnection c(server_);
  std::string keys;
  for (int i = 0; i < 6; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_EQ(c.Ask(Set(key, std::string(12000, 'x'))), "STORED\r\n");
    keys += " " + key;
  }
  const std::string input = "get" + keys + "\r\ngets" + keys +
                            "\r\nmg k0 v\r\nget" + keys + "\r\ngats 0" + keys +
                            "\r\nmg k1 s\r\n";
  const std::string want = c.Ask(input);
  c.output().set_stubborn();
  c.Send(input);
  EXPECT_TRUE(c.blocked());
  while (c.blocked()) c.Unblock();
  EXPECT_EQ(c.output().Take(), want);
}

TEST_F(SessionTest, NothingIsAnsweredWhileBlocked) {
  for (const char* input :
       {"get a\r\n", "mg a\r\n", "mn\r\n", "set a 0 0 1\r\nx\r\n", "foo\r\n",
        "get \r\n", "mg a !\r\n", "mg a N5\r\n", "get a\r\nmn\r\n"}) {
    LoneConnection c(server_);
    c.output().set_blocked(true);
    c.Send(input);
    EXPECT_TRUE(c.blocked()) << input;
    EXPECT_EQ(c.output().text(), "") << input;
    c.Unblock();
    EXPECT_FALSE(c.blocked());
    EXPECT_NE(c.output().text(), "") << input;
  }
}

TEST_F(SessionTest, LinesWithoutAnEndClose) {
  for (const std::string start : {"set ", "mg ", "x", "gat ", "delete "}) {
    LoneConnection c(server_);
    c.Send(start + std::string(2048 - start.size(), 'y'));
    EXPECT_FALSE(c.closed()) << start;
    c.Send("y");
    EXPECT_TRUE(c.closed()) << start;
  }
}

TEST_F(SessionTest, AKeyWithoutAnEndIsRefusedAndSwallowed) {
  LoneConnection c(server_);
  EXPECT_EQ(c.Ask("get " + std::string(5000, 'y')),
            "CLIENT_ERROR bad command line format\r\n");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(c.Ask(std::string(1000, 'y')), "");
  EXPECT_EQ(c.kept(), 0u);
  EXPECT_EQ(c.Ask(" z\r\nmn\r\n"), "MN\r\n");
}

// The first thing that is wrong is what is told, also before the line's end.
TEST_F(SessionTest, AWrongExptimeStandsInFrontOfAKeyWithoutAnEnd) {
  LoneConnection c(server_);
  EXPECT_EQ("CLIENT_ERROR invalid exptime argument\r\n",
            c.Ask("gat x " + std::string(300, 'k')));
  EXPECT_EQ("MN\r\n", c.Ask("kk\r\nmn\r\n"));
}

TEST_F(SessionTest, ClosesOnWhatIsNotItsProtocol) {
  for (const char* input : {"GET / HTTP/1.1\r\n", "POST / HTTP/1.0\n"}) {
    LoneConnection c(server_);
    EXPECT_EQ(c.Ask(input), "") << input;
    EXPECT_TRUE(c.closed()) << input;
  }
  LoneConnection later(server_);
  later.Send("mn\r\n\x80\r\n");
  EXPECT_FALSE(later.closed()) << "only the first byte decides";
}

TEST_F(SessionTest, QuitSendsWhatIsThere) {
  LoneConnection c(server_);
  EXPECT_EQ(c.Ask("get a\r\nquit now\r\nget b\r\n"), "END\r\n");
  EXPECT_TRUE(c.closed());
}

// Effects in the order of the input, though look-ups are collected.
TEST_F(SessionTest, PipelineKeepsItsOrder) {
  LoneConnection c(server_);
  std::string input;
  std::string want;
  for (int i = 0; i < 200; ++i) {
    const std::string v = std::to_string(i);
    input += "get k\r\n" + Set("k", v) + "get k x k\r\nmg k v\r\n";
    want += (i ? Value("k", std::to_string(i - 1)) : "") + "END\r\nSTORED\r\n" +
            Value("k", v) + Value("k", v) + "END\r\nVA " +
            std::to_string(v.size()) + "\r\n" + v + "\r\n";
  }
  EXPECT_EQ(c.Ask(input), want);
}

// Was each large value promised to be followed by nothing that allocates?
class LastOutput final : public StringOutput {
 public:
  void AppendValue(Item* item, size_t offset) override {
    StringOutput::AppendValue(item, offset);
    seen.push_back(last_);
  }
  std::vector<bool> seen;
};

TEST_F(SessionTest, OnlyWhatComesLastIsCalledLast) {
  LoneServer server;
  const auto seen = [&](std::string_view input, int budget = 100) {
    LastOutput output;
    Session session(server.executor());
    Session::Step step;
    do {
      int left = budget;
      step = session.Process(input.data(), input.size(), output, &left);
      input.remove_prefix(step.consumed);
    } while (step.next == Session::Next::kYield);
    return output.seen;
  };
  const std::string big(20000, 'b');
  (void)seen("set b 0 0 20000\r\n" + big + "\r\n");
  using Seen = std::vector<bool>;
  EXPECT_EQ(seen("get b\r\n"), Seen({true}));
  EXPECT_EQ(seen("get b b\r\nmg b v\r\n"), Seen({true, true, true}));
  EXPECT_EQ(seen("get b\r\nset k 0 0 1\r\n1\r\nget b\r\n"),
            Seen({false, true}));
  EXPECT_EQ(seen("get b\r\nget b\r\n", 1), Seen({false, true}));
  EXPECT_EQ(seen("lru_crawler msdump all\r\n"), Seen({false}));
  // Binary: a get, a set whose value ends in the only line feed of the input.
  const std::string get = std::string("\x80\x00\x00\x01", 4) +
                          std::string(7, '\0') + '\x01' +
                          std::string(12, '\0') + 'b';
  const std::string set = std::string("\x80\x01\x00\x01\x08", 5) +
                          std::string(6, '\0') + '\x0b' +
                          std::string(20, '\0') + "kv\n";
  EXPECT_EQ(seen(get + set), Seen({false}));
  EXPECT_EQ(seen(get + get), Seen({true, true}));
}

// Runs something when a large value goes out: in the middle of a batch.
class InterruptedOutput final : public StringOutput {
 public:
  explicit InterruptedOutput(std::function<void()> what)
      : what_(std::move(what)) {}
  void AppendValue(Item* item, size_t offset) override {
    StringOutput::AppendValue(item, offset);
    what_();
  }

 private:
  const std::function<void()> what_;
};

// T2: a touch that sees what another connection has just stored is not
// followed by what was there before.
TEST_F(SessionTest, NoReplyIsOlderThanTheOneBefore) {
  LoneServer server;
  const auto say = [&](std::string_view input, StringOutput& output) {
    Session session(server.executor());
    int budget = 100;
    (void)session.Process(input.data(), input.size(), output, &budget);
  };
  StringOutput ignored;
  const std::string big(20000, 'b');
  say("set big 0 0 20000\r\n" + big + "\r\n", ignored);
  for (const char* look : {"gat 0 k\r\nget k\r\n", "mg k v T0\r\nmg k v\r\n"}) {
    say("set k 0 0 3\r\nold\r\n", ignored);
    InterruptedOutput output([&] { say("set k 0 0 3\r\nnew\r\n", ignored); });
    say(std::string("get big\r\n") + look, output);
    const std::string reply = output.Take().substr(big.size());
    EXPECT_NE(reply.find("new"), reply.npos) << reply;
    EXPECT_EQ(reply.find("old"), reply.npos) << reply;
  }
}

TEST_F(SessionTest, MoreLookUpsThanABatchHolds) {
  LoneConnection c(server_);
  std::string line = "get";
  std::string metas;
  std::string want;
  std::string meta_want;
  for (int i = 0; i < 150; ++i) {
    const std::string key = "key" + std::to_string(i);
    if (i % 3 != 0) {
      ASSERT_EQ(c.Ask(Set(key, key)), "STORED\r\n");
      want += Value(key, key);
    }
    line += " " + key;
    metas += "mg " + key + " v q\r\n";
    if (i % 3 != 0) {
      meta_want += "VA " + std::to_string(key.size()) + "\r\n" + key + "\r\n";
    }
  }
  EXPECT_EQ(c.Ask(line + "\r\n"), want + "END\r\n");
  EXPECT_EQ(c.Ask(metas + "mn\r\n"), meta_want + "MN\r\n");
}

TEST_F(SessionTest, DumpsArePulledPieceByPiece) {
  LoneConnection c(server_);
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(c.Ask(Set("key" + std::to_string(i), "v")), "STORED\r\n");
  }
  c.output().set_stubborn();
  c.Send("lru_crawler metadump all\r\nmn\r\n");
  EXPECT_TRUE(c.blocked());
  EXPECT_LT(c.output().text().size(), 100000u);
  while (c.blocked()) c.Unblock();
  const std::string dump = c.output().Take();
  EXPECT_EQ(dump.substr(dump.size() - 9), "END\r\nMN\r\n");
  size_t lines = 0;
  for (const char ch : dump) lines += ch == '\n';
  EXPECT_EQ(lines, 3000u + 3);
}

// However the budget falls, and where a client stops to read for a while: what
// it sent at once is one pipeline, until mn.
TEST_F(SessionTest, NoWatchBehindOthersOfOneInput) {
  const std::string refused =
      "ERROR cannot pipeline other commands before watch\r\n";
  for (const char* front : {"get a\r\n", "set a 0 0 1\r\nx\r\n", "mg a v\r\n",
                            "version\r\n", "stats sizes\r\n", "get\r\n"}) {
    for (int budget = 1; budget < 9; ++budget) {
      LoneConnection c(server_);
      c.budget = budget;
      std::string input;
      for (int i = 0; i < 4; ++i) input += front;
      const std::string reply =
          c.Ask(input + "watch\r\nlru_crawler mgdump all\r\n");
      EXPECT_NE(std::string::npos, reply.find(refused)) << front << budget;
      EXPECT_TRUE(reply.ends_with("before mgdump\r\n")) << reply;
      EXPECT_TRUE(c.Ask(input + "mn\r\nwatch\r\n").ends_with("MN\r\n"))
          << front << budget;
      ASSERT_TRUE(c.watches());
      server_.executor().RefuseWatch();
    }
  }
  LoneConnection alone(server_);
  EXPECT_EQ("END\r\n", alone.Ask("get b\r\n"));
  alone.budget = 1;
  EXPECT_EQ("END\r\n", alone.Ask("get b\r\n"));
  for (const char byte : std::string("watch\r\n")) {
    alone.Send(std::string(1, byte));
  }
  EXPECT_TRUE(alone.watches());
}

TEST_F(SessionTest, NoWatchBehindWhatBlocked) {
  LoneConnection c(server_);
  c.output().set_blocked(true);
  c.Send("get a\r\nwatch\r\n");
  c.Unblock();
  EXPECT_NE(std::string::npos, c.output().Take().find("ERROR cannot pipeline"));
  c.output().set_stubborn();
  c.Ask(Set("large", std::string(100000, 'x')));
  c.Send("get large\r\nwatch\r\n");
  ASSERT_TRUE(c.blocked());
  c.Unblock();
  EXPECT_TRUE(c.output().Take().ends_with("before watch\r\n"));
  c.Send("get large\r\n");
  ASSERT_TRUE(c.blocked());
  c.Unblock();
  c.Send("watch\r\n");
  EXPECT_TRUE(c.watches()) << "it came alone";
}

// A dump takes as many calls as it likes.
TEST_F(SessionTest, NoWatchBehindADump) {
  LoneConnection c(server_);
  c.budget = 1;
  c.Send(Set("a", "x") + "mn\r\n");
  c.output().Take();
  const std::string reply = c.Ask("lru_crawler mgdump all\r\nwatch\r\n");
  EXPECT_TRUE(reply.starts_with("OK\r\nmg a\r\n")) << reply;
  EXPECT_TRUE(reply.ends_with("before watch\r\n")) << reply;
}

TEST_F(SessionTest, NoWatchBehindWhatWasShownBefore) {
  for (const bool pushed : {false, true}) {
    Session session(server_.executor());
    StringOutput output;
    const std::string input =
        std::string(pushed ? "mn\r\n" : "get a\r\n") + "watch\r\n";
    const size_t cut = input.find('w');
    int budget = 20;
    Session::Step step = session.Process(input.data(), cut, output, &budget);
    ASSERT_EQ(Session::Next::kRead, step.next);
    ASSERT_EQ(cut, step.consumed);
    session.NoteMore(input.data() + cut);
    step = session.Process(input.data() + cut, input.size() - cut, output,
                           &budget);
    EXPECT_EQ(pushed ? Session::Next::kWatch : Session::Next::kRead, step.next);
  }
}

TEST_F(SessionTest, AnItemThatNeverCameWholeIsGivenBack) {
  for (int i = 0; i < 1000; ++i) {
    LoneConnection c(server_);
    c.Send("set k 0 0 500000\r\nabc");
  }
  LoneConnection c(server_);
  EXPECT_EQ(c.Ask(Set("k", std::string(500000, 'x'))), "STORED\r\n");
}

}  // namespace
}  // namespace cucache
