// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/load.h"

#include <algorithm>
#include <ctime>

namespace cucache::tools {

using Status = Reader::Status;

Loader::Loader(Stream& server, const StoreOptions& options, uint64_t rate)
    : options_(options), to_(server, rate), replies_(server) {}

Loader::Result Loader::BadInput(const Reader& input, const std::string& what) {
  error_ = "the dump, at byte " + std::to_string(input.position()) + ": " +
           (input.error().empty() ? what : input.error());
  return Result::kBadInput;
}

Loader::Result Loader::BadServer(const std::string& what) {
  error_ = "the server: " + what;
  return Result::kBadServer;
}

Loader::Result Loader::Run(Reader& input) {
  Result result = Probe();
  if (result == Result::kDone) result = LoadAll(input);
  if (result == Result::kBadServer) return result;
  // What was begun is to be counted, also when the dump is bad; but not lose
  // the reason.
  const std::string reason = error_;
  const Result drained = Drain(0);
  if (drained == Result::kDone && result == Result::kBadInput) error_ = reason;
  return drained == Result::kDone ? result : drained;
}

// A server that does not know ms would take values for commands. The item, if
// it is one, is dead at once.
Loader::Result Loader::Probe() {
  to_.Append("ms cucached-load-probe 2 ME T-1\r\nmn\r\nmn\r\n");
  if (!to_.Flush()) return BadServer(to_.error());
  std::string_view line;
  Result result = ReadLine(&line);
  if (result != Result::kDone) return result;
  if (line != "HD" && line != "NS") {
    return BadServer("does not know the command ms: " +
                     std::string(line.substr(0, 80)));
  }
  result = ReadLine(&line);
  if (result != Result::kDone) return result;
  return line == "MN" ? Result::kDone : BadServer("does not know ms well");
}

Loader::Result Loader::LoadAll(Reader& input) {
  bool whole = false;  // nothing behind the last EN
  for (;;) {
    std::string_view line;
    const Status status = input.Line(&line);
    if (status == Status::kEnd && whole) return Result::kDone;
    if (status == Status::kEnd) return BadInput(input, "it has no end (EN)");
    if (status != Status::kOk) return BadInput(input, "a line without an end");
    // What a client that asked by hand got in front of it.
    if (line == "OK" && counts_.items == 0) continue;
    Record record;
    if (const char* wrong = ParseRecord(line, &record)) {
      return BadInput(input, wrong);
    }
    whole = record.kind == Record::Kind::kEnd;
    const Result result = Load(input, record);
    if (result != Result::kDone) return result;
  }
}

Loader::Result Loader::Load(Reader& input, const Record& record) {
  switch (record.kind) {
    case Record::Kind::kStore:
      return Store(input, record);
    case Record::Kind::kInvalidate:
      return Invalidate(record);
    case Record::Kind::kEnd:
      break;
  }
  return Result::kDone;
}

Loader::Result Loader::Store(Reader& input, const Record& record) {
  ++counts_.items;
  last_sent_ = false;
  if (record.exptime != 0 && record.exptime <= std::time(nullptr)) {
    ++counts_.expired;
    return Value(input, record.length, false);
  }
  if (record.key.size() > kMaxKeyWord) {
    ++counts_.refused;
    if (error_.empty()) error_ = "a key is too long for the meta protocol";
    return Value(input, record.length, false);
  }
  last_sent_ = true;
  last_key_ = record.key;
  text_.clear();
  AppendStore(record, options_, &text_);
  to_.Append(text_);
  const Result result = Value(input, record.length, true);
  if (result != Result::kDone) return result;
  ++outstanding_;
  if (outstanding_ < kMaxOutstanding) return Result::kDone;
  return Drain(kMaxOutstanding / 2);
}

Loader::Result Loader::Value(Reader& input, uint64_t length, bool send) {
  if (send) counts_.value_bytes += length;
  std::string_view bytes;
  for (uint64_t left = length; left > 0; left -= bytes.size()) {
    const Status status = input.Some(left, &bytes);
    if (status != Status::kOk) return BadInput(input, "a value is cut off");
    if (send && !to_.Append(bytes)) return BadServer(to_.error());
  }
  std::string_view rest;
  if (input.Line(&rest) != Status::kOk || !rest.empty()) {
    return BadInput(input, "a value is not as long as its line says");
  }
  if (send && !to_.Append("\r\n")) return BadServer(to_.error());
  return Result::kDone;
}

// Only what we have stored: with only_missing there may be another item.
Loader::Result Loader::Invalidate(const Record& record) {
  const Result result = Drain(0);
  if (result != Result::kDone) return result;
  if (!last_sent_ || !last_stored_ || record.key != last_key_) {
    return Result::kDone;
  }
  to_.Append("md ");
  to_.Append(record.key);
  to_.Append(record.base64 ? " b I\r\n" : " I\r\n");
  if (!to_.Flush()) return BadServer(to_.error());
  std::string_view line;
  return ReadLine(&line);
}

Loader::Result Loader::Drain(uint64_t outstanding) {
  if (!to_.Flush()) return BadServer(to_.error());
  while (outstanding_ > outstanding) {
    const Result result = ReadReply();
    if (result != Result::kDone) return result;
  }
  return Result::kDone;
}

Loader::Result Loader::ReadReply() {
  std::string_view line;
  const Result result = ReadLine(&line);
  if (result != Result::kDone) return result;
  --outstanding_;
  last_stored_ = line == "HD";
  if (last_stored_) {
    ++counts_.stored;
  } else if (line == "NS" && options_.only_missing) {
    ++counts_.kept;
  } else {
    ++counts_.refused;
    if (error_.empty())
      error_ = "the server refused an item: " + std::string(line);
  }
  return Result::kDone;
}

Loader::Result Loader::ReadLine(std::string_view* line) {
  switch (replies_.Line(line)) {
    case Status::kOk:
      return Result::kDone;
    case Status::kEnd:
      return BadServer("closed the connection");
    case Status::kTooLong:
      return BadServer("sent a line without an end");
    case Status::kFailed:
      break;
  }
  return BadServer(replies_.error());
}

}  // namespace cucache::tools
