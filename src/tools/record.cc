// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/record.h"

#include <algorithm>

#include "base/strings.h"

namespace cucache::tools {
namespace {

constexpr char kBadLength[] = "the length of a value is no number below 2^30";

// Takes the next word off the front; empty at the end.
std::string_view NextWord(std::string_view* line) {
  const size_t begin = std::min(line->find_first_not_of(' '), line->size());
  line->remove_prefix(begin);
  const std::string_view word = line->substr(0, line->find(' '));
  line->remove_prefix(word.size());
  return word;
}

bool IsWord(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > ' ' && u != 0x7f;
  });
}

bool ParseLength(std::string_view word, uint64_t* length) {
  return ParseU64(word, length) && *length <= kMaxValue;
}

const char* CheckKey(const Record& record) {
  if (!IsWord(record.key)) return "the key is no word";
  if (!record.base64) {
    return record.key.size() <= kMaxKeyWord ? nullptr : "the key is too long";
  }
  // Room for what 250 bytes become.
  if (record.key.size() > Base64Size(kMaxKeyWord)) return "the key is too long";
  char bytes[Base64Size(kMaxKeyWord)];
  return Base64Decode(record.key, bytes) > 0 ? nullptr : "the key is no base64";
}

// False: not one of the flags that a dump has.
bool ParseFlag(std::string_view word, Record* record) {
  const std::string_view number = word.substr(1);
  const bool store = record->kind == Record::Kind::kStore;
  switch (word[0]) {
    case 'b':
      record->base64 = true;
      return number.empty();
    case 'F':
      return store && ParseU32(number, &record->flags);
    case 'T':
      return store && ParseI64(number, &record->exptime) &&
             record->exptime >= 0;
    case 'E':
      record->has_cas = true;
      return store && ParseU64(number, &record->cas);
    case 'C':
      record->has_cas = true;
      return !store && ParseU64(number, &record->cas);
    case 'I':
      record->stale = true;
      return !store && number.empty();
    case 'q':
      return !store && number.empty();
    default:
      return false;
  }
}

void AppendU64(uint64_t number, std::string* out) {
  char digits[kMaxDigits];
  out->append(digits, FormatU64(number, digits));
}

void AppendFlag(char flag, uint64_t number, std::string* out) {
  out->push_back(' ');
  out->push_back(flag);
  AppendU64(number, out);
}

// All but the CAS id and the line end.
void AppendStoreHead(const Record& record, int64_t exptime, std::string* out) {
  out->append("ms ").append(record.key).append(" ");
  AppendU64(record.length, out);
  if (record.base64) out->append(" b");
  if (record.flags != 0) AppendFlag('F', record.flags, out);
  if (exptime != 0) AppendFlag('T', static_cast<uint64_t>(exptime), out);
}

}  // namespace

const char* ParseRecord(std::string_view line, Record* record) {
  *record = Record();
  const std::string_view name = NextWord(&line);
  if (name == "EN" && NextWord(&line).empty()) return nullptr;
  if (name != "ms" && name != "md") return "this is no line of a dump";
  const bool store = name == "ms";
  record->kind = store ? Record::Kind::kStore : Record::Kind::kInvalidate;
  record->key = NextWord(&line);
  if (store && !ParseLength(NextWord(&line), &record->length)) {
    return kBadLength;
  }
  for (std::string_view word; !(word = NextWord(&line)).empty();) {
    if (!ParseFlag(word, record)) return "a flag that no dump has";
  }
  // Another md would delete.
  if (!store && !record->stale) return "an md without I";
  return CheckKey(*record);
}

const char* ParseDumpedKey(std::string_view line, Record* record) {
  *record = Record();
  record->kind = Record::Kind::kStore;
  if (NextWord(&line) != "mg") return "this is no line of mgdump";
  record->key = NextWord(&line);
  const std::string_view flag = NextWord(&line);
  record->base64 = flag == "b";
  if ((!flag.empty() && !record->base64) || !NextWord(&line).empty()) {
    return "a key with spaces";
  }
  return CheckKey(*record);
}

const char* ParseValueHead(std::string_view line, Record* record) {
  if (NextWord(&line) != "VA") return "this is no value";
  if (!ParseLength(NextWord(&line), &record->length)) return kBadLength;
  record->exptime = -1;
  record->stale = false;
  for (std::string_view word; !(word = NextWord(&line)).empty();) {
    const std::string_view number = word.substr(1);
    bool good = true;
    if (word[0] == 'f') good = ParseU32(number, &record->flags);
    if (word[0] == 't') good = ParseI64(number, &record->exptime);
    if (word[0] == 'c') good = ParseU64(number, &record->cas);
    if (word[0] == 'c') record->has_cas = good;
    if (word == "X") record->stale = true;
    if (!good) return "a flag that is no number";
  }
  return nullptr;
}

void AppendRecord(const Record& record, std::string* out) {
  switch (record.kind) {
    case Record::Kind::kStore:
      AppendStoreHead(record, record.exptime, out);
      if (record.has_cas) AppendFlag('E', record.cas, out);
      break;
    case Record::Kind::kInvalidate:
      out->append("md ").append(record.key).append(" q");
      if (record.base64) out->append(" b");
      out->append(" I");
      if (record.has_cas) AppendFlag('C', record.cas, out);
      break;
    case Record::Kind::kEnd:
      out->append("EN");
      break;
  }
  out->append("\r\n");
}

void AppendStore(const Record& record, const StoreOptions& options,
                 std::string* out) {
  AppendStoreHead(record, std::min(record.exptime, kLatestExptime), out);
  if (options.keep_cas && record.has_cas) AppendFlag('E', record.cas, out);
  if (options.only_missing) out->append(" ME");
  out->append("\r\n");
}

}  // namespace cucache::tools
