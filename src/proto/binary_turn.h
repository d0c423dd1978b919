// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// One call of Session::Process() on a connection that speaks the binary
// protocol: the packets that are whole, the look-ups that are under way, and
// the table of the opcodes. (Counterpart: dispatch_bin_command and what it
// calls.)
//
// A packet is looked at when its header is there, and executed when its extras
// and its key are; what follows them is a value, which is received as those of
// the text protocol are. What a packet says of its lengths is compared with the
// table before anything else: one that contradicts itself or its opcode is
// answered, and the connection closed, because nobody can know where the next
// one begins. An opcode that is not known has lengths all the same.
//
// Look-ups (GET, GAT and their kin) are collected over packets, then found
// together and answered in order; every other opcode drains the batch first.
//
// Invariant B1: the batch stands in the input as packets that follow each
// other and end at at_. A batch that is drained in part puts at_ back to the
// first packet that was not answered.
//
// Thread safety: one thread.

#ifndef CUCACHE_PROTO_BINARY_TURN_H_
#define CUCACHE_PROTO_BINARY_TURN_H_

#include <string>
#include <string_view>

#include "cache/assoc.h"
#include "command/sasl.h"
#include "proto/binary.h"
#include "proto/turn_base.h"

namespace cucache {

class BinaryTurn : private TurnBase {
 public:
  BinaryTurn(Session& session, const char* data, size_t n, Output& output,
             int* budget)
      : TurnBase(session, data, n, output, budget) {}

  Session::Step Run();

 private:
  friend struct OpcodeTable;
  struct Packet;
  using Handler = Flow (BinaryTurn::*)(const Packet& packet);

  static constexpr size_t kBatch = Assoc::kLookupGroup;

  // Whether a packet has a part of its body.
  enum class Part : uint8_t { kNever, kMay, kMust };

  // What an opcode says beyond what it does.
  enum Trait : uint8_t {
    kQuiet = 1 << 0,    // success, and a look-up's miss, are not answered
    kLookUp = 1 << 1,   // goes into the batch, and has no handler
    kWithKey = 1 << 2,  // the reply shows the key
    kExpires = 1 << 3,  // a look-up whose extras are an expiry
  };

  // What the table says about an opcode.
  struct Row {
    Opcode basic;  // the opcode without its traits
    uint8_t traits;
    uint8_t extras_length;
    Part extras, key, value;
    Handler handler;

    bool Has(Trait trait) const { return (traits & trait) != 0; }
    bool known() const { return handler != nullptr || Has(kLookUp); }
    static bool Fits(Part part, uint32_t length) {
      return part == Part::kMay || (part == Part::kMust) == (length != 0);
    }
    bool Fits(const BinaryHeader& header) const {
      return (header.extras_length == 0 ||
              header.extras_length == extras_length) &&
             Fits(extras, header.extras_length) &&
             Fits(key, header.key_length) && Fits(value, header.value_length());
    }
  };
  static const Row& RowOf(Opcode opcode);

  // A request whose header is there.
  struct Packet {
    const char* begin;
    BinaryHeader header;
    const Row& row;

    explicit Packet(const char* packet)
        : begin(packet), header(packet), row(RowOf(header.opcode)) {}
    // If they are in the input.
    const char* extras() const { return begin + kBinaryHeader; }
    std::string_view key() const {
      return {extras() + header.extras_length, header.key_length};
    }
    bool quiet() const { return row.Has(kQuiet); }
  };

  // --- States. ---
  Flow Advance();
  Flow Command();
  Flow ReceiveEnd();

  // --- Packets that are wrong. ---
  Flow Unknown(const BinaryHeader& header);
  Flow Refuse(const BinaryHeader& header, BinaryStatus status);

  // --- The batch. ---
  Flow Collect(const Packet& packet);
  // Answers what is collected; false if output blocked before the end (B1).
  bool Drain() { return size_ == 0 || AnswerBatch(); }
  bool AnswerBatch();
  // The same, and the output takes another reply.
  bool Ready();
  void Answer(const char* begin, const Lookup& lookup, Executor::Batch* batch);
  Item* TouchKey(const Packet& packet, const Lookup& lookup);
  void AnswerMiss(const Packet& packet);

  // --- Opcodes. ---
  Flow Store(const Packet& packet);
  Flow Delete(const Packet& packet);
  Flow Arithmetic(const Packet& packet);
  Flow Touch(const Packet& packet);
  Flow Noop(const Packet& packet);
  Flow Version(const Packet& packet);
  Flow Quit(const Packet& packet);
  Flow Flush(const Packet& packet);
  Flow Verbosity(const Packet& packet);
  Flow Stat(const Packet& packet);

  // --- Authentication (binary_sasl.cc). ---
  // Whether the client may use it yet.
  bool Admits(Opcode opcode) const;
  Flow Sasl(const Packet& packet);
  Flow SaslList(const Packet& packet, SaslService* service);
  Flow SaslData();
  Flow SaslNoMemory();
  SaslExchange::Outcome RunSasl(std::string* reply);
  SaslExchange::Outcome AskSasl(std::string* reply);
  Flow RefuseSasl(const BinaryHeader& header, BinaryStatus status);

  // --- Stores. ---
  Flow RefuseStore(const Packet& packet, Status status);
  Flow ReceiveLater(const Packet& packet, const Request& request, Item* item);
  void FinishStore(const Packet& packet, const Request& request, Item* item);

  // --- Replies. ---
  // What an opcode says when it was done; quiet ones say nothing.
  Flow Done(const Packet& packet, uint64_t cas = 0,
            std::string_view value = {});
  // A reply without a value: a status, and what it says to people. Of any
  // length: that of the SASL library is not ours.
  Flow Answer(const BinaryHeader& header, BinaryStatus status,
              std::string_view message);
  Flow Error(const BinaryHeader& header, BinaryStatus status) {
    return Answer(header, status, MessageOf(status));
  }

  size_t size_ = 0;  // packets in the batch
  union {
    Lookup lookups_[kBatch];  // not initialised: most are not used
  };
  const char* begins_[kBatch];
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_BINARY_TURN_H_
