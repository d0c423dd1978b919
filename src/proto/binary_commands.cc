// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The opcodes, and the table of them.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "base/strings.h"
#include "base/version.h"
#include "cache/value.h"
#include "command/admin.h"
#include "command/dump.h"
#include "proto/binary_stats.h"
#include "proto/binary_turn.h"
#include "proto/turn.h"

namespace cucache {

// A store that waits for its value keeps its header where meta keeps its
// opaque.
static_assert(kMaxOpaque >= kBinaryHeader);

// ---- The table. ----

struct OpcodeTable {
  using Row = BinaryTurn::Row;
  using Part = BinaryTurn::Part;
  using Turn = BinaryTurn;
  static constexpr size_t kCount = static_cast<size_t>(Opcode::kGatKQ) + 1;
  static const Row kRows[kCount];
  static constexpr Row kNone = {
      Opcode::kNoop, 0, 0, Part::kNever, Part::kNever, Part::kNever, nullptr};
  static constexpr Part kNever = Part::kNever, kMay = Part::kMay,
                        kMust = Part::kMust;
  static constexpr uint8_t kQuiet = Turn::kQuiet, kWithKey = Turn::kWithKey;

  // Rows that are alike.
  static constexpr Row LookUp(uint8_t traits) {
    return {Opcode::kGet,
            static_cast<uint8_t>(traits | Turn::kLookUp),
            0,
            kNever,
            kMust,
            kNever,
            nullptr};
  }
  static constexpr Row TouchLookUp(uint8_t traits) {
    return {Opcode::kGat,
            static_cast<uint8_t>(traits | Turn::kLookUp | Turn::kExpires),
            4,
            kMust,
            kMust,
            kNever,
            nullptr};
  }
  static constexpr Row Store(Opcode basic, uint8_t traits) {
    return {basic, traits, 8, kMust, kMust, kMay, &Turn::Store};
  }
  static constexpr Row Join(Opcode basic, uint8_t traits) {
    return {basic, traits, 0, kNever, kMust, kMay, &Turn::Store};
  }
  static constexpr Row Number(Opcode basic, uint8_t traits) {
    return {basic, traits, 20, kMust, kMust, kNever, &Turn::Arithmetic};
  }
  static constexpr Row Bare(Opcode basic, uint8_t traits,
                            Turn::Handler handler) {
    return {basic, traits, 0, kNever, kNever, kNever, handler};
  }
};

// By opcode.
// clang-format off
constexpr OpcodeTable::Row OpcodeTable::kRows[kCount] = {
  /* 00 */ LookUp(0),
  /* 01 */ Store(Opcode::kSet, 0),
  /* 02 */ Store(Opcode::kAdd, 0),
  /* 03 */ Store(Opcode::kReplace, 0),
  /* 04 */ {Opcode::kDelete, 0, 0, kNever, kMust, kNever, &Turn::Delete},
  /* 05 */ Number(Opcode::kIncrement, 0),
  /* 06 */ Number(Opcode::kDecrement, 0),
  /* 07 */ Bare(Opcode::kQuit, 0, &Turn::Quit),
  /* 08 */ {Opcode::kFlush, 0, 4, kMay, kNever, kNever, &Turn::Flush},
  /* 09 */ LookUp(kQuiet),
  /* 0a */ Bare(Opcode::kNoop, 0, &Turn::Noop),
  /* 0b */ Bare(Opcode::kVersion, 0, &Turn::Version),
  /* 0c */ LookUp(kWithKey),
  /* 0d */ LookUp(kWithKey | kQuiet),
  /* 0e */ Join(Opcode::kAppend, 0),
  /* 0f */ Join(Opcode::kPrepend, 0),
  /* 10 */ {Opcode::kStat, 0, 0, kNever, kMay, kNever, &Turn::Stat},
  /* 11 */ Store(Opcode::kSet, kQuiet),
  /* 12 */ Store(Opcode::kAdd, kQuiet),
  /* 13 */ Store(Opcode::kReplace, kQuiet),
  /* 14 */ {Opcode::kDelete, kQuiet, 0, kNever, kMust, kNever,
            &Turn::Delete},
  /* 15 */ Number(Opcode::kIncrement, kQuiet),
  /* 16 */ Number(Opcode::kDecrement, kQuiet),
  /* 17 */ Bare(Opcode::kQuit, kQuiet, &Turn::Quit),
  /* 18 */ {Opcode::kFlush, kQuiet, 4, kMay, kNever, kNever, &Turn::Flush},
  /* 19 */ Join(Opcode::kAppend, kQuiet),
  /* 1a */ Join(Opcode::kPrepend, kQuiet),
  /* 1b */ {Opcode::kVerbosity, 0, 4, kMust, kNever, kNever,
            &Turn::Verbosity},
  /* 1c */ {Opcode::kTouch, 0, 4, kMust, kMust, kNever, &Turn::Touch},
  /* 1d */ TouchLookUp(0),
  /* 1e */ TouchLookUp(kQuiet),
  /* 1f */ OpcodeTable::kNone,
  /* 20 */ Bare(Opcode::kSaslList, 0, &Turn::Sasl),
  /* 21 */ {Opcode::kSaslAuth, 0, 0, kNever, kMust, kMay, &Turn::Sasl},
  /* 22 */ {Opcode::kSaslStep, 0, 0, kNever, kMust, kMay, &Turn::Sasl},
  /* 23 */ TouchLookUp(kWithKey),
  /* 24 */ TouchLookUp(kWithKey | kQuiet),
};
// clang-format on

const BinaryTurn::Row& BinaryTurn::RowOf(Opcode opcode) {
  const auto index = static_cast<size_t>(opcode);
  return index < OpcodeTable::kCount ? OpcodeTable::kRows[index]
                                     : OpcodeTable::kNone;
}

// ---- Stores. ----

namespace {

StoreMode ModeOf(Opcode basic) {
  switch (basic) {
    case Opcode::kAdd:
      return StoreMode::kAdd;
    case Opcode::kReplace:
      return StoreMode::kReplace;
    case Opcode::kAppend:
      return StoreMode::kAppend;
    case Opcode::kPrepend:
      return StoreMode::kPrepend;
    default:
      return StoreMode::kSet;
  }
}

// What a store is told that did not come to pass.
BinaryStatus RefusalOf(Opcode basic, Status status) {
  if (status == Status::kExists) return BinaryStatus::kExists;
  if (status == Status::kNotFound) return BinaryStatus::kNotFound;
  if (basic == Opcode::kAdd) return BinaryStatus::kExists;
  if (basic == Opcode::kReplace) return BinaryStatus::kNotFound;
  return BinaryStatus::kNotStored;
}

}  // namespace

BinaryTurn::Flow BinaryTurn::Store(const Packet& packet) {
  const BinaryHeader& header = packet.header;
  Request request;
  request.key = packet.key();
  request.hash = executor_.Hash(request.key);
  request.mode = ModeOf(packet.row.basic);
  request.value_length = header.value_length();
  if (header.extras_length != 0) {
    const char* const extras = packet.extras();
    request.flags = LoadBig<uint32_t>(extras);
    request.exptime = clock().FromExptime(LoadBig<uint32_t>(extras + 4));
  }
  Item* item = nullptr;
  if (header.cas == 0 && left() >= request.value_length) {
    item = executor_.SetAtOnce(request, at_);
    if (item != nullptr) {
      at_ += request.value_length;
      return Done(packet, item->cas.load(std::memory_order_relaxed));
    }
  }
  // Without the CAS id, so that a set which cannot be is one that removes.
  const Status status = executor_.Reserve(request, &item);
  if (status != Status::kStored) return RefuseStore(packet, status);
  if (header.cas != 0) {
    // An id turns set, add and replace into the same command.
    if (header.extras_length != 0) request.mode = StoreMode::kSet;
    request.options = kCompareCas;
    request.cas = header.cas;
  }
  const size_t length = request.value_length;
  if (left() < length) return ReceiveLater(packet, request, item);
  if (length != 0) CopyValueIn(item, 0, at_, length);
  at_ += length;
  FinishStore(packet, request, item);
  return true;
}

BinaryTurn::Flow BinaryTurn::RefuseStore(const Packet& packet, Status status) {
  s_.swallow_ = packet.header.value_length();
  s_.state_ = State::kSwallow;
  if (status == Status::kTooLarge) {
    return Error(packet.header, BinaryStatus::kTooLarge);
  }
  return Answer(packet.header, BinaryStatus::kNoMemory,
                "Out of memory allocating item");
}

// The header goes away with the input buffer; the key is in the item.
BinaryTurn::Flow BinaryTurn::ReceiveLater(const Packet& packet,
                                          const Request& request, Item* item) {
  s_.pending_.reset(new PendingStore);
  PendingStore& store = *s_.pending_;
  store.request = request;
  store.request.key = {};
  store.item = item;
  std::memcpy(store.opaque, packet.begin, kBinaryHeader);
  s_.state_ = State::kReceive;
  return true;
}

BinaryTurn::Flow BinaryTurn::ReceiveEnd() {
  if (output_.blocked()) return Stop(Next::kBlocked);
  const std::unique_ptr<PendingStore> store = std::move(s_.pending_);
  s_.state_ = State::kCommand;
  FinishStore(Packet(store->opaque), store->request, store->item);
  return true;
}

// Neither extras nor key of the packet may be there any more.
void BinaryTurn::FinishStore(const Packet& packet, const Request& request,
                             Item* item) {
  Result result;
  executor_.Store(request, item, &result);
  if (result.status == Status::kStored) {
    (void)Done(packet, result.cas);
  } else {
    (void)Error(packet.header, RefusalOf(packet.row.basic, result.status));
  }
  if (executor_.CopiedMuch()) SpendTurn();
}

// ---- The other opcodes. ----

BinaryTurn::Flow BinaryTurn::Delete(const Packet& packet) {
  Request request;
  request.key = packet.key();
  if (packet.header.cas != 0) request.options = kCompareCas;
  request.cas = packet.header.cas;
  Result result;
  executor_.Delete(request, &result);
  if (result.status == Status::kDeleted) return Done(packet);
  const bool exists = result.status == Status::kExists;
  return Error(packet.header,
               exists ? BinaryStatus::kExists : BinaryStatus::kNotFound);
}

BinaryTurn::Flow BinaryTurn::Arithmetic(const Packet& packet) {
  constexpr uint32_t kDoNotCreate = 0xffffffff;
  const char* const extras = packet.extras();
  const auto exptime = LoadBig<uint32_t>(extras + 16);
  Request request;
  request.key = packet.key();
  request.delta = LoadBig<uint64_t>(extras);
  request.initial = LoadBig<uint64_t>(extras + 8);
  if (packet.row.basic == Opcode::kDecrement) request.options |= kDecrement;
  if (exptime != kDoNotCreate) {
    request.options |= kVivify;
    request.vivify_exptime = clock().FromExptime(exptime);
  }
  if (packet.header.cas != 0) request.options |= kCompareCas;
  request.cas = packet.header.cas;
  Result result;
  executor_.Arithmetic(request, &result);
  switch (result.status) {
    case Status::kHit: {
      char value[sizeof(uint64_t)];
      StoreBig(result.value, value);
      return Done(packet, result.cas, {value, sizeof(value)});
    }
    case Status::kNotFound:
      return Error(packet.header, BinaryStatus::kNotFound);
    case Status::kExists:
      return Error(packet.header, BinaryStatus::kExists);
    case Status::kNonNumeric:
      return Error(packet.header, BinaryStatus::kNonNumeric);
    default:
      return Answer(packet.header, BinaryStatus::kNoMemory,
                    "Out of memory incrementing value");
  }
}

BinaryTurn::Flow BinaryTurn::Touch(const Packet& packet) {
  Request request;
  request.key = packet.key();
  request.options = kIsTouch;
  request.exptime = clock().FromExptime(LoadBig<uint32_t>(packet.extras()));
  Result result;
  executor_.Touch(request, &result);
  if (result.status != Status::kHit) {
    return Error(packet.header, BinaryStatus::kNotFound);
  }
  BinaryReply reply;
  reply.extras_length = sizeof(uint32_t);
  reply.body_length = sizeof(uint32_t);
  reply.cas = result.cas;
  char* to = output_.Room(kBinaryHeader + sizeof(uint32_t));
  to = reply.Format(packet.header.opcode, packet.header.opaque, to);
  output_.Advance(StoreBig(result.item->flags(), to));
  return true;
}

BinaryTurn::Flow BinaryTurn::Noop(const Packet& packet) { return Done(packet); }

BinaryTurn::Flow BinaryTurn::Version(const Packet& packet) {
  return Done(packet, 0, kVersion);
}

BinaryTurn::Flow BinaryTurn::Quit(const Packet& packet) {
  (void)Done(packet);
  return Stop(Next::kClose);
}

namespace {

// Has the text command of that name executed, with a number as its argument.
void RunWithNumber(Executor& executor, std::string_view name, uint32_t number) {
  char digits[kMaxDigits];
  const char* const end = FormatU32(number, digits);
  const std::array<std::string_view, 2> tokens = {
      name, {digits, static_cast<size_t>(end - digits)}};
  std::string reply;
  (void)RunAdmin(executor, tokens, &reply);
}

}  // namespace

BinaryTurn::Flow BinaryTurn::Flush(const Packet& packet) {
  if (!executor_.settings().flush_enabled) {
    return Error(packet.header, BinaryStatus::kAuthError);
  }
  // Beyond this it is never either way.
  constexpr uint32_t kLatest = 0x7fffffff;
  const bool given = packet.header.extras_length != 0;
  const uint32_t when = given ? LoadBig<uint32_t>(packet.extras()) : 0;
  RunWithNumber(executor_, "flush_all", std::min(when, kLatest));
  SpendTurn();
  return Done(packet);
}

BinaryTurn::Flow BinaryTurn::Verbosity(const Packet& packet) {
  RunWithNumber(executor_, "verbosity", LoadBig<uint32_t>(packet.extras()));
  return Done(packet);
}

BinaryTurn::Flow BinaryTurn::Stat(const Packet& packet) {
  std::string reply;
  if (!AppendBinaryStats(executor_, packet.key(), packet.header.opaque,
                         &reply)) {
    return Error(packet.header, BinaryStatus::kNotFound);
  }
  output_.Append(reply);
  s_.dump_ = executor_.TakeDump();
  if (s_.dump_ != nullptr) {
    s_.state_ = State::kDump;
  } else {
    SpendTurn();
  }
  return true;
}

}  // namespace cucache
