// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A session whose client has to say who it is, without files and sockets.

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "command/authenticator.h"
#include "session_fixture.h"

namespace cucache {
namespace {

constexpr char kUnauthenticated[] = "CLIENT_ERROR unauthenticated\r\n";
constexpr char kFailure[] = "CLIENT_ERROR authentication failure\r\n";
constexpr char kLogin[] = "set x 0 0 7\r\nfoo bar\r\n";

class OneUser : public Authenticator {
 public:
  Answer Check(std::string_view user, std::string_view password,
               bool may_be_slow) override {
    ++checks;
    on_line += thread->online();
    if (slow && !may_be_slow) return {.slow = true, .later = true};
    return {user == "foo" && password == "bar", slow};
  }
  int checks = 0, on_line = 0;
  const CacheThread* thread = nullptr;
  bool slow = false;
};

class AuthSession : public testing::Test {
 protected:
  AuthSession() {
    server_.control().auth = &user_;
    user_.thread = &server_.thread();
  }

  uint64_t cmds() { return server_.executor().stats().auth_cmds.value(); }
  uint64_t errors() { return server_.executor().stats().auth_errors.value(); }

  OneUser user_;
  LoneServer server_;
};

TEST_F(AuthSession, NothingBeforeTheLogin) {
  LoneConnection c(server_);
  for (const char* line :
       {"get foo\r\n", "version\r\n", "stats settings\r\n", "flush_all\r\n",
        "add a 0 0 7\r\n", "set a 0 0 x\r\n", "set a 0 0 -1\r\n",
        "set a 0 0 4294967296\r\n", "set a 0 0\r\n", " set a 0 0 7\r\n",
        "mn foo\r\n", "shutdown\r\n", "\x80xxxxx\r\n"}) {
    EXPECT_EQ(kUnauthenticated, c.Ask(line)) << line;
  }
  EXPECT_EQ(0u, cmds());
  EXPECT_EQ("STORED\r\n", c.Ask(kLogin));
  EXPECT_EQ("END\r\n", c.Ask("get a\r\n"));
  EXPECT_EQ(1u, cmds());
  EXPECT_EQ(0u, errors());
  EXPECT_EQ(1, user_.checks);
}

TEST_F(AuthSession, WrongValues) {
  LoneConnection c(server_);
  EXPECT_EQ(kFailure, c.Ask("set x 0 0 7\r\nfoo bab\r\n"));
  EXPECT_EQ(kFailure, c.Ask("set x 0 0 4\r\nfoo \r\n"));
  EXPECT_EQ("CLIENT_ERROR bad authentication token format\r\n",
            c.Ask("set x 0 0 6\r\nfoobar\r\n"));
  EXPECT_EQ("CLIENT_ERROR bad authentication token format\r\n",
            c.Ask("set x 0 0 0\r\n\r\n"));
  EXPECT_EQ("CLIENT_ERROR bad command line termination\r\n",
            c.Ask("set x 0 0 7\r\nfoo bar\n\n"));
  EXPECT_EQ("CLIENT_ERROR auth token too long\r\n",
            c.Ask("set x 0 0 16385\r\n"));
  EXPECT_EQ("CLIENT_ERROR auth token too long\r\n",
            c.Ask("set x 0 0 2147483646\r\n"));
  EXPECT_EQ(2u, cmds());
  EXPECT_EQ(2u, errors());
  EXPECT_EQ("STORED\r\n", c.Ask("set x 0 0 7 noreply\r\nfoo bar\r\n"))
      << "noreply means nothing here";
  EXPECT_EQ("STORED\r\n", c.Ask("set x 0 0 2\r\nhi\r\n"));
}

// As long as memcached takes, and no memory for it.
TEST_F(AuthSession, LongValuesAreLookedThrough) {
  LoneConnection c(server_);
  const std::string end = "\r\n";
  const std::string long_word(16 * 1024, 'p');
  std::string with_space = long_word;
  with_space[9000] = ' ';
  const std::string head = "set x 0 0 16384\r\n";
  EXPECT_EQ("CLIENT_ERROR bad authentication token format\r\n",
            c.Ask(head + long_word + end));
  EXPECT_EQ(kFailure, c.Ask(head + with_space + end));
  EXPECT_EQ("CLIENT_ERROR bad command line termination\r\n",
            c.Ask(head + with_space + "xx"));
  std::string all = head + with_space + end;
  for (size_t at = 0; at < all.size(); at += 100) c.Send(all.substr(at, 100));
  EXPECT_EQ(kFailure, c.output().Take());
  EXPECT_EQ("STORED\r\n", c.Ask(kLogin));
  EXPECT_LE(c.longest_kept, Session::kMaxLine);
  EXPECT_EQ(3u, cmds());
  EXPECT_EQ(2u, errors());
}

TEST_F(AuthSession, PipelinedBeforeAndAfter) {
  LoneConnection c(server_);
  EXPECT_EQ(std::string(kUnauthenticated) + kFailure + "STORED\r\nSTORED\r\n" +
                "VALUE k 0 2\r\nhi\r\nEND\r\n",
            c.Ask(std::string("get key\r\nset x 0 0 3\r\na b\r\n") + kLogin +
                  "set k 0 0 2\r\nhi\r\nget k\r\n"));
}

TEST_F(AuthSession, ByteByByteIsTheSame) {
  const std::string all =
      std::string("get key\r\nset x 0 0 3\r\na b\r\nset x 0 0 3\r\nabcde") +
      kLogin + "get k\r\n";
  LoneConnection whole(server_);
  LoneConnection pieces(server_);
  for (const char byte : all) pieces.Send(std::string(1, byte));
  const std::string expected = whole.Ask(all);
  EXPECT_EQ(expected, pieces.output().Take());
  EXPECT_TRUE(expected.ends_with("STORED\r\nEND\r\n")) << expected;
}

TEST_F(AuthSession, JunkIsThrownOut) {
  for (const std::string& junk :
       {std::string("get\r\n"), std::string("mn\r\n"), std::string("\r\n\r\n"),
        std::string(3000, 'x')}) {
    LoneConnection c(server_);
    EXPECT_EQ("", c.Ask(junk));
    EXPECT_TRUE(c.closed());
  }
}

// memcached refuses the line.
TEST_F(AuthSession, ABareLineFeedEndsALine) {
  LoneConnection c(server_);
  EXPECT_EQ(kUnauthenticated, c.Ask("get abc\n"));
  EXPECT_EQ("STORED\r\n", c.Ask("set x 0 0 7\nfoo bar\r\n"));
}

// While the time for slow checks is spent nothing is answered, and nothing of
// the request is lost; others log in.
TEST_F(AuthSession, SlowChecksWaitUntilThereIsTime) {
  LoginPace& pace = server_.executor().login_pace();
  user_.slow = true;
  LoneConnection slow(server_);
  const auto start = std::chrono::steady_clock::now();
  pace.Took(std::chrono::milliseconds(50));
  EXPECT_EQ("STORED\r\n", slow.Ask(kLogin));
  EXPECT_GT(std::chrono::steady_clock::now() - start,
            std::chrono::milliseconds(150));
  EXPECT_GT(slow.yields, 1u);
  EXPECT_EQ(1u, cmds());
  pace.Took(std::chrono::hours(1));
  user_.slow = false;
  LoneConnection fast(server_);
  EXPECT_EQ("STORED\r\n", fast.Ask(kLogin));
}

// crypt(3) holds up nobody's memory.
TEST_F(AuthSession, ChecksAreMadeOffLine) {
  LoneConnection c(server_);
  EXPECT_EQ(kFailure, c.Ask("set x 0 0 7\r\nfoo bab\r\n"));
  EXPECT_EQ("STORED\r\n", c.Ask(kLogin));
  EXPECT_EQ(2, user_.checks);
  EXPECT_EQ(0, user_.on_line);
  EXPECT_TRUE(server_.thread().online());
}

// Who guesses passwords that are slow to check has one try per turn.
TEST_F(AuthSession, SlowChecksEndTheTurn) {
  user_.slow = true;
  LoneConnection c(server_);
  std::string guesses;
  for (int i = 0; i < 5; ++i) guesses += "set x 0 0 3\r\na b\r\n";
  c.budget = 100;
  c.Send(guesses);
  EXPECT_LE(4u, c.yields);
  EXPECT_EQ(5u, errors());
}

TEST_F(AuthSession, ABlockedClientIsNotAnswered) {
  LoneConnection c(server_);
  c.output().set_blocked(true);
  c.Send(kLogin);
  EXPECT_TRUE(c.blocked());
  EXPECT_EQ(0, user_.checks);
  c.Unblock();
  EXPECT_EQ("STORED\r\n", c.output().Take());
}

}  // namespace
}  // namespace cucache
