// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A worker: a thread with a loop of its own (net/poller.h), that serves the
// connections it was handed until they close. (Counterpart: LIBEVENT_THREAD
// and worker_libevent() in thread.c.)
//
// The dispatcher hands over sockets through a short queue and an eventfd. A
// pass of the loop is one wait for events and a turn for every connection that
// is ready; then those that gave up their turn (-R) get another one. The
// worker is on line (base/epoch.h) from the first turn of a pass on, quiescent
// after each turn, and off line when it is about to sleep. (A command that may
// wait for others goes off line within its turn, see OffLine.)
//
// Thread safety: Adopt, Stop, ScanIdle, the figures and ForEachConn by any
// thread; the rest by the worker's own. Start and Join by its owner.
// Lock order: inbox_mu_ and list_mu_ are leaves. ForEachConn calls its visitor
// with list_mu_ held.
// Ownership: the worker owns its connections.

#ifndef CUCACHE_NET_THREAD_H_
#define CUCACHE_NET_THREAD_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/doorbell.h"
#include "base/locks.h"
#include "base/settings.h"
#include "base/stats.h"
#include "cache/cache.h"
#include "cache/cache_thread.h"
#include "command/executor.h"
#include "command/server_control.h"
#include "net/buffers.h"
#include "net/conn.h"
#include "net/conn_pool.h"
#include "net/poller.h"
#include "net/transport.h"
#include "net/udp.h"
#include "net/watch.h"

namespace cucache {

class Worker final : public ConnHost {
 public:
  // `on_close` runs on the worker's thread after a connection was closed.
  Worker(Settings& settings, const Clock& clock, Cache& cache,
         ServerControl& control, std::function<void()> on_close);
  ~Worker() override;  // must be joined, if it was started
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Where connections that watch go; before Start().
  void set_watchers(Watchers* watchers) { watchers_ = watchers; }
  // Serves these datagrams, too; before Start().
  void AddUdp(int fd, const NetworkList& trust) {
    udp_sockets_.push_back(std::make_unique<UdpSocket>(*this, fd, trust));
  }
  [[nodiscard]] bool Start(std::string* error);
  // From here on the connection is the worker's.
  void Adopt(Channel channel);
  // Closes connections that are idle for longer than -o idle_timeout, or keep a
  // dump from others.
  void ScanIdle();
  // Ends the pass, closes every connection, and ends the thread.
  void Stop();
  void Join();

  const ThreadStats& stats() const { return stats_; }
  const BufferPool& buffers() const { return buffers_; }
  // None of them is closed while the visitor runs.
  void ForEachConn(const std::function<void(const Conn&)>& visit);

  // --- ConnHost. ---
  void BeginTurn() override;
  void EndTurn() override;
  bool OthersWait() override;
  void QueueTurn(TurnTaker* taker) override;
  void QueueLogin(TurnTaker* taker) override;
  void Watch(Conn* conn) override;
  void Discard(Conn* conn) override;

 private:
  // Connections that must have closed before memory is given back.
  static constexpr size_t kTrimAfter = 1000;

  // Rung when there is something in the inbox.
  struct InboxBell final : Pollable {
    explicit InboxBell(Worker& its) : worker(its) {}
    void OnReady() override {
      bell.Clear();
      worker.ReadInbox();
    }
    Worker& worker;
    Doorbell bell;
  };

  void Notify() { inbox_bell_.bell.Ring(); }
  void Loop();
  void ReadInbox();
  void EndWatch(Conn* conn);
  void Open(Channel channel);
  void TakeQueuedTurns();
  void CallLogin();
  void GoOffline();
  void TrimMemory();
  void CloseIdle();
  void CloseAll();

  const RelTime idle_timeout_;
  std::function<void()> on_close_;
  ThreadStats stats_;
  BufferPool buffers_;
  ConnPool conns_memory_{sizeof(Conn)};
  CacheThread cache_thread_;
  Executor executor_;
  Transport transport_;

  Watchers* watchers_ = nullptr;
  Poller poller_;
  InboxBell inbox_bell_{*this};
  std::vector<std::unique_ptr<UdpSocket>> udp_sockets_;
  std::thread thread_;
  bool online_ = false;
  bool stopping_ = false;
  std::vector<TurnTaker*> turns_;  // gave up their turn
  // Those of them that have theirs in this pass.
  std::vector<TurnTaker*> current_turns_;
  size_t turns_left_ = 0;
  std::deque<TurnTaker*> logins_;  // wait for LoginPace
  // Milliseconds until one of them may be called, about.
  int patience_ = Poller::kForever;
  size_t open_ = 0;  // connections
  size_t closed_since_trim_ = 0;

  Mutex inbox_mu_;
  std::vector<Channel> inbox_ GUARDED_BY(inbox_mu_);
  std::vector<Conn*> unwatched_ GUARDED_BY(inbox_mu_);
  bool stop_asked_ GUARDED_BY(inbox_mu_) = false;
  bool scan_asked_ GUARDED_BY(inbox_mu_) = false;

  // Written by the worker with the mutex held; read by it without.
  Mutex list_mu_;
  Conn* conns_ = nullptr;
};

}  // namespace cucache

#endif  // CUCACHE_NET_THREAD_H_
