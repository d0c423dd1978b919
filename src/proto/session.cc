// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/session.h"

#include "cache/value.h"
#include "command/dump.h"
#include "proto/binary_sasl.h"
#include "proto/binary_turn.h"
#include "proto/turn.h"

namespace cucache {

Session::Session(Executor& executor) : executor_(executor) {
  // Then nothing is negotiated: it is text.
  if (executor.control().authenticator() != nullptr) state_ = State::kAuthLine;
  sasl_wanted_ = executor.control().sasl() != nullptr;
}

Session::~Session() {
  if (pending_ != nullptr) executor_.Discard(pending_->item);
}

Session::Step Session::Process(const char* data, size_t n, Output& output,
                               int* budget) {
  if (state_ == State::kNew && n != 0 && !Negotiate(*data)) {
    return {0, Next::kShutdown};
  }
  if (binary_) return BinaryTurn(*this, data, n, output, budget).Run();
  return Turn(*this, data, n, output, budget).Run();
}

// As memcached does it: every request of the binary protocol, and none of the
// text protocol, begins with this byte.
bool Session::Negotiate(char first) {
  state_ = State::kCommand;
  binary_ = first == kBinaryMagic;
  const Protocol other = binary_ ? Protocol::kAscii : Protocol::kBinary;
  return executor_.settings().binding_protocol != other;
}

size_t Session::ReceiveSpans(iovec* spans, size_t max) {
  if (receive_left() == 0) return 0;
  return ValueSpans(*pending_->item, pending_->received, spans, max);
}

void Session::Received(size_t n) {
  pending_->received += static_cast<uint32_t>(n);
  if (receive_left() == 0) state_ = State::kReceiveEnd;
}

size_t Session::receive_left() const {
  if (pending_ == nullptr) return 0;
  return pending_->request.value_length - pending_->received;
}

}  // namespace cucache
