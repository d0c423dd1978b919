// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/stream.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cucache::tools {
namespace {

ssize_t OrError(ssize_t n, std::string* error) {
  if (n < 0) *error = std::strerror(errno);
  return n;
}

}  // namespace

FdStream::~FdStream() {
  if (owner_ == Owner::kStream) close(fd_);
}

ssize_t FdStream::Read(char* to, size_t size, std::string* error) {
  ssize_t n;
  do {
    n = read(fd_, to, size);
  } while (n < 0 && errno == EINTR);
  return OrError(n, error);
}

ssize_t FdStream::Write(const char* from, size_t size, std::string* error) {
  ssize_t n;
  do {
    n = write(fd_, from, size);
  } while (n < 0 && errno == EINTR);
  return OrError(n, error);
}

}  // namespace cucache::tools
