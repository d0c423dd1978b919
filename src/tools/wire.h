// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Input and output with buffers.
//
// Thread safety: one thread. Errors: the first one stays; everything after it
// does nothing and says so.

#ifndef CUCACHE_TOOLS_WIRE_H_
#define CUCACHE_TOOLS_WIRE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/stream.h"

namespace cucache::tools {

class Reader {
 public:
  enum class Status : uint8_t { kOk, kEnd, kTooLong, kFailed };

  explicit Reader(Stream& from);

  // A line without its line end (LF or CR LF), valid until the next call.
  // kTooLong: more than kMaxLine bytes without a line end. kEnd: nothing is
  // left; a last line without an end counts as nothing.
  Status Line(std::string_view* line);
  // Some of the next `most` bytes, at least one.
  Status Some(size_t most, std::string_view* bytes);

  uint64_t position() const { return position_; }  // bytes given away
  const std::string& error() const { return error_; }

 private:
  Status Fill();
  std::string_view Take(size_t n);

  Stream& from_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
  uint64_t position_ = 0;
  std::string error_;
};

class Writer {
 public:
  // At most so many bytes per second; 0: as fast as it goes.
  explicit Writer(Stream& to, uint64_t rate = 0);

  // False: an earlier or this write failed.
  bool Append(std::string_view bytes);
  [[nodiscard]] bool Flush();

  uint64_t written() const { return written_; }
  const std::string& error() const { return error_; }

 private:
  bool Write(std::string_view bytes);
  void Pace();

  Stream& to_;
  const uint64_t rate_;
  const std::chrono::steady_clock::time_point start_;
  std::string buffer_;
  uint64_t written_ = 0;
  std::string error_;
};

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_WIRE_H_
