// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include <endian.h>

#include "t/bench/load/codec.h"

namespace cucache::load {
namespace {

constexpr uint8_t kRequest = 0x80;
constexpr uint8_t kResponse = 0x81;
constexpr uint8_t kGetOp = 0x00;
constexpr uint8_t kSetOp = 0x01;
constexpr uint8_t kGetQOp = 0x09;
constexpr uint8_t kNoOp = 0x0a;
constexpr uint8_t kSetQOp = 0x11;
constexpr uint16_t kOk = 0;
constexpr uint16_t kNotFound = 1;
constexpr uint16_t kNoMemory = 0x82;

struct Header {
  uint8_t magic;
  uint8_t opcode;
  uint16_t key_length;
  uint8_t extras_length;
  uint8_t data_type;
  uint16_t status;
  uint32_t body_length;
  uint32_t opaque;
  uint64_t cas;
};
static_assert(sizeof(Header) == 24);

constexpr size_t kGetExtras = 4;
constexpr size_t kSetExtras = 8;

class BinaryCodec : public Codec {
 public:
  BinaryCodec(const KeyFormat& keys, const ValueFormat& values, bool quiet)
      : Codec(keys, values),
        quiet_(quiet),
        body_size_(kGetExtras + values.size()) {}

  char* Get(char* out, const uint64_t* ids, size_t count) const override {
    for (size_t i = 0; i < count; ++i) {
      out = AppendHeader(out, quiet_ ? kGetQOp : kGetOp, keys_.size(), 0,
                         keys_.size(), ids[i]);
      out = keys_.Write(out, ids[i]);
    }
    return quiet_ ? NoOp(out) : out;
  }

  char* Set(char* out, uint64_t id, uint32_t sequence) const override {
    return AppendSet(out, kSetOp, id, sequence);
  }

  char* QuietSet(char* out, uint64_t id, uint32_t sequence) const override {
    return AppendSet(out, kSetQOp, id, sequence);
  }

  char* NoOp(char* out) const override {
    return AppendHeader(out, kNoOp, 0, 0, 0, 0);
  }

  [[nodiscard]] Record Parse(std::string_view in) const override {
    if (in.size() < sizeof(Header)) return Record{};
    Header header;
    std::memcpy(&header, in.data(), sizeof(header));
    const size_t body = be32toh(header.body_length);
    Record record{RecordType::kBad, sizeof(header) + body};
    if (header.magic != kResponse) return record;
    const uint16_t status = be16toh(header.status);
    const bool is_get = header.opcode == kGetOp || header.opcode == kGetQOp;
    if (status == kOk && is_get && body != body_size_) return record;
    if (in.size() < record.size) {
      record.type = RecordType::kNeedMore;
      return record;
    }
    record.type = Classify(header.opcode, status);
    if (status == kOk && is_get) {
      record.id = be32toh(header.opaque);
      record.value = in.data() + sizeof(header) + kGetExtras;
    }
    return record;
  }

 private:
  static RecordType Classify(uint8_t opcode, uint16_t status) {
    switch (opcode) {
      case kGetOp:
        if (status == kOk) return RecordType::kLastValue;
        return status == kNotFound ? RecordType::kEnd : RecordType::kBad;
      case kGetQOp:
        return status == kOk ? RecordType::kValue : RecordType::kBad;
      case kSetOp:
      case kSetQOp:
        if (status == kOk) return RecordType::kStored;
        return status == kNoMemory ? RecordType::kRefused : RecordType::kBad;
      case kNoOp:
        return status == kOk ? RecordType::kEnd : RecordType::kBad;
      default:
        return RecordType::kBad;
    }
  }

  static char* AppendHeader(char* out, uint8_t opcode, size_t key_length,
                            size_t extras, size_t body, uint64_t opaque) {
    Header header{};
    header.magic = kRequest;
    header.opcode = opcode;
    header.key_length = htobe16(static_cast<uint16_t>(key_length));
    header.extras_length = static_cast<uint8_t>(extras);
    header.body_length = htobe32(static_cast<uint32_t>(body));
    header.opaque = htobe32(static_cast<uint32_t>(opaque));
    std::memcpy(out, &header, sizeof(header));
    return out + sizeof(header);
  }

  char* AppendSet(char* out, uint8_t opcode, uint64_t id,
                  uint32_t sequence) const {
    out = AppendHeader(out, opcode, keys_.size(), kSetExtras,
                       kSetExtras + keys_.size() + values_.size(), id);
    std::memset(out, 0, kSetExtras);
    out = keys_.Write(out + kSetExtras, id);
    return values_.Write(out, id, sequence);
  }

  bool quiet_;
  size_t body_size_;
};

}  // namespace

std::unique_ptr<Codec> MakeBinaryCodec(const Options& options) {
  return std::make_unique<BinaryCodec>(
      KeyFormat(options.key_prefix, options.key_size),
      ValueFormat(options.value_size), options.quiet);
}

}  // namespace cucache::load
