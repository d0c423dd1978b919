// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Copies what a server holds to a file or a pipe: from cucached by msdump, from
// memcached by mgdump on one connection and mg on another.
//
// Memory is bounded: values pass through a buffer.
// Thread safety: one thread.

#ifndef CUCACHE_TOOLS_DUMP_H_
#define CUCACHE_TOOLS_DUMP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/record.h"
#include "tools/server.h"
#include "tools/wire.h"

namespace cucache::tools {

struct DumpCounts {
  uint64_t items = 0;
  uint64_t value_bytes = 0;
  uint64_t vanished = 0;    // between mgdump and mg
  uint64_t unreadable = 0;  // keys that mgdump's lines cannot hold
};

class Dumper {
 public:
  Dumper(ServerOptions server, Writer* out);
  Dumper(const Dumper&) = delete;
  Dumper& operator=(const Dumper&) = delete;

  // True: everything was written, the line that says so included.
  [[nodiscard]] bool Run();

  const DumpCounts& counts() const { return counts_; }
  const std::string& error() const { return error_; }

 private:
  struct Key {
    std::string word;
    bool base64;
  };
  enum class Begun : uint8_t { kYes, kUnknown, kFailed };

  bool Fail(const std::string& what);
  Stream* Open();
  Begun Begin(Reader& from, Stream& server, const std::string& command,
              std::string* first);
  bool PassOn(Reader& from);
  bool FromMemcached();
  bool BeginKeys(Reader& keys, Stream& server, std::string* first);
  bool TakeKey(std::string_view line);
  bool FetchBatch(Writer& ask, Reader& from);
  bool FetchOne(Reader& from, const Key& key);
  bool CopyValue(Reader& from, uint64_t length);
  bool Finish();

  const ServerOptions server_;
  Writer* const out_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Key> batch_;
  size_t batch_bytes_ = 0;
  std::string text_;
  DumpCounts counts_;
  std::string error_;
};

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_DUMP_H_
