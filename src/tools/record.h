// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The lines of a dump (doc/operations.md), and the lines of memcached from
// which one can be made. What is parsed was checked: a key has no byte that
// could end a line or a word, numbers are in their range. So a line that is
// made of the parts cannot become another command.
//
// Thread safety: pure functions.

#ifndef CUCACHE_TOOLS_RECORD_H_
#define CUCACHE_TOOLS_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace cucache::tools {

// Longest line; and longest key as it stands in a line.
inline constexpr size_t kMaxLine = 2048;
inline constexpr size_t kMaxKeyWord = 250;
inline constexpr uint64_t kMaxValue = uint64_t{1} << 30;
// What ms takes for an expiry has 31 bits: the year 2038.
inline constexpr int64_t kLatestExptime = std::numeric_limits<int32_t>::max();

struct Record {
  enum class Kind : uint8_t {
    kStore,       // ms: a value of `length` bytes and a line end follow
    kInvalidate,  // md: the item that was stored just before is stale
    kEnd,         // EN
  };
  Kind kind = Kind::kEnd;
  bool base64 = false;   // how the key is written
  bool has_cas = false;  // cas is meaningful
  bool stale = false;
  uint32_t flags = 0;
  uint64_t length = 0;
  int64_t exptime = 0;  // unix time; 0: never
  uint64_t cas = 0;
  std::string_view key;  // points into the line
};

// A line without its line end. nullptr, or what is wrong with it.
const char* ParseRecord(std::string_view line, Record* record);

// "mg <key> [b]": what memcached's mgdump says of a key.
const char* ParseDumpedKey(std::string_view line, Record* record);

// "VA <length> <flags>": fills length, flags, cas, stale, and in `exptime` the
// seconds that are left, -1 for never.
const char* ParseValueHead(std::string_view line, Record* record);

// As a line of a dump, with its line end; a kStore with stale set is only the
// first of two.
void AppendRecord(const Record& record, std::string* out);

// The command that stores the item in a server; until kLatestExptime at most,
// since a later one would be refused.
struct StoreOptions {
  bool keep_cas = false;
  bool only_missing = false;
};
void AppendStore(const Record& record, const StoreOptions& options,
                 std::string* out);

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_RECORD_H_
