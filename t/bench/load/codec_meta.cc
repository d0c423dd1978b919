// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include <string>

#include "t/bench/load/codec.h"

namespace cucache::load {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

// A single mg asks for the value alone. Quiet ones ask for the key too, because
// what is not answered was a miss.
class MetaCodec : public Codec {
 public:
  MetaCodec(const KeyFormat& keys, const ValueFormat& values, bool quiet)
      : Codec(keys, values),
        quiet_(quiet),
        size_line_(std::to_string(values.size())),
        head_("VA " + size_line_ + (quiet ? " k" : "\r\n")),
        value_at_(head_.size() + (quiet ? keys_.size() + kLineEnd.size() : 0)),
        record_size_(value_at_ + values_.size() + kLineEnd.size()) {}

  char* Get(char* out, const uint64_t* ids, size_t count) const override {
    for (size_t i = 0; i < count; ++i) {
      out = keys_.Write(Append(out, "mg "), ids[i]);
      out = Append(out, quiet_ ? " v k q\r\n" : " v\r\n");
    }
    return quiet_ ? NoOp(out) : out;
  }

  char* Set(char* out, uint64_t id, uint32_t sequence) const override {
    return AppendSet(out, id, sequence, "\r\n");
  }

  char* QuietSet(char* out, uint64_t id, uint32_t sequence) const override {
    return AppendSet(out, id, sequence, " q\r\n");
  }

  char* NoOp(char* out) const override { return Append(out, "mn\r\n"); }

  [[nodiscard]] Record Parse(std::string_view in) const override {
    if (in.empty() || in[0] != 'V') return ParseStatusLine(in);
    const bool head_seen = in.size() >= head_.size();
    if (head_seen && in.substr(0, head_.size()) != head_) {
      return Record{RecordType::kBad, in.size()};
    }
    if (in.size() < record_size_) {
      return Record{RecordType::kNeedMore, record_size_};
    }
    Record record{RecordType::kBad, record_size_};
    if (in.substr(record_size_ - 2, 2) != kLineEnd) return record;
    record.value = in.data() + value_at_;
    record.type = quiet_ ? RecordType::kValue : RecordType::kLastValue;
    if (quiet_) record.id = keys_.Parse(in.data() + head_.size());
    return record;
  }

 private:
  char* AppendSet(char* out, uint64_t id, uint32_t sequence,
                  std::string_view tail) const {
    out = keys_.Write(Append(out, "ms "), id);
    *out++ = ' ';
    out = Append(Append(out, size_line_), tail);
    return Append(values_.Write(out, id, sequence), kLineEnd);
  }

  bool quiet_;
  std::string size_line_;
  std::string head_;
  size_t value_at_;
  size_t record_size_;
};

}  // namespace

std::unique_ptr<Codec> MakeMetaCodec(const Options& options) {
  return std::make_unique<MetaCodec>(
      KeyFormat(options.key_prefix, options.key_size),
      ValueFormat(options.value_size), options.quiet);
}

}  // namespace cucache::load
