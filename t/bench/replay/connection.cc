// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/replay/connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cucache::replay {

namespace {

constexpr size_t kBuffer = 256 * 1024;
// A server that says nothing for so long has died.
constexpr timeval kPatience{30, 0};

}  // namespace

Connection::Connection() : buffer_(kBuffer) {}

Connection::~Connection() {
  if (fd_ >= 0) close(fd_);
}

bool Connection::Fail(const std::string& what) {
  if (error_.empty()) error_ = what;
  return false;
}

bool Connection::Open(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return Fail(host + ": not an IPv4 address");
  }
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Fail(std::string("socket: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (connect(fd_, generic, sizeof(address)) != 0) {
    return Fail(std::string("connect: ") + std::strerror(errno));
  }
  return true;
}

bool Connection::Send(std::string_view bytes) {
  if (!error_.empty()) return false;
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(std::string("send: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool Connection::Receive(size_t at_least) {
  if (!error_.empty()) return false;
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + at_least) buffer_.resize(end_ + at_least);
  for (const size_t wanted = end_ + at_least; end_ < wanted;) {
    const ssize_t n =
        recv(fd_, buffer_.data() + end_, buffer_.size() - end_, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(std::string("recv: ") + std::strerror(errno));
    if (n == 0) return Fail("the server closed the connection");
    end_ += static_cast<size_t>(n);
  }
  return true;
}

bool Connection::ReadLine(std::string_view* line) {
  size_t searched = 0;
  while (true) {
    const char* from = buffer_.data() + begin_ + searched;
    const void* found = std::memchr(from, '\n', end_ - begin_ - searched);
    if (found != nullptr) {
      const auto length = static_cast<size_t>(static_cast<const char*>(found) -
                                              (buffer_.data() + begin_));
      *line = {buffer_.data() + begin_, length};
      if (line->ends_with('\r')) line->remove_suffix(1);
      begin_ += length + 1;
      return true;
    }
    searched = end_ - begin_;
    if (!Receive(1)) return false;
  }
}

bool Connection::Read(size_t size, std::string_view* bytes) {
  const size_t have = end_ - begin_;
  if (have < size && !Receive(size - have)) return false;
  *bytes = {buffer_.data() + begin_, size};
  begin_ += size;
  return true;
}

}  // namespace cucache::replay
