// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Bytes to and from somewhere, blocking: a file, a socket, or TLS over one
// (tools/tls_client.h).
//
// Thread safety: one thread.

#ifndef CUCACHE_TOOLS_STREAM_H_
#define CUCACHE_TOOLS_STREAM_H_

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace cucache::tools {

class Stream {
 public:
  virtual ~Stream() = default;
  // As read(2) and write(2), but interrupts are not seen, and -1 has its reason
  // in *error.
  virtual ssize_t Read(char* to, size_t size, std::string* error) = 0;
  virtual ssize_t Write(const char* from, size_t size, std::string* error) = 0;
};

class FdStream final : public Stream {
 public:
  enum class Owner : bool { kCaller, kStream };

  explicit FdStream(int fd, Owner owner = Owner::kCaller)
      : fd_(fd), owner_(owner) {}
  ~FdStream() override;
  FdStream(const FdStream&) = delete;
  FdStream& operator=(const FdStream&) = delete;

  ssize_t Read(char* to, size_t size, std::string* error) override;
  ssize_t Write(const char* from, size_t size, std::string* error) override;

 private:
  const int fd_;
  const Owner owner_;
};

}  // namespace cucache::tools

#endif  // CUCACHE_TOOLS_STREAM_H_
