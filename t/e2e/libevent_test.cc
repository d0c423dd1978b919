// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// When libevent fails, of which two functions are replaced here.

#include <dlfcn.h>
#include <event2/event.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/event_log.h"
#include "net/handshaker.h"
#include "testing.h"

namespace {

std::atomic<bool> no_base{false}, no_events{false}, tried_events{false};

template <class F>
F* Real(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" event_base* event_base_new_with_config(const event_config* config) {
  static const auto real =
      Real<event_base*(const event_config*)>("event_base_new_with_config");
  return no_base ? nullptr : real(config);
}

extern "C" int event_add(event* ev, const timeval* timeout) {
  static const auto real = Real<int(event*, const timeval*)>("event_add");
  if (!no_events) return real(ev, timeout);
  tried_events = true;
  return -1;
}

namespace cucache {
namespace {

TEST(Libevent, AHandshakerThatCouldNotStartMayGo) {
  EventLog log(64 * 1024);
  // It is not used before the thread runs.
  alignas(16) static char tls[1024];
  alignas(Handshaker) static char memory[sizeof(Handshaker)];
  std::memset(memory, 0x5a, sizeof(memory));
  auto* const handshaker =
      new (memory) Handshaker(reinterpret_cast<Tls&>(tls), log, [] {});
  no_base = true;
  std::string error;
  EXPECT_FALSE(handshaker->Start(&error));
  EXPECT_NE("", error);
  no_base = false;
  handshaker->~Handshaker();
}

TEST(Libevent, AListenerThatCouldNotResumeTriesAgain) {
  Settings settings = TestSettings();
  settings.maxconns = 30;
  settings.maxconns_fast = false;
  TestServer server(settings);
  const auto figures = [&] { return server.server().connection_figures(); };
  std::vector<std::unique_ptr<Client>> clients;
  while (figures().accepting) {
    ASSERT_LT(clients.size(), 30u);
    clients.push_back(std::make_unique<Client>(server.port()));
    ASSERT_EQ("MN", clients.back()->Ask("mn\r\n"));
  }
  no_events = true;
  clients.clear();
  EXPECT_TRUE(Eventually([&] {
    return figures().accepting && tried_events && figures().current == 0;
  }));
  no_events = false;
  Client waiting(server.port());
  ASSERT_TRUE(waiting.connected());
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (figures().current == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(1u, figures().current);
}

}  // namespace
}  // namespace cucache
