// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Packets of the binary protocol: the header, the numbers, the messages. What
// the opcodes do is in proto/binary_turn.h. (Counterpart:
// protocol_binary.h, add_bin_header, the messages of write_bin_error.)
//
// A request and a reply have the same 24 bytes in front, big-endian:
//
//   0 magic    1 opcode   2 key length (2)   4 extras length   5 data type
//   6 vbucket, in a reply the status (2)     8 body length (4)
//   12 opaque (4), given back as it came     16 CAS id (8)
//
// and then extras, key and value, which together are the body.
//
// Thread safety: pure functions.

#ifndef CUCACHE_PROTO_BINARY_H_
#define CUCACHE_PROTO_BINARY_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cucache {

inline constexpr char kBinaryMagic = static_cast<char>(0x80);
inline constexpr size_t kBinaryHeader = 24;
// A longer body is a mistake: no item can be as large.
inline constexpr uint32_t kMaxBinaryBody = 1u << 30;

enum class Opcode : uint8_t {
  kGet = 0x00,
  kSet = 0x01,
  kAdd = 0x02,
  kReplace = 0x03,
  kDelete = 0x04,
  kIncrement = 0x05,
  kDecrement = 0x06,
  kQuit = 0x07,
  kFlush = 0x08,
  kGetQ = 0x09,
  kNoop = 0x0a,
  kVersion = 0x0b,
  kGetK = 0x0c,
  kGetKQ = 0x0d,
  kAppend = 0x0e,
  kPrepend = 0x0f,
  kStat = 0x10,
  kSetQ = 0x11,
  kAddQ = 0x12,
  kReplaceQ = 0x13,
  kDeleteQ = 0x14,
  kIncrementQ = 0x15,
  kDecrementQ = 0x16,
  kQuitQ = 0x17,
  kFlushQ = 0x18,
  kAppendQ = 0x19,
  kPrependQ = 0x1a,
  kVerbosity = 0x1b,
  kTouch = 0x1c,
  kGat = 0x1d,
  kGatQ = 0x1e,
  kSaslList = 0x20,
  kSaslAuth = 0x21,
  kSaslStep = 0x22,
  kGatK = 0x23,
  kGatKQ = 0x24,
};

enum class BinaryStatus : uint16_t {
  kOk = 0x00,
  kNotFound = 0x01,
  kExists = 0x02,
  kTooLarge = 0x03,
  kInvalid = 0x04,
  kNotStored = 0x05,
  kNonNumeric = 0x06,
  kAuthError = 0x20,
  kAuthContinue = 0x21,
  kUnknownCommand = 0x81,
  kNoMemory = 0x82,
};

// What stands in the body of a reply with this status.
std::string_view MessageOf(BinaryStatus status);

// Between the order of a packet and the machine's.
inline uint16_t SwapBig(uint16_t value) { return __builtin_bswap16(value); }
inline uint32_t SwapBig(uint32_t value) { return __builtin_bswap32(value); }
inline uint64_t SwapBig(uint64_t value) { return __builtin_bswap64(value); }

// A number as it stands in a packet.
template <class T>
T LoadBig(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return std::endian::native == std::endian::little ? SwapBig(value) : value;
}

// Returns the end.
template <class T>
char* StoreBig(T value, char* to) {
  if (std::endian::native == std::endian::little) value = SwapBig(value);
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}

// The header of a request.
struct BinaryHeader {
  Opcode opcode;
  uint8_t extras_length;
  uint16_t key_length;
  uint32_t body_length;
  uint32_t opaque;
  uint64_t cas;

  // `packet` has kBinaryHeader bytes.
  explicit BinaryHeader(const char* packet)
      : opcode(static_cast<Opcode>(packet[1])),
        extras_length(static_cast<uint8_t>(packet[4])),
        key_length(LoadBig<uint16_t>(packet + 2)),
        body_length(LoadBig<uint32_t>(packet + 8)),
        opaque(LoadBig<uint32_t>(packet + 12)),
        cas(LoadBig<uint64_t>(packet + 16)) {}

  // Everything in front of the value.
  size_t head_length() const {
    return kBinaryHeader + extras_length + key_length;
  }
  // False: key and extras are said to be longer than all of the body.
  bool consistent() const {
    return static_cast<uint32_t>(extras_length) + key_length <= body_length;
  }
  // If consistent().
  uint32_t value_length() const {
    return body_length - extras_length - key_length;
  }
};

// The header of a reply.
struct BinaryReply {
  BinaryStatus status = BinaryStatus::kOk;
  uint8_t extras_length = 0;
  uint16_t key_length = 0;
  uint32_t body_length = 0;
  uint64_t cas = 0;

  // Writes kBinaryHeader bytes; returns the end. Opcode and opaque are those
  // that came.
  char* Format(Opcode opcode, uint32_t opaque, char* to) const;
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_BINARY_H_
