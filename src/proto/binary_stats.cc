// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/binary_stats.h"

#include <memory>
#include <utility>

#include "command/dump.h"
#include "command/stats_command.h"
#include "proto/binary.h"

namespace cucache {
namespace {

// One row. The last packet of a reply has neither name nor value.
void AppendRow(std::string_view name, std::string_view value, uint32_t opaque,
               std::string* out) {
  char header[kBinaryHeader];
  BinaryReply reply;
  reply.key_length = static_cast<uint16_t>(name.size());
  reply.body_length = static_cast<uint32_t>(name.size() + value.size());
  reply.Format(Opcode::kStat, opaque, header);
  out->append(header, sizeof(header)).append(name).append(value);
}

// A dump that makes lines "STAT <name> <value>", as packets.
class PacketDump final : public DumpStream, private DumpSink {
 public:
  PacketDump(std::unique_ptr<DumpStream> lines, uint32_t opaque)
      : lines_(std::move(lines)), opaque_(opaque) {}

  bool Next(DumpSink& sink) override {
    const bool more = lines_->Next(*this);
    std::string packets;
    size_t at = 0;
    for (size_t end; (end = text_.find("\r\n", at)) != std::string::npos;) {
      AppendLine(std::string_view(text_).substr(at, end - at), &packets);
      at = end + 2;
    }
    text_.erase(0, at);
    if (!more) AppendRow("", "", opaque_, &packets);
    sink.Append(packets);
    return more;
  }

 private:
  void Append(std::string_view bytes) override { text_.append(bytes); }
  void AppendValue(Item*) override {}  // no line has one

  void AppendLine(std::string_view line, std::string* out) const {
    constexpr std::string_view kStat = "STAT ";
    if (!line.starts_with(kStat)) return;  // END
    line.remove_prefix(kStat.size());
    const size_t space = line.find(' ');
    AppendRow(line.substr(0, space), line.substr(space + 1), opaque_, out);
  }

  const std::unique_ptr<DumpStream> lines_;
  const uint32_t opaque_;
  std::string text_;  // what has no line end yet
};

bool AppendDetail(Executor& executor, std::string_view what, uint32_t opaque,
                  std::string* out) {
  Settings& settings = executor.settings();
  if (!settings.dump_enabled) return false;
  if (what == "dump") {
    // All of it is one value, as in memcached.
    const std::string dump =
        executor.control().command_state().prefixes().Dump();
    AppendRow("detailed", dump, opaque, out);
    return true;
  }
  if (what != "on" && what != "off") return false;
  settings.detail_enabled = what == "on";
  return true;
}

}  // namespace

bool AppendBinaryStats(Executor& executor, std::string_view what,
                       uint32_t opaque, std::string* out) {
  constexpr std::string_view kDetail = "detail ";
  if (what == "sizes" && executor.settings().track_sizes) {
    executor.set_dump(
        std::make_unique<PacketDump>(MakeSizes(executor.cache()), opaque));
    return true;
  }
  if (what == "sizes") {
    AppendRow("sizes_status", "disabled", opaque, out);
  } else if (what == "reset") {
    ResetStats(executor);
  } else if (what.starts_with(kDetail)) {
    what.remove_prefix(kDetail.size());
    if (!AppendDetail(executor, what, opaque, out)) return false;
  } else {
    // memcached's binary protocol does not know this table.
    if (what == "conns") return false;
    const auto add = [&](std::string_view name, std::string_view value) {
      AppendRow(name, value, opaque, out);
    };
    if (!CollectStats(executor, what, add)) return false;
  }
  AppendRow("", "", opaque, out);
  return true;
}

}  // namespace cucache
