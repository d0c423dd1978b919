// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A blocking connection that sends what was gathered and reads replies line by
// line. Not thread safe. After the first failure error() says why, and every
// further call does nothing and fails.

#ifndef CUCACHE_T_BENCH_REPLAY_CONNECTION_H_
#define CUCACHE_T_BENCH_REPLAY_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cucache::replay {

class Connection {
 public:
  Connection();
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] bool Open(const std::string& host, uint16_t port);
  [[nodiscard]] bool Send(std::string_view bytes);
  // The next line, without its CRLF; valid until the next call.
  [[nodiscard]] bool ReadLine(std::string_view* line);
  // The next `size` bytes; valid until the next call.
  [[nodiscard]] bool Read(size_t size, std::string_view* bytes);

  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool Fail(const std::string& what);
  // Waits for more bytes behind those that are unread.
  bool Receive(size_t at_least);

  int fd_ = -1;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // unread: [begin_, end_) of buffer_
  std::string error_;
};

}  // namespace cucache::replay

#endif  // CUCACHE_T_BENCH_REPLAY_CONNECTION_H_
