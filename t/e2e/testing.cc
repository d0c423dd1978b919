// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "testing.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace cucache {

Settings TestSettings() {
  Settings settings;
  settings.port = -1;
  settings.inter = {{"127.0.0.1", -1, "127.0.0.1"}};
  settings.num_threads = 2;
  return settings;
}

TestServer::TestServer(Settings settings)
    : server_(std::make_unique<Server>(std::move(settings))) {
  std::string error;
  if (!server_->Bind(&error) || !server_->Start(&error)) {
    ADD_FAILURE() << error;
    return;
  }
  runner_ = std::thread([this] { server_->Run(); });
}

TestServer::~TestServer() {
  server_->Stop();
  Join();
}

void TestServer::Join() {
  if (runner_.joinable()) runner_.join();
}

namespace {

void SetTimeouts(int fd) {
  const timeval limit = {60, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int Connect(int family, const sockaddr* address, socklen_t length) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  SetTimeouts(fd);
  if (connect(fd, address, length) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

Client::Client(int port, const char* host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* list = nullptr;
  if (getaddrinfo(host, std::to_string(port).c_str(), &hints, &list) != 0) {
    return;
  }
  fd_ = Connect(list->ai_family, list->ai_addr, list->ai_addrlen);
  freeaddrinfo(list);
  const int on = 1;
  if (fd_ >= 0) setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Client::Client(const std::string& unix_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path.c_str(),
               sizeof(address.sun_path) - 1);
  fd_ = Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address));
}

Client::~Client() { Close(); }

void Client::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Client::FinishWriting() { shutdown(fd_, SHUT_WR); }

void Client::ShrinkBuffers() {
  const int size = 64 * 1024;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

bool Client::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool Client::Fill() {
  char chunk[65536];
  ssize_t n;
  do {
    n = recv(fd_, chunk, sizeof(chunk), 0);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return false;
  buffer_.append(chunk, static_cast<size_t>(n));
  return true;
}

std::string Client::ReadLine() {
  size_t end;
  size_t from = 0;
  while ((end = buffer_.find("\r\n", from)) == std::string::npos) {
    from = buffer_.empty() ? 0 : buffer_.size() - 1;
    if (!Fill()) return std::exchange(buffer_, {});
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::string Client::ReadExactly(size_t n) {
  while (buffer_.size() < n) {
    if (!Fill()) return std::exchange(buffer_, {});
  }
  std::string bytes = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return bytes;
}

std::string Client::ReadUntilLine(std::string_view last) {
  std::string all;
  for (;;) {
    const std::string line = ReadLine();
    all += line + "\r\n";
    if (line == last) return all;
    if (line.empty() && buffer_.empty() && AtEnd()) return all;
  }
}

bool Client::AtEnd() { return buffer_.empty() && !Fill(); }

std::string Client::Ask(std::string_view bytes) {
  Send(bytes);
  return ReadLine();
}

bool Client::Set(const std::string& key, const std::string& value) {
  return Ask("set " + key + " 0 0 " + std::to_string(value.size()) + "\r\n" +
             value + "\r\n") == "STORED";
}

std::string Client::Get(const std::string& key) {
  const std::string line = Ask("get " + key + "\r\n");
  if (line == "END") return "<miss>";
  const size_t space = line.rfind(' ');
  if (!line.starts_with("VALUE ") || space == std::string::npos) return line;
  const std::string value = ReadExactly(std::stoul(line.substr(space + 1)));
  if (ReadExactly(7) != "\r\nEND\r\n") return "<bad end>";
  return value;
}

std::map<std::string, std::string> Client::Stats(const std::string& which) {
  std::map<std::string, std::string> stats;
  Send(which.empty() ? "stats\r\n" : "stats " + which + "\r\n");
  for (;;) {
    const std::string line = ReadLine();
    if (!line.starts_with("STAT ")) return stats;
    const size_t space = line.find(' ', 5);
    stats[line.substr(5, space - 5)] = line.substr(space + 1);
  }
}

size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::string Pattern(size_t n, unsigned seed) {
  std::string bytes(n, '\0');
  uint32_t x = seed * 2654435761u + 12345;
  for (char& c : bytes) {
    x = x * 1664525 + 1013904223;
    c = static_cast<char>('!' + (x >> 24) % 94);
  }
  return bytes;
}

}  // namespace cucache
