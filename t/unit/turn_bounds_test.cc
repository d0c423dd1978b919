// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A turn is bounded in work, not only in requests: it ends with a MiB that
// append and prepend have copied, and with a command of the administrator's.
// The replies are those of one long turn.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "proto/binary.h"
#include "session_fixture.h"

namespace cucache {
namespace {

std::string Repeat(std::string_view text, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

class TurnBounds : public testing::Test {
 protected:
  TurnBounds() { Forget(); }

  // The value is as it was.
  void Forget() {
    LoneConnection c(server_);
    c.budget = 200;
    c.Ask("set k 0 0 300000\r\n" + std::string(300000, 'x') + "\r\n");
  }
  // 40 times `join`, which adds a byte at `value`, and then `more`; the yields
  // it took. The value is received in pieces, or not.
  size_t Join(const std::string& join, size_t value, const std::string& more,
              const std::string& replies, bool pieces) {
    Forget();
    LoneConnection c(server_);
    c.budget = 200;
    std::string all;
    for (int i = 0; i < 40; ++i) {
      if (pieces) {
        c.Send(join.substr(0, value));
        c.Send(join.substr(value) + more);
      } else {
        all += join + more;
      }
    }
    c.Send(all);
    EXPECT_EQ(Told(Repeat(replies, 40)), Told(c.output().Take())) << join;
    return c.yields;
  }
  // Without CAS ids.
  static std::string Told(std::string text) {
    if (!text.empty() && text[0] != '\x81') return text;
    for (size_t at = 0; at + kBinaryHeader <= text.size();) {
      text.replace(at + 16, 8, 8, '\0');
      at += kBinaryHeader + LoadBig<uint32_t>(text.data() + at + 8);
    }
    return text;
  }

  LoneServer server_;
};

TEST_F(TurnBounds, ATextualJoin) {
  for (const char* line :
       {"append k 0 0 1\r\ny\r\n", "prepend k 0 0 1\r\ny\r\n",
        "ms k 1 MA\r\ny\r\n", "ms k 1 MP\r\ny\r\n"}) {
    const std::string join = line;
    const std::string replies =
        join[0] == 'm' ? "HD\r\nEND\r\n" : "STORED\r\nEND\r\n";
    for (const bool pieces : {false, true}) {
      EXPECT_EQ(10u,
                Join(join, join.find('y'), "get none\r\n", replies, pieces))
          << join << pieces;
    }
  }
}

TEST_F(TurnBounds, ABinaryJoin) {
  for (const Opcode opcode : {Opcode::kAppend, Opcode::kPrepend,
                              Opcode::kAppendQ, Opcode::kPrependQ}) {
    const std::string join = Packet(opcode, "k", "y");
    const bool quiet =
        opcode == Opcode::kAppendQ || opcode == Opcode::kPrependQ;
    std::string reply = quiet ? "" : Packet(opcode);
    std::string noop = Packet(Opcode::kNoop);
    if (!quiet) reply[0] = '\x81';
    const std::string more = noop;
    noop[0] = '\x81';
    for (const bool pieces : {false, true}) {
      EXPECT_EQ(10u, Join(join, join.size() - 1, more, reply + noop, pieces))
          << pieces;
    }
  }
}

TEST_F(TurnBounds, LittleJoinsDoNotEndIt) {
  LoneConnection c(server_);
  c.budget = 200;
  c.Ask("set s 0 0 1\r\nx\r\n");
  EXPECT_EQ(Repeat("STORED\r\n", 100),
            c.Ask(Repeat("append s 0 0 1\r\ny\r\n", 100)));
  EXPECT_EQ(0u, c.yields);
}

TEST_F(TurnBounds, AnAdministratorsCommand) {
  server_.settings().track_sizes = true;
  for (const std::string line :
       {"stats slabs\r\n", "slabs reassign 1 2\r\n", "flush_all\r\n",
        "stats cachedump 1 0\r\n", "stats sizes\r\n"}) {
    LoneConnection one(server_), c(server_);
    one.budget = c.budget = 200;
    const std::string reply = one.Ask(line);
    EXPECT_EQ(0u, one.yields) << line;
    EXPECT_EQ(Repeat(reply + "MN\r\n", 10), c.Ask(Repeat(line + "mn\r\n", 10)));
    EXPECT_EQ(10u, c.yields) << line;
  }
}

TEST_F(TurnBounds, ABinaryAdministratorsCommand) {
  for (const std::string& packet :
       {Packet(Opcode::kStat, "slabs"), Packet(Opcode::kFlush),
        Packet(Opcode::kFlushQ), Packet(Opcode::kStat, "reset")}) {
    LoneConnection one(server_), c(server_);
    one.budget = c.budget = 200;
    const std::string reply = one.Ask(packet + Packet(Opcode::kNoop));
    EXPECT_EQ(1u, one.yields);
    EXPECT_EQ(Repeat(reply, 10),
              c.Ask(Repeat(packet + Packet(Opcode::kNoop), 10)));
    EXPECT_EQ(10u, c.yields);
  }
}

// Whoever counts the requests of a turn can still do so.
TEST_F(TurnBounds, TheBudgetSaysHowManyRequestsThereWere) {
  Session session(server_.executor());
  StringOutput output;
  const std::string input = "get a\r\nget b\r\nstats slabs\r\nget c\r\n";
  int budget = 200;
  const Session::Step step =
      session.Process(input.data(), input.size(), output, &budget);
  EXPECT_EQ(Session::Next::kYield, step.next);
  EXPECT_EQ(input.rfind("get"), step.consumed);
  EXPECT_EQ(200 - 3, budget + Session::kTurnSpent);
}

}  // namespace
}  // namespace cucache
