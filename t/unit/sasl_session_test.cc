// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A binary session whose client has to say who it is, with a SASL library of
// two mechanisms: TELL wants the secret at once, ASK asks for it first.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "command/buffer_account.h"
#include "command/sasl.h"
#include "proto/binary.h"
#include "session_fixture.h"

namespace cucache {
namespace {

constexpr char kSecret[] = "secret";

class FakeExchange : public SaslExchange {
 public:
  explicit FakeExchange(std::function<void()>& on_call) : on_call_(on_call) {}
  Outcome Start(const std::string& mechanism, std::string_view data,
                std::string* reply) override {
    on_call_();
    if (mechanism == "TELL") return Judge(data);
    if (mechanism == "LONG") reply->assign(100000, 'q');
    if (mechanism == "LONG") return Outcome::kContinue;
    if (mechanism != "ASK") return Outcome::kFailed;
    *reply = "who?";
    return Outcome::kContinue;
  }
  Outcome Step(std::string_view data, std::string*) override {
    on_call_();
    return Judge(data);
  }

 private:
  std::function<void()>& on_call_;
  static Outcome Judge(std::string_view data) {
    return data == kSecret ? Outcome::kDone : Outcome::kFailed;
  }
};

class FakeService : public SaslService {
 public:
  bool ListMechanisms(std::string* names) override {
    on_call();
    *names = mechanisms;
    return true;
  }
  std::unique_ptr<SaslExchange> NewExchange() override {
    on_call();
    return std::make_unique<FakeExchange>(on_call);
  }
  std::function<void()> on_call = [] {};
  std::string mechanisms = "ASK TELL";
};

// "status:body" of each reply.
std::string Replies(std::string_view bytes) {
  std::string text;
  while (bytes.size() >= kBinaryHeader) {
    const uint32_t length = LoadBig<uint32_t>(bytes.data() + 8);
    text += std::to_string(LoadBig<uint16_t>(bytes.data() + 6)) + ":";
    text.append(bytes.substr(kBinaryHeader, length)) += ";";
    bytes.remove_prefix(kBinaryHeader + length);
  }
  return text;
}

constexpr char kIn[] = "0:Authenticated;";
constexpr char kOut[] = "32:Auth failure.;";

class SaslSession : public testing::Test {
 protected:
  SaslSession() { server_.control().sasl_service = &service_; }

  std::string Ask(LoneConnection& c, std::string_view packet) {
    return Replies(c.Ask(packet));
  }
  uint64_t cmds() { return server_.executor().stats().auth_cmds.value(); }
  uint64_t errors() { return server_.executor().stats().auth_errors.value(); }

