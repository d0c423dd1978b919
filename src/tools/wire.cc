// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "tools/wire.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "tools/record.h"

namespace cucache::tools {
namespace {

constexpr size_t kBuffer = 256 * 1024;
static_assert(kBuffer > 2 * kMaxLine);

}  // namespace

// ---- Reader. ----

Reader::Reader(int fd) : fd_(fd), buffer_(kBuffer) {}

Reader::Status Reader::Fill() {
  if (!error_.empty()) return Status::kFailed;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  ssize_t n;
  do {
    n = read(fd_, buffer_.data() + end_, buffer_.size() - end_);
  } while (n < 0 && errno == EINTR);
  if (n == 0) return Status::kEnd;
  if (n < 0) {
    error_ = std::strerror(errno);
    return Status::kFailed;
  }
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

Writer::Writer(int fd, uint64_t rate)
    : fd_(fd), rate_(rate), start_(std::chrono::steady_clock::now()) {
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
    const ssize_t n =
        write(fd_, bytes.data(), std::min<size_t>(bytes.size(), kBuffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      error_ = std::strerror(errno);
      break;
    }
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

// ---- To a server. ----

namespace {

int Failed(const std::string& what, int fd, std::string* error) {
  *error = what + ": " + std::strerror(errno);
  if (fd >= 0) close(fd);
  return -1;
}

int ConnectUnix(const std::string& path, std::string* error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    *error = path + ": too long for a socket";
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failed("socket", fd, error);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (connect(fd, generic, sizeof(address)) != 0) {
    return Failed(path, fd, error);
  }
  return fd;
}

void SplitAddress(const std::string& address, std::string* host,
                  std::string* port) {
  *host = address;
  *port = "11211";
  const size_t colon = address.rfind(':');
  const bool bracket = address.starts_with('[');
  const size_t close = bracket ? address.find(']') : std::string::npos;
  if (colon != std::string::npos &&
      (bracket ? colon == close + 1 : address.find(':') == colon)) {
    *host = address.substr(0, colon);
    *port = address.substr(colon + 1);
  }
  if (bracket && close != std::string::npos)
    *host = address.substr(1, close - 1);
}

int ConnectTcp(const std::string& address, std::string* error) {
  std::string host, port;
  SplitAddress(address, &host, &port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (code != 0) {
    *error = address + ": " + gai_strerror(code);
    return -1;
  }
  int fd = -1;
  for (const addrinfo* at = found; at != nullptr && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0) break;
    fd = Failed(address, fd, error);
  }
  freeaddrinfo(found);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

}  // namespace

int Connect(const std::string& address, std::string* error) {
  constexpr std::string_view kUnix = "unix:";
  if (address.starts_with(kUnix)) {
    return ConnectUnix(address.substr(kUnix.size()), error);
  }
  if (address.starts_with('/')) return ConnectUnix(address, error);
  return ConnectTcp(address, error);
}

bool Authenticate(int fd, const std::string& file, std::string* error) {
  if (file.empty()) return true;
  std::ifstream in(file);
  std::string token;
  const bool read = static_cast<bool>(std::getline(in, token));
  const size_t colon = token.find(':');
  if (!read || colon == std::string::npos) {
    *error = file + ": the first line must be user:password";
    return false;
  }
  token[colon] = ' ';
  Writer writer(fd);
  writer.Append("set auth 0 0 " + std::to_string(token.size()) + "\r\n" +
                token + "\r\n");
  Reader reader(fd);
  std::string_view reply;
  if (writer.Flush() && reader.Line(&reply) == Reader::Status::kOk &&
      reply == "STORED") {
    return true;
  }
  *error = "the server does not let us in";
  return false;
}

}  // namespace cucache::tools
