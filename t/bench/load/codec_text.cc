// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include <string>

#include "t/bench/load/codec.h"

namespace cucache::load {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kValueHead = "VALUE ";

class TextCodec : public Codec {
 public:
  TextCodec(const KeyFormat& keys, const ValueFormat& values)
      : Codec(keys, values),
        after_key_(" 0 " + std::to_string(values.size()) + "\r\n"),
        set_after_key_(" 0 0 " + std::to_string(values.size()) + "\r\n"),
        quiet_set_after_key_(" 0 0 " + std::to_string(values.size()) +
                             " noreply\r\n"),
        value_at_(kValueHead.size() + keys_.size() + after_key_.size()),
        record_size_(value_at_ + values_.size() + kLineEnd.size()) {}

  char* Get(char* out, const uint64_t* ids, size_t count) const override {
    out = Append(out, "get");
    for (size_t i = 0; i < count; ++i) {
      *out++ = ' ';
      out = keys_.Write(out, ids[i]);
    }
    return Append(out, kLineEnd);
  }

  char* Set(char* out, uint64_t id, uint32_t sequence) const override {
    return AppendSet(out, id, sequence, set_after_key_);
  }

  char* QuietSet(char* out, uint64_t id, uint32_t sequence) const override {
    return AppendSet(out, id, sequence, quiet_set_after_key_);
  }

  char* NoOp(char* out) const override { return Append(out, "mn\r\n"); }

  [[nodiscard]] Record Parse(std::string_view in) const override {
    if (in.empty() || in[0] != 'V') return ParseStatusLine(in);
    if (in.size() < record_size_) return Unfinished(in);
    Record record{RecordType::kBad, record_size_};
    const char* p = in.data();
    if (std::memcmp(p, kValueHead.data(), kValueHead.size()) != 0 ||
        std::memcmp(p + value_at_ - after_key_.size(), after_key_.data(),
                    after_key_.size()) != 0 ||
        p[record_size_ - 2] != '\r' || p[record_size_ - 1] != '\n') {
      return record;
    }
    record.type = RecordType::kValue;
    record.id = keys_.Parse(p + kValueHead.size());
    record.value = p + value_at_;
    return record;
  }

 private:
  char* AppendSet(char* out, uint64_t id, uint32_t sequence,
                  const std::string& after_key) const {
    out = keys_.Write(Append(out, "set "), id);
    out = values_.Write(Append(out, after_key), id, sequence);
    return Append(out, kLineEnd);
  }

  // A shorter value than expected must not wait for bytes that never come.
  [[nodiscard]] Record Unfinished(std::string_view in) const {
    const size_t head = value_at_ - after_key_.size();
    if (in.size() >= value_at_ &&
        in.substr(head, after_key_.size()) != after_key_) {
      return Record{RecordType::kBad, in.size()};
    }
    return Record{RecordType::kNeedMore, record_size_};
  }

  std::string after_key_;
  std::string set_after_key_;
  std::string quiet_set_after_key_;
  size_t value_at_;
  size_t record_size_;
};

}  // namespace

Record ParseStatusLine(std::string_view in) {
  if (in.size() >= 5 && std::memcmp(in.data(), "END\r\n", 5) == 0) {
    return Record{RecordType::kEnd, 5};
  }
  const size_t end = in.find(kLineEnd);
  if (end == std::string_view::npos) {
    return Record{in.size() > 2048 ? RecordType::kBad : RecordType::kNeedMore};
  }
  const std::string_view line = in.substr(0, end);
  Record record{RecordType::kBad, end + kLineEnd.size()};
  if (line == "STORED" || line == "HD") {
    record.type = RecordType::kStored;
  } else if (line == "EN" || line == "MN") {
    record.type = RecordType::kEnd;
  } else if (line.starts_with("SERVER_ERROR out of memory")) {
    record.type = RecordType::kRefused;
  }
  return record;
}

std::unique_ptr<Codec> MakeTextCodec(const Options& options) {
  return std::make_unique<TextCodec>(
      KeyFormat(options.key_prefix, options.key_size),
      ValueFormat(options.value_size));
}

std::unique_ptr<Codec> MakeCodec(const Options& options) {
  switch (options.protocol) {
    case Protocol::kText:
      return MakeTextCodec(options);
    case Protocol::kMeta:
      return MakeMetaCodec(options);
    case Protocol::kBinary:
      break;
  }
  return MakeBinaryCodec(options);
}

}  // namespace cucache::load
