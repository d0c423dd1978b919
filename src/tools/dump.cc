// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/dump.h"

#include <chrono>
#include <ctime>
#include <thread>
#include <utility>

namespace cucache::tools {
namespace {

// What is asked for at once. Less than any socket's buffer, so that asking ends
// before the answers are read.
constexpr size_t kBatchKeys = 200;
constexpr size_t kBatchBytes = 16 * 1024;
// How long somebody else's dump is waited for.
constexpr int kBusyTries = 300;
constexpr auto kBusyNap = std::chrono::milliseconds(100);

std::string ReadError(const Reader& from, Reader::Status status) {
  switch (status) {
    case Reader::Status::kOk:
      break;
    case Reader::Status::kEnd:
      return "the server closed the connection";
    case Reader::Status::kTooLong:
      return "the server sent a line without an end";
    case Reader::Status::kFailed:
      return from.error();
  }
  return "?";
}

}  // namespace

Dumper::Dumper(ServerOptions server, Writer* out)
    : server_(std::move(server)), out_(out) {}

bool Dumper::Fail(const std::string& what) {
  if (error_.empty()) error_ = what;
  return false;
}

Stream* Dumper::Open() {
  streams_.push_back(Connect(server_, &error_));
  return streams_.back().get();
}

bool Dumper::Run() {
  Stream* const server = Open();
  if (server == nullptr) return false;
  Reader from(*server);
  std::string first;
  switch (Begin(from, *server, "lru_crawler msdump all\r\n", &first)) {
    case Begun::kFailed:
      return false;
    case Begun::kUnknown:
      return FromMemcached();
    case Begun::kYes:
      break;
  }
  if (first != "OK") return Fail("the server says: " + first);
  return PassOn(from);
}

// *first is the first line of the answer, when it is neither BUSY nor ERROR.
Dumper::Begun Dumper::Begin(Reader& from, Stream& server,
                            const std::string& command, std::string* first) {
  Writer ask(server);
  for (int tries = 0; tries < kBusyTries; ++tries) {
    ask.Append(command);
    if (!ask.Flush()) {
      Fail(ask.error());
      return Begun::kFailed;
    }
    std::string_view line;
    const Reader::Status status = from.Line(&line);
    if (status != Reader::Status::kOk) {
      Fail(ReadError(from, status));
      return Begun::kFailed;
    }
    if (line == "ERROR") return Begun::kUnknown;
    *first = line;
    if (!line.starts_with("BUSY")) return Begun::kYes;
    std::this_thread::sleep_for(kBusyNap);
  }
  Fail("the server says: " + *first);
  return Begun::kFailed;
}

// Byte by byte what the server says, as long as it is a dump.
bool Dumper::PassOn(Reader& from) {
  for (;;) {
    std::string_view line;
    const Reader::Status status = from.Line(&line);
    if (status != Reader::Status::kOk) return Fail(ReadError(from, status));
    Record record;
    if (const char* wrong = ParseRecord(line, &record)) {
      return Fail(std::string("the server sent what is no dump: ") + wrong);
    }
    if (record.kind == Record::Kind::kEnd) return Finish();
    out_->Append(line);
    out_->Append("\r\n");
    if (record.kind == Record::Kind::kInvalidate) continue;
    if (!CopyValue(from, record.length)) return false;
  }
}

bool Dumper::CopyValue(Reader& from, uint64_t length) {
  ++counts_.items;
  counts_.value_bytes += length;
  while (length > 0) {
    std::string_view bytes;
    const Reader::Status status = from.Some(length, &bytes);
    if (status != Reader::Status::kOk) return Fail(ReadError(from, status));
    if (!out_->Append(bytes)) return Fail("cannot write: " + out_->error());
    length -= bytes.size();
  }
  std::string_view rest;
  const Reader::Status status = from.Line(&rest);
  if (status != Reader::Status::kOk) return Fail(ReadError(from, status));
  if (!rest.empty()) return Fail("the server sent a value that does not end");
  out_->Append("\r\n");
  return true;
}

bool Dumper::Finish() {
  out_->Append("EN\r\n");
  return out_->Flush() || Fail("cannot write: " + out_->error());
}

// ---- From memcached. ----

bool Dumper::FromMemcached() {
  Stream* const for_keys = Open();
  Stream* const for_values = Open();
  if (for_keys == nullptr || for_values == nullptr) return false;
  Reader keys(*for_keys), values(*for_values);
  Writer ask(*for_values);
  std::string first;
  if (!BeginKeys(keys, *for_keys, &first)) return false;
  std::string_view line = first;
  while (line != "EN") {
    if (!TakeKey(line)) return false;
    const bool full = batch_.size() == kBatchKeys || batch_bytes_ > kBatchBytes;
    if (full && !FetchBatch(ask, values)) return false;
    const Reader::Status status = keys.Line(&line);
    if (status != Reader::Status::kOk) return Fail(ReadError(keys, status));
  }
  return FetchBatch(ask, values) && Finish();
}

// By the hash table, which shows a key once and does not miss it when it is
// overwritten.
bool Dumper::BeginKeys(Reader& keys, Stream& server, std::string* first) {
  switch (Begin(keys, server, "lru_crawler mgdump hash\r\n", first)) {
    case Begun::kFailed:
      return false;
    case Begun::kUnknown:
      return Fail(
          "the server has neither `lru_crawler msdump` nor `lru_crawler "
          "mgdump`");
    case Begun::kYes:
      break;
  }
  if (first->starts_with("NOTSTARTED")) *first = "EN";
  std::string_view line = *first;
  if (line == "OK") {
    const Reader::Status status = keys.Line(&line);
    if (status != Reader::Status::kOk) return Fail(ReadError(keys, status));
    *first = line;
  }
  if (line == "EN" || line.starts_with("mg ")) return true;
  return Fail("the server says: " + *first);
}

bool Dumper::TakeKey(std::string_view line) {
  Record record;
  if (ParseDumpedKey(line, &record) != nullptr) {
    ++counts_.unreadable;
    return true;
  }
  batch_.push_back({std::string(record.key), record.base64});
  batch_bytes_ += record.key.size();
  return true;
}

bool Dumper::FetchBatch(Writer& ask, Reader& from) {
  for (const Key& key : batch_) {
    ask.Append("mg ");
    ask.Append(key.word);
    ask.Append(key.base64 ? " b v f t c\r\n" : " v f t c\r\n");
  }
  if (!ask.Flush()) return Fail(ask.error());
  for (const Key& key : batch_) {
    if (!FetchOne(from, key)) return false;
  }
  batch_.clear();
  batch_bytes_ = 0;
  return true;
}

bool Dumper::FetchOne(Reader& from, const Key& key) {
  std::string_view line;
  const Reader::Status status = from.Line(&line);
  if (status != Reader::Status::kOk) return Fail(ReadError(from, status));
  if (line == "EN") {
    ++counts_.vanished;
    return true;
  }
  Record record;
  if (const char* wrong = ParseValueHead(line, &record)) {
    return Fail("the server answers mg with " +
                std::string(line.substr(0, 80)) + ": " + wrong);
  }
  record.kind = Record::Kind::kStore;
  record.key = key.word;
  record.base64 = key.base64;
  // memcached counts below zero, in 32 bits, for what has just expired.
  const bool expired = record.exptime > kLatestExptime;
  const int64_t left = expired ? 0 : record.exptime;
  record.exptime = left < 0 ? 0 : std::time(nullptr) + left;
  text_.clear();
  AppendRecord(record, &text_);
  out_->Append(text_);
  if (!CopyValue(from, record.length)) return false;
  if (!record.stale) return true;
  record.kind = Record::Kind::kInvalidate;
  text_.clear();
  AppendRecord(record, &text_);
  out_->Append(text_);
  return true;
}

}  // namespace cucache::tools