  FakeService service_;
  LoneServer server_;
};

TEST_F(SaslSession, OthersAreRefusedAndClosed) {
  for (const std::string& packet :
       {Packet(Opcode::kGet, "k"), Packet(Opcode::kNoop),
        Packet(Opcode::kQuitQ), Packet(Opcode::kStat), Packet(Opcode::kFlush),
        Packet(static_cast<Opcode>(0x7f)), Packet(Opcode::kDelete, "k")}) {
    LoneConnection c(server_);
    EXPECT_EQ(kOut, Ask(c, packet));
    EXPECT_TRUE(c.closed());
  }
  EXPECT_EQ(0u, cmds());
}

TEST_F(SaslSession, InAtOnce) {
  LoneConnection c(server_);
  EXPECT_EQ("0:ASK TELL;", Ask(c, Packet(Opcode::kSaslList)));
  EXPECT_EQ('0', Ask(c, Packet(Opcode::kVersion))[0]);
  EXPECT_EQ(kIn, Ask(c, Packet(Opcode::kSaslAuth, "TELL", kSecret)));
  EXPECT_EQ("0:;", Ask(c, Packet(Opcode::kNoop)));
  EXPECT_EQ("0:ASK TELL;", Ask(c, Packet(Opcode::kSaslList)));
  EXPECT_EQ("0:;", Ask(c, Packet(Opcode::kNoop))) << "a list is no attempt";
  EXPECT_EQ(1u, cmds());
  EXPECT_EQ(0u, errors());
}

TEST_F(SaslSession, InBySteps) {
  LoneConnection c(server_);
  EXPECT_EQ("33:who?;", Ask(c, Packet(Opcode::kSaslAuth, "ASK")));
  EXPECT_EQ(0u, cmds()) << "it is not over";
  EXPECT_EQ(kIn, Ask(c, Packet(Opcode::kSaslStep, "ASK", kSecret)));
  EXPECT_EQ("0:;", Ask(c, Packet(Opcode::kNoop)));
  EXPECT_EQ(1u, cmds());
}

TEST_F(SaslSession, WrongAttempts) {
  LoneConnection c(server_);
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kSaslStep, "TELL", kSecret)))
      << "a step without a beginning";
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kSaslAuth, "TELL", "wrong")));
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kSaslAuth, "NONE", kSecret)));
  EXPECT_EQ("33:who?;", Ask(c, Packet(Opcode::kSaslAuth, "ASK")));
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kSaslStep, "ASK", "wrong")));
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kSaslStep, "ASK", kSecret)))
      << "it is over";
  EXPECT_EQ("4:Invalid arguments;",
            Ask(c, Packet(Opcode::kSaslAuth, std::string(33, 'X'), kSecret)));
  EXPECT_FALSE(c.closed());
  EXPECT_EQ(5u, errors());
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kNoop)));
  EXPECT_TRUE(c.closed());
}

TEST_F(SaslSession, AFailureThrowsOutAgain) {
  LoneConnection c(server_);
  EXPECT_EQ(kIn, Ask(c, Packet(Opcode::kSaslAuth, "TELL", kSecret)));
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kSaslAuth, "TELL", "wrong")));
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kNoop)));
  EXPECT_TRUE(c.closed());
}

TEST_F(SaslSession, DataIsBounded) {
  LoneConnection c(server_);
  const std::string large(64 * 1024, 'x');
  EXPECT_EQ(kOut, Ask(c, Packet(Opcode::kSaslAuth, "TELL", large)));
  EXPECT_EQ("130:Out of memory;",
            Ask(c, Packet(Opcode::kSaslAuth, "TELL", large + "x")));
  EXPECT_EQ(kIn, Ask(c, Packet(Opcode::kSaslAuth, "TELL", kSecret)));
}

// Of 100,000 bytes for all sessions of a worker.
class SmallAccount final : public BufferAccount {
 public:
  bool Take(size_t bytes) override {
    if (taken + bytes > 100000) return false;
    taken += bytes;
    return true;
  }
  void Give(size_t bytes) override { taken -= bytes; }
  size_t taken = 0;
};

TEST_F(SaslSession, WhatIsSentCountsUntilItIsJudged) {
  SmallAccount account;
  server_.executor().set_buffers(&account);
  const std::string large =
      Packet(Opcode::kSaslAuth, "ASK", std::string(60000, 'x'));
  LoneConnection first(server_);
  EXPECT_EQ("", Ask(first, large.substr(0, 100)));
  EXPECT_LT(account.taken, 1000u) << "what was only announced does not";
  EXPECT_EQ("", Ask(first, large.substr(100, large.size() - 101)));
  EXPECT_GE(account.taken, 59000u);
  {
    LoneConnection second(server_);
    EXPECT_EQ("130:Out of memory reading request;", Ask(second, large));
    EXPECT_TRUE(second.closed());
  }
  EXPECT_EQ(1u, server_.executor().stats().read_buf_oom.value());
  EXPECT_EQ("33:who?;", Ask(first, large.substr(large.size() - 1)));
  EXPECT_EQ(0u, account.taken);
  {
    LoneConnection gone(server_);
    EXPECT_EQ("", Ask(gone, large.substr(0, 50000)));
    EXPECT_GT(account.taken, 0u);
  }
  EXPECT_EQ(0u, account.taken);
}

