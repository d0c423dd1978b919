// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// For end-to-end tests: a server in the test's own process on a port of the
// kernel's choice, and a client that blocks, with a time limit on everything.

#ifndef CUCACHE_E2E_TESTING_H_
#define CUCACHE_E2E_TESTING_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/settings.h"
#include "server.h"

namespace cucache {

// Two workers, an ephemeral port on 127.0.0.1, little memory.
Settings TestSettings();

// Binds, starts and runs a server; stops it in the destructor.
class TestServer {
 public:
  explicit TestServer(Settings settings = TestSettings());
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  Server& server() { return *server_; }
  int port(int i = 0) const { return server_->port(i); }
  // Waits for the end that something else asked for.
  void Join();

 private:
  std::unique_ptr<Server> server_;
  std::thread runner_;
};

class Client {
 public:
  explicit Client(int port, const char* host = "127.0.0.1");
  explicit Client(const std::string& unix_path);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void Close();
  // No more output: the server reads the end of the input.
  void FinishWriting();
  // Small kernel buffers, so that the server soon cannot send.
  void ShrinkBuffers();

  // All of it; false when the connection broke.
  bool Send(std::string_view bytes);
  // Up to and without the CRLF; what came so far at the end of the input.
  std::string ReadLine();
  std::string ReadExactly(size_t n);
  // Until, and with, a line that is `last`.
  std::string ReadUntilLine(std::string_view last);
  // True when the server closed and everything before was read.
  bool AtEnd();

  // Sends, and reads one line.
  std::string Ask(std::string_view bytes);
  bool Set(const std::string& key, const std::string& value);
  // The value, or "<miss>".
  std::string Get(const std::string& key);
  std::map<std::string, std::string> Stats(const std::string& which = "");

 private:
  bool Fill();

  int fd_ = -1;
  std::string buffer_;
};

// Polls for up to a minute.
template <class Condition>
bool Eventually(Condition&& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// Resident bytes of this process. Under a sanitizer they say nothing about
// the server, so tests do not look at them.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(thread_sanitizer) || __has_feature(address_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif
size_t ResidentBytes();

// Bytes that differ at every place and with every seed.
std::string Pattern(size_t n, unsigned seed);

}  // namespace cucache

#endif  // CUCACHE_E2E_TESTING_H_
