// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace cucache {
namespace {

// nullptr, or what is wrong.
const char* ReadAll(int fd, size_t most, std::string* text) {
  struct stat info;
  if (fstat(fd, &info) != 0) return std::strerror(errno);
  if (S_ISDIR(info.st_mode)) return std::strerror(EISDIR);
  if (!S_ISREG(info.st_mode)) return "it is not a regular file";
  text->reserve(std::min(static_cast<size_t>(info.st_size), most));
  char chunk[16 * 1024];
  for (;;) {
    const ssize_t n = read(fd, chunk, sizeof(chunk));
    if (n == 0) return nullptr;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::strerror(errno);
    text->append(chunk, static_cast<size_t>(n));
    if (text->size() > most) return std::strerror(EFBIG);
  }
}

}  // namespace

bool ReadRegularFile(const std::string& path, size_t most, std::string* text,
                     std::string* error) {
  // Opening a fifo waits for its writer, unless one will not wait.
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const char* wrong = fd < 0 ? std::strerror(errno) : ReadAll(fd, most, text);
  if (wrong != nullptr) *error = wrong;
  if (fd >= 0) close(fd);
  return wrong == nullptr;
}

}  // namespace cucache