TEST_F(SaslSession, ByteByByteAndPipelined) {
  const std::string all = Packet(Opcode::kSaslAuth, "ASK") +
                          Packet(Opcode::kSaslStep, "ASK", kSecret) +
                          Packet(Opcode::kNoop);
  LoneConnection whole(server_);
  EXPECT_EQ(std::string("33:who?;") + kIn + "0:;", Ask(whole, all));
  EXPECT_GE(whole.yields, 2u) << "each attempt ends the turn";
  LoneConnection pieces(server_);
  for (const char byte : all) pieces.Send(std::string(1, byte));
  EXPECT_EQ(std::string("33:who?;") + kIn + "0:;",
            Replies(pieces.output().Take()));
}

TEST_F(SaslSession, WhatTheLibrarySaysMayBeLong) {
  LoneConnection c(server_);
  EXPECT_EQ("33:" + std::string(100000, 'q') + ";",
            Ask(c, Packet(Opcode::kSaslAuth, "LONG")));
  service_.mechanisms.assign(200000, 'M');
  EXPECT_EQ("0:" + service_.mechanisms + ";",
            Ask(c, Packet(Opcode::kSaslList)));
}

// Such as saslauthd, which may take seconds: they hold up nobody's memory.
TEST_F(SaslSession, TheLibraryIsCalledOffLine) {
  int calls = 0, on_line = 0;
  service_.on_call = [&] {
    ++calls;
    on_line += server_.thread().online();
  };
  LoneConnection c(server_);
  Ask(c, Packet(Opcode::kSaslList));
  Ask(c, Packet(Opcode::kSaslAuth, "TELL", "wrong"));
  Ask(c, Packet(Opcode::kSaslAuth, "ASK"));
  EXPECT_EQ(kIn, Ask(c, Packet(Opcode::kSaslStep, "ASK", kSecret)));
  EXPECT_EQ(6, calls);
  EXPECT_EQ(0, on_line);
  EXPECT_TRUE(server_.thread().online());
}

// While the time for slow attempts is spent there is none, and nothing of the
// request is lost.
TEST_F(SaslSession, SlowAttemptsWaitUntilThereIsTime) {
  using std::chrono::milliseconds;
  LoginPace& pace = server_.executor().login_pace();
  int calls = 0;
  service_.on_call = [&] {
    ++calls;
    std::this_thread::sleep_for(milliseconds(20));
  };
  LoneConnection slow(server_);
  EXPECT_EQ(kOut, Ask(slow, Packet(Opcode::kSaslAuth, "TELL", "wrong")));
  EXPECT_FALSE(pace.MayBeSlow());
  EXPECT_EQ(2, calls);
  service_.on_call = [&] {
    EXPECT_TRUE(pace.MayBeSlow());
    ++calls;
  };
  const std::string rest = Packet(Opcode::kNoop);
  const auto start = std::chrono::steady_clock::now();
  LoneConnection next(server_);
  EXPECT_EQ(std::string(kIn) + "0:;",
            Ask(next, Packet(Opcode::kSaslAuth, "TELL", kSecret) + rest));
  EXPECT_GT(std::chrono::steady_clock::now() - start, milliseconds(100));
  EXPECT_GT(next.yields, 1u);
  EXPECT_EQ(4, calls);
  EXPECT_TRUE(pace.MayBeSlow()) << "that one was fast";
}

TEST_F(SaslSession, WithoutTheServiceTheOpcodesAreUnknown) {
  server_.control().sasl_service = nullptr;
  LoneConnection c(server_);
  EXPECT_EQ("129:Unknown command;", Ask(c, Packet(Opcode::kSaslList)));
  EXPECT_EQ("129:Unknown command;",
            Ask(c, Packet(Opcode::kSaslAuth, "TELL", kSecret)));
  EXPECT_EQ("0:;", Ask(c, Packet(Opcode::kNoop)));
  EXPECT_EQ(0u, cmds());
}

}  // namespace
}  // namespace cucache
