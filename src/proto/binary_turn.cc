// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/binary_turn.h"

#include <algorithm>

namespace cucache {

// ---- States. ----

Session::Step BinaryTurn::Run() {
  while (Advance()) {
  }
  return Finish(Drain());
}

CUCACHE_ALWAYS_INLINE BinaryTurn::Flow BinaryTurn::Advance() {
  switch (s_.state_) {
    case State::kCommand:
      return Command();
    case State::kReceive:
      return Receive();
    case State::kReceiveEnd:
      return ReceiveEnd();
    case State::kSwallow:
      return Swallow();
    case State::kDump:
      return Dump();
    case State::kSaslData:
      return SaslData();
    default:
      return Stop(Next::kShutdown);
  }
}

// The order of the checks is memcached's.
BinaryTurn::Flow BinaryTurn::Command() {
  if (at_ == end_) return Stop(Next::kRead);
  if (static_cast<int>(size_) >= *budget_) {
    return Stop(Drain() ? Next::kYield : Next::kBlocked);
  }
  if (*at_ != kBinaryMagic) return Stop(Next::kClose);
  if (left() < kBinaryHeader) return Stop(Next::kRead);
  const Packet packet(at_);
  const BinaryHeader& header = packet.header;
  if (!header.consistent()) {
    return Refuse(header, BinaryStatus::kUnknownCommand);
  }
  if (header.body_length > kMaxBinaryBody ||
      header.key_length > kMaxKeyLength) {
    return Refuse(header, BinaryStatus::kInvalid);
  }
  if (!Admits(header.opcode)) return Refuse(header, BinaryStatus::kAuthError);
  // A verbosity without a level is memcached's unknown command, and goes on.
  const bool bare =
      packet.row.basic == Opcode::kVerbosity && header.body_length == 0;
  if (!packet.row.known() || bare) return Unknown(header);
  if (!packet.row.Fits(header)) return Refuse(header, BinaryStatus::kInvalid);
  if (left() < header.head_length()) return Stop(Next::kRead);
  if (packet.row.Has(kLookUp)) return Collect(packet);
  if (!Ready()) return Stop(Next::kBlocked);
  at_ += header.head_length();
  --*budget_;
  return (this->*packet.row.handler)(packet);
}

BinaryTurn::Flow BinaryTurn::Unknown(const BinaryHeader& header) {
  if (!Ready()) return Stop(Next::kBlocked);
  at_ += kBinaryHeader;
  --*budget_;
  s_.swallow_ = header.body_length;
  s_.state_ = State::kSwallow;
  return Error(header, BinaryStatus::kUnknownCommand);
}

BinaryTurn::Flow BinaryTurn::Refuse(const BinaryHeader& header,
                                    BinaryStatus status) {
  if (!Ready()) return Stop(Next::kBlocked);
  at_ += kBinaryHeader;
  (void)Error(header, status);
  return Stop(Next::kClose);
}

// ---- The batch. ----

CUCACHE_ALWAYS_INLINE BinaryTurn::Flow BinaryTurn::Collect(
    const Packet& packet) {
  if (size_ == kBatch && !Drain()) return Stop(Next::kBlocked);
  lookups_[size_].key = packet.key();
  executor_.Locator()(&lookups_[size_]);
  begins_[size_++] = packet.begin;
  at_ += packet.header.head_length();
  return true;
}

bool BinaryTurn::AnswerBatch() {
  const size_t n = size_;
  size_ = 0;
  executor_.Gather(lookups_, n);
  output_.set_last(at_ == end_);
  Executor::Batch batch(executor_);
  for (size_t i = 0; i < n; ++i) {
    if (output_.blocked()) {
      at_ = begins_[i];
      return false;
    }
    Answer(begins_[i], lookups_[i], &batch);
    --*budget_;
  }
  return true;
}

bool BinaryTurn::Ready() { return Drain() && !output_.blocked(); }

CUCACHE_ALWAYS_INLINE void BinaryTurn::Answer(const char* begin,
                                              const Lookup& lookup,
                                              Executor::Batch* batch) {
  const Packet packet(begin);
  Item* const found = packet.row.Has(kExpires) ? TouchKey(packet, lookup)
                                               : executor_.Get(lookup, batch);
  if (found == nullptr) return AnswerMiss(packet);
  const std::string_view key =
      packet.row.Has(kWithKey) ? lookup.key : std::string_view();
  const Item& item = *found;
  constexpr uint8_t kFlags = sizeof(uint32_t);
  BinaryReply reply;
  reply.extras_length = kFlags;
  reply.key_length = static_cast<uint16_t>(key.size());
  reply.body_length =
      static_cast<uint32_t>(kFlags + key.size() + item.value_length);
  reply.cas = item.cas.load(std::memory_order_relaxed);
  AppendWithValue(found, kBinaryHeader + kFlags + key.size(), kNoTail,
                  [&](const Item::Layout& layout, char* to) {
                    to = reply.Format(packet.header.opcode,
                                      packet.header.opaque, to);
                    to = StoreBig(layout.flags(), to);
                    return std::copy(key.begin(), key.end(), to);
                  });
}

Item* BinaryTurn::TouchKey(const Packet& packet, const Lookup& lookup) {
  Request request;
  request.key = lookup.key;
  request.hash = lookup.hash;
  request.options = kTouch | kIsTouch | kNoWin;
  request.exptime = clock().FromExptime(LoadBig<uint32_t>(packet.extras()));
  Result result;
  executor_.Fetch(request, executor_.Settle(lookup), &result);
  return result.item;
}

void BinaryTurn::AnswerMiss(const Packet& packet) {
  if (packet.quiet()) return;
  if (!packet.row.Has(kWithKey)) {
    (void)Error(packet.header, BinaryStatus::kNotFound);
    return;
  }
  BinaryReply reply;
  reply.status = BinaryStatus::kNotFound;
  reply.key_length = packet.header.key_length;
  reply.body_length = packet.header.key_length;
  char* to = output_.Room(kBinaryHeader + kMaxKeyLength);
  to = reply.Format(packet.header.opcode, packet.header.opaque, to);
  const std::string_view key = packet.key();
  output_.Advance(std::copy(key.begin(), key.end(), to));
}

// ---- Replies. ----

BinaryTurn::Flow BinaryTurn::Done(const Packet& packet, uint64_t cas,
                                  std::string_view value) {
  if (packet.quiet()) return true;
  BinaryReply reply;
  reply.body_length = static_cast<uint32_t>(value.size());
  reply.cas = cas;
  char* to = output_.Room(kBinaryHeader + value.size());
  to = reply.Format(packet.header.opcode, packet.header.opaque, to);
  output_.Advance(std::copy(value.begin(), value.end(), to));
  return true;
}

BinaryTurn::Flow BinaryTurn::Answer(const BinaryHeader& header,
                                    BinaryStatus status,
                                    std::string_view message) {
  BinaryReply reply;
  reply.status = status;
  reply.body_length = static_cast<uint32_t>(message.size());
  output_.Advance(
      reply.Format(header.opcode, header.opaque, output_.Room(kBinaryHeader)));
  output_.Append(message);
  return true;
}

}  // namespace cucache
