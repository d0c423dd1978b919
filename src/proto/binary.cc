// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/binary.h"

namespace cucache {

std::string_view MessageOf(BinaryStatus status) {
  switch (status) {
    case BinaryStatus::kNotFound:
      return "Not found";
    case BinaryStatus::kExists:
      return "Data exists for key.";
    case BinaryStatus::kTooLarge:
      return "Too large.";
    case BinaryStatus::kInvalid:
      return "Invalid arguments";
    case BinaryStatus::kNotStored:
      return "Not stored.";
    case BinaryStatus::kNonNumeric:
      return "Non-numeric server-side value for incr or decr";
    case BinaryStatus::kAuthError:
      return "Auth failure.";
    case BinaryStatus::kUnknownCommand:
      return "Unknown command";
    case BinaryStatus::kNoMemory:
      return "Out of memory";
    case BinaryStatus::kOk:
    case BinaryStatus::kAuthContinue:
      break;
  }
  return "";
}

char* BinaryReply::Format(Opcode opcode, uint32_t opaque, char* to) const {
  constexpr char kReplyMagic = static_cast<char>(0x81);
  *to++ = kReplyMagic;
  *to++ = static_cast<char>(opcode);
  to = StoreBig(key_length, to);
  *to++ = static_cast<char>(extras_length);
  *to++ = 0;  // data type
  to = StoreBig(static_cast<uint16_t>(status), to);
  to = StoreBig(body_length, to);
  to = StoreBig(opaque, to);
  return StoreBig(cas, to);
}

}  // namespace cucache
