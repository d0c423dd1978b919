// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Stores a dump in a server, command after command without waiting for the
// answers, but reading all of them. The dump may be anybody's: every line is
// parsed and made anew (tools/record.h), and the line end behind a value is not
// sent before it was seen in the dump, so that a wrong length stores nothing.
//
// Memory is bounded: values pass through a buffer.
// Thread safety: one thread.

#ifndef CUCACHE_TOOLS_LOAD_H_
#define CUCACHE_TOOLS_LOAD_H_

#include <cstdint>
#include <string>

#include "tools/record.h"
#include "tools/wire.h"

namespace cucache::tools {

struct LoadCounts {
  uint64_t items = 0;        // in the dump
  uint64_t value_bytes = 0;  // sent
  uint64_t stored = 0;
  uint64_t kept = 0;     // only_missing, and there was one
  uint64_t expired = 0;  // before they could be loaded
  uint64_t refused = 0;  // by the server
};

class Loader {
 public:
  enum class Result : uint8_t { kDone, kBadServer, kBadInput };

  // `rate` as a Writer has it.
  Loader(Stream& server, const StoreOptions& options, uint64_t rate);

  [[nodiscard]] Result Run(Reader& input);

  const LoadCounts& counts() const { return counts_; }
  // Why it ended, or the first refusal.
  const std::string& error() const { return error_; }

 private:
  // Answers that may be outstanding; so few bytes that the server can always
  // send them.
  static constexpr uint64_t kMaxOutstanding = 512;

  Result BadInput(const Reader& input, const std::string& what);
  Result BadServer(const std::string& what);
  Result Probe();
  Result LoadAll(Reader& input);
  Result Load(Reader& input, const Record& record);
  Result Store(Reader& input, const Record& record);
  Result Invalidate(const Record& record);
  // Passes the value on to the server, or nowhere.
  Result Value(Reader& input, uint64_t length, bool send);
  Result Drain(uint64_t outstanding);
  Result ReadReply();
  Result ReadLine(std::string_view* line);

  const StoreOptions options_;
  Writer to_;
  Reader replies_;
  uint64_t outstanding_ = 0;
  bool last_sent_ = false;    // the last item went to the server
  bool last_stored_ = false;  // the last answer was HD
  std::string last_key_;
  std::string text_;
  LoadCounts counts_;
  std::string error_;
};

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_LOAD_H_
