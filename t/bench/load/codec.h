// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Bytes of one protocol: requests out, replies in. Pure functions over
// buffers; immutable after construction, one per worker.
//
// A reply is read record by record. A text get of three keys that finds two is
// answered by two kValue and one kEnd; a meta get by one kLastValue or one
// kEnd; a batch of quiet commands counts as one command of many keys, and its
// no-op is the kEnd.

#ifndef CUCACHE_T_BENCH_LOAD_CODEC_H_
#define CUCACHE_T_BENCH_LOAD_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "t/bench/load/key_format.h"
#include "t/bench/load/options.h"

namespace cucache::load {

enum class RecordType : uint8_t {
  kNeedMore,   // size: bytes of the whole record if known, else 0
  kValue,      // a value; the command goes on
  kLastValue,  // a value; the command is over
  kEnd,        // the command is over; keys not yet answered were misses
  kStored,     // a set was carried out
  kRefused,    // a set was refused for want of memory
  kBad,        // anything else
};

struct Record {
  RecordType type = RecordType::kNeedMore;
  size_t size = 0;
  // Of a value. Unknown in a kLastValue whose reply names no key; wrong in a
  // kValue.
  uint64_t id = KeyFormat::kNoId;
  const char* value = nullptr;
};

class Codec {
 public:
  virtual ~Codec() = default;

  // The most bytes that one key adds to a request, with its value.
  [[nodiscard]] size_t MaxBytes() const {
    return keys_.size() + values_.size() + 64;
  }

  // Each writes one whole command at out, which has the room, and returns its
  // end.
  virtual char* Get(char* out, const uint64_t* ids, size_t count) const = 0;
  virtual char* Set(char* out, uint64_t id, uint32_t sequence) const = 0;
  virtual char* QuietSet(char* out, uint64_t id, uint32_t sequence) const = 0;
  virtual char* NoOp(char* out) const = 0;

  // The first record of in. Values are not looked into.
  [[nodiscard]] virtual Record Parse(std::string_view in) const = 0;

  [[nodiscard]] const KeyFormat& keys() const { return keys_; }
  [[nodiscard]] const ValueFormat& values() const { return values_; }

 protected:
  Codec(const KeyFormat& keys, const ValueFormat& values)
      : keys_(keys), values_(values) {}

  KeyFormat keys_;
  ValueFormat values_;
};

[[nodiscard]] std::unique_ptr<Codec> MakeTextCodec(const Options& options);
[[nodiscard]] std::unique_ptr<Codec> MakeMetaCodec(const Options& options);
[[nodiscard]] std::unique_ptr<Codec> MakeBinaryCodec(const Options& options);
[[nodiscard]] std::unique_ptr<Codec> MakeCodec(const Options& options);

// Shared by the two line protocols.
[[nodiscard]] Record ParseStatusLine(std::string_view in);

inline char* Append(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_CODEC_H_
