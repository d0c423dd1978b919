// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A whole server: settings, clock, cache, workers, listening sockets, and the
// dispatcher's loop that joins them. No globals, so a process may have several
// (tests do). (Counterpart: main() and the dispatcher's part of memcached.c.)
//
// Life: construct, Bind (before privileges are dropped), Start (after a fork:
// threads begin here), Run (the dispatcher's loop, until somebody calls Stop
// or Graceful), destruct. What Start() started is stopped in the reverse order
// when Run() returns.
//
// With -e, Start() reads the items of the run before, and returns early, with
// nothing started, if somebody calls Stop() meanwhile; Run() ends with saving
// them.
//
// Thread safety: Stop, Graceful and Hangup by any thread, from Bind() on;
// ServerControl's methods by workers; the rest by the owner.
// Lock order: none is held here while another is taken.

#ifndef CUCACHE_SERVER_H_
#define CUCACHE_SERVER_H_

#include <event2/event.h>
#include <event2/event_struct.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/doorbell.h"
#include "base/errand_thread.h"
#include "base/network.h"
#include "base/settings.h"
#include "cache/cache.h"
#include "cache/restart.h"
#include "command/sasl.h"
#include "command/server_control.h"
#include "net/authfile.h"
#include "net/event_base.h"
#include "net/handshaker.h"
#include "net/listener.h"
#include "net/thread.h"
#include "net/thread_choice.h"
#include "net/tls.h"
#include "net/watch.h"

namespace cucache {

class Server final : public ServerControl, private Dispatcher {
 public:
  explicit Server(Settings settings);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] bool Bind(std::string* error);
  [[nodiscard]] bool Start(std::string* error);
  // Calls `ending` when it is to end, before it stops or saves anything.
  void Run(const std::function<void()>& ending = {});

  // Leave Run(). Graceful is SIGUSR1: clients that are being answered get their
  // answer first.
  void Stop() { Ask(kStop); }
  void Graceful() { Ask(kGraceful); }
  // SIGHUP: reads again what may be read again while running.
  void Hangup() { reload_.Ask(); }

  // What the process should exit with, as memcached does: 0, 1, or EX_OSERR
  // when it could not listen.
  int exit_code() const { return exit_code_; }
  // TCP port of the i-th listening socket; 0 if there is none.
  int port(int i = 0) const { return listener_.port(static_cast<size_t>(i)); }

  Settings& settings() { return settings_; }
  Clock& clock() { return clock_; }
  Cache& cache() { return *cache_; }

  // --- ServerControl. ---
  ConnectionFigures connection_figures() override;
  void SumStats(StatsSum* sum) override;
  void ConnectionRows(const StatSink& sink) override;
  Authenticator* authenticator() override { return auth_file_.get(); }
  SaslService* sasl() override { return sasl_.get(); }
  bool RefreshCertificates(std::string* error) override;
  void SetVerbosity(int level) override;
  void Shutdown(bool graceful) override;

 private:
  // Bits of asked_.
  static constexpr unsigned kStop = 1;
  static constexpr unsigned kGraceful = 2;
  static constexpr unsigned kRoom = 4;  // a connection closed while paused
  // How often the clock is looked at, in microseconds: a second of the clock
  // is at most this late.
  static constexpr int kTickMicros = 200 * 1000;
  // How often connections are looked at without an idle_timeout, in seconds.
  static constexpr RelTime kScanForStuck = 60;
  // How long nothing is accepted when descriptors have run out.
  static constexpr int kPauseMicros = 10 * 1000;

  struct Row;

  Verdict Dispatch(int fd, TlsMode tls) override;
  void OutOfDescriptors() override;

  void Ask(unsigned what);
  static void OnAsked(evutil_socket_t fd, short what, void* arg);
  static void OnTick(evutil_socket_t fd, short what, void* arg);
  static void OnRetry(evutil_socket_t fd, short what, void* arg);
  void ReadAsked();
  void Tick();

  bool StartCache(std::string* error);
  bool StartAuthentication(std::string* error);
  bool StartReloading(std::string* error);
  void ReloadAuthFile();
  bool StartTls(std::string* error);
  void ReloadCertificates();
  bool StartWorkers(std::string* error);
  bool StartHandshakers(std::string* error);
  size_t handshaker_count() const;
  void StopWorkers();
  void Save();
  void PauseAccepting();
  void ResumeAccepting();
  void OnConnectionClosed();
  int reserved_fds() const;
  // Clients that may be connected at once.
  int MaxClients() const;

  Settings settings_;
  Clock clock_;
  Listener listener_;
  std::unique_ptr<AuthFile> auth_file_;   // nullptr without -Y
  std::unique_ptr<SaslService> sasl_;     // nullptr without -S
  std::unique_ptr<WarmRestart> restart_;  // nullptr without -e
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Watchers> watchers_;
  NetworkList udp_trust_;     // -o udp_trust
  std::unique_ptr<Tls> tls_;  // nullptr without -Z
  std::vector<std::unique_ptr<Worker>> workers_;
  ThreadChoice choice_;
  std::vector<std::unique_ptr<Handshaker>> handshakers_;
  std::atomic<RelTime> certificates_at_{0};
  ErrandThread reload_;
  RelTime last_scan_ = 0;  // of the workers' connections

  EventBase base_;
  Doorbell doorbell_;  // rung when there is something in asked_
  event asked_event_;
  event tick_event_;
  event retry_event_;
  bool stopping_ = false;
  int exit_code_ = 0;

  std::atomic<unsigned> asked_{0};
  std::atomic<int> clients_{0};
  std::atomic<bool> accepting_{true};
  std::atomic<uint64_t> total_clients_{0};
  std::atomic<uint64_t> rejected_{0};
  std::atomic<uint64_t> listen_disabled_{0};
  std::atomic<uint64_t> listen_disabled_us_{0};
  uint64_t paused_at_us_ = 0;
};

}  // namespace cucache

#endif  // CUCACHE_SERVER_H_
