// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Authentication in the binary protocol: the opcodes 0x20 to 0x22, and who may
// use which opcode. (Counterpart: process_bin_sasl_auth() and its kin.)
//
// The data of a request goes into the session and not into an item, and is
// bounded: whoever sends it is not known yet. Each SASL_AUTH is an attempt of
// its own; a session that was let in and fails another one is out again.

#include "proto/binary_sasl.h"

#include <algorithm>

#include "proto/binary_turn.h"

namespace cucache {
namespace {

constexpr size_t kMaxMechanism = 32;
// Room for a Kerberos ticket; everything else is a few hundred bytes.
constexpr uint32_t kMaxData = 64 * 1024;

}  // namespace

bool BinaryTurn::Admits(Opcode opcode) const {
  if (!s_.sasl_wanted_) return true;
  return opcode == Opcode::kSaslList || opcode == Opcode::kSaslAuth ||
         opcode == Opcode::kSaslStep || opcode == Opcode::kVersion;
}

BinaryTurn::Flow BinaryTurn::Sasl(const Packet& packet) {
  const BinaryHeader& header = packet.header;
  SaslService* const service = executor_.control().sasl();
  if (service == nullptr) {
    return RefuseSasl(header, BinaryStatus::kUnknownCommand);
  }
  if (header.opcode == Opcode::kSaslList) return SaslList(packet, service);
  if (header.key_length > kMaxMechanism) {
    return RefuseSasl(header, BinaryStatus::kInvalid);
  }
  if (header.value_length() > kMaxData) {
    return RefuseSasl(header, BinaryStatus::kNoMemory);
  }
  if (s_.sasl_ == nullptr) {
    s_.sasl_ = std::make_unique<SaslState>(header, executor_.buffers());
  }
  s_.sasl_->header = header;
  s_.sasl_->mechanism = packet.key();
  s_.swallow_ = header.value_length();
  s_.state_ = State::kSaslData;
  return true;
}

BinaryTurn::Flow BinaryTurn::RefuseSasl(const BinaryHeader& header,
                                        BinaryStatus status) {
  s_.swallow_ = header.value_length();
  s_.state_ = State::kSwallow;
  return Error(header, status);
}

BinaryTurn::Flow BinaryTurn::SaslList(const Packet& packet,
                                      SaslService* service) {
  std::string names;
  SpendTurn();  // as an attempt: the library makes a connection of its own
  bool listed;
  {
    const OffLine asks(executor_);
    listed = service->ListMechanisms(&names);
  }
  if (listed) return Answer(packet.header, BinaryStatus::kOk, names);
  return Error(packet.header, BinaryStatus::kAuthError);
}

// As much as is there, not as much as was announced: a client that only
// announces takes nothing from the others.
bool SaslState::Append(const char* bytes, size_t n) {
  if (data.size() + n > data.capacity()) {
    data.reserve(
        std::min<size_t>(header.value_length(), 2 * (data.size() + n)));
  }
  data.insert(data.end(), bytes, bytes + n);
  return charge.Set(data.capacity());
}

// As a client whose input does not fit (Conn::RefuseInput).
BinaryTurn::Flow BinaryTurn::SaslNoMemory() {
  executor_.stats().read_buf_oom.Add();
  if (!output_.blocked()) {
    Answer(s_.sasl_->header, BinaryStatus::kNoMemory,
           "Out of memory reading request");
  }
  s_.sasl_.reset();
  return Stop(Next::kShutdown);
}

BinaryTurn::Flow BinaryTurn::SaslData() {
  const auto n = static_cast<size_t>(std::min<uint64_t>(left(), s_.swallow_));
  if (!s_.sasl_->Append(at_, n)) return SaslNoMemory();
  at_ += n;
  s_.swallow_ -= n;
  if (s_.swallow_ != 0) return Stop(Next::kRead);
  if (output_.blocked()) return Stop(Next::kBlocked);
  if (!executor_.login_pace().MayBeSlow()) return Stop(Next::kLater);
  s_.state_ = State::kCommand;
  // It may have been slow: others first.
  SpendTurn();
  std::string reply;
  const auto outcome = RunSasl(&reply);
  const BinaryHeader header = s_.sasl_->header;
  std::vector<char>().swap(s_.sasl_->data);
  (void)s_.sasl_->charge.Set(0);
  if (outcome == SaslExchange::Outcome::kContinue) {
    return Answer(header, BinaryStatus::kAuthContinue, reply);
  }
  executor_.stats().auth_cmds.Add();
  s_.sasl_.reset();
  if (outcome == SaslExchange::Outcome::kFailed) {
    executor_.stats().auth_errors.Add();
    return Error(header, BinaryStatus::kAuthError);
  }
  s_.sasl_wanted_ = false;
  return Answer(header, BinaryStatus::kOk, "Authenticated");
}

// The library may read files, compute hashes and ask a saslauthd, which lets
// those that guess wait for seconds.
SaslExchange::Outcome BinaryTurn::RunSasl(std::string* reply) {
  const OffLine asks(executor_);
  const LoginPace::Clock::time_point start = LoginPace::Clock::now();
  const auto outcome = AskSasl(reply);
  executor_.login_pace().TookPerhaps(LoginPace::Clock::now() - start);
  return outcome;
}

SaslExchange::Outcome BinaryTurn::AskSasl(std::string* reply) {
  SaslState& state = *s_.sasl_;
  s_.sasl_wanted_ = true;
  if (state.header.opcode == Opcode::kSaslStep) {
    if (state.exchange == nullptr) return SaslExchange::Outcome::kFailed;
    return state.exchange->Step(state.text(), reply);
  }
  state.exchange = executor_.control().sasl()->NewExchange();
  if (state.exchange == nullptr) return SaslExchange::Outcome::kFailed;
  return state.exchange->Start(state.mechanism, state.text(), reply);
}

}  // namespace cucache
