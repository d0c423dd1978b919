// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/wire.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "tools/record.h"

namespace cucache::tools {
namespace {

constexpr size_t kBuffer = 256 * 1024;
static_assert(kBuffer > 2 * kMaxLine);

}  // namespace

// ---- Reader. ----

Reader::Reader(Stream& from) : from_(from), buffer_(kBuffer) {}

Reader::Status Reader::Fill() {
  if (!error_.empty()) return Status::kFailed;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const ssize_t n =
      from_.Read(buffer_.data() + end_, buffer_.size() - end_, &error_);
  if (n == 0) return Status::kEnd;
  if (n < 0) return Status::kFailed;
  end_ += static_cast<size_t>(n);
  return Status::kOk;
}

std::string_view Reader::Take(size_t n) {
  const std::string_view bytes(buffer_.data() + begin_, n);
  begin_ += n;
  position_ += n;
  return bytes;
}

Reader::Status Reader::Line(std::string_view* line) {
  size_t looked = 0;
  for (;;) {
    const size_t have = end_ - begin_;
    const void* const feed =
        std::memchr(buffer_.data() + begin_ + looked, '\n', have - looked);
    if (feed != nullptr) {
      const char* const first = buffer_.data() + begin_;
      *line =
          Take(static_cast<size_t>(static_cast<const char*>(feed) - first) + 1);
      line->remove_suffix(1);
      if (line->ends_with('\r')) line->remove_suffix(1);
      return line->size() <= kMaxLine ? Status::kOk : Status::kTooLong;
    }
    if (have > kMaxLine) return Status::kTooLong;
    looked = have;
    const Status status = Fill();
    if (status != Status::kOk) return status;
  }
}

Reader::Status Reader::Some(size_t most, std::string_view* bytes) {
  if (begin_ == end_) {
    const Status status = Fill();
    if (status != Status::kOk) return status;
  }
  *bytes = Take(std::min(most, end_ - begin_));
  return Status::kOk;
}

// ---- Writer. ----

Writer::Writer(Stream& to, uint64_t rate)
    : to_(to), rate_(rate), start_(std::chrono::steady_clock::now()) {
  buffer_.reserve(kBuffer);
}

bool Writer::Append(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBuffer && !Flush()) return false;
  if (bytes.size() > kBuffer) return Write(bytes);
  buffer_.append(bytes);
  return error_.empty();
}

bool Writer::Flush() {
  const bool done = Write(buffer_);
  buffer_.clear();
  return done;
}

bool Writer::Write(std::string_view bytes) {
  while (error_.empty() && !bytes.empty()) {
    // In pieces, so that the pace is even.
    const ssize_t n = to_.Write(
        bytes.data(), std::min<size_t>(bytes.size(), kBuffer), &error_);
    if (n < 0) break;
    bytes.remove_prefix(static_cast<size_t>(n));
    written_ += static_cast<uint64_t>(n);
    Pace();
  }
  return error_.empty();
}

void Writer::Pace() {
  if (rate_ == 0) return;
  const std::chrono::duration<double> due(static_cast<double>(written_) /
                                          static_cast<double>(rate_));
  std::this_thread::sleep_until(
      start_ + std::chrono::duration_cast<std::chrono::nanoseconds>(due));
}

}  // namespace cucache::tools
