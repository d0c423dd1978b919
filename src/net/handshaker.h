// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A thread that makes TLS connections out of accepted sockets and hands them
// to their workers. (memcached does it in the listening thread and in the
// workers.)
//
// A handshake with an RSA key keeps a processor busy for about a millisecond.
// No worker ever does one, so the clients it serves do not wait for it; and
// this thread has a lower priority than the workers, so that a storm of
// handshakes takes what they leave of the processors.
//
// A handshake that is not done in time is given up. Clients that watch
// connevents are told of those that fail.
//
// Thread safety: Adopt and Stop by any thread; Start and Join by the owner.
// Ownership: it owns sockets from Adopt() on until a worker takes them; the
// workers and the log must outlive it.
// Lock order: mu_ is a leaf.

#ifndef CUCACHE_NET_HANDSHAKER_H_
#define CUCACHE_NET_HANDSHAKER_H_

#include <event2/event.h>
#include <event2/event_struct.h>

#include <functional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/doorbell.h"
#include "base/event_log.h"
#include "base/locks.h"
#include "base/settings.h"
#include "net/channel.h"
#include "net/event_base.h"
#include "net/thread.h"
#include "net/tls.h"

namespace cucache {

class Handshaker {
 public:
  static constexpr int kTimeoutSeconds = 10;

  // `on_close` runs on its thread after a socket was closed without becoming
  // a connection.
  Handshaker(Tls& tls, EventLog& log, std::function<void()> on_close);
  ~Handshaker();  // must be joined, if it was started
  Handshaker(const Handshaker&) = delete;
  Handshaker& operator=(const Handshaker&) = delete;

  [[nodiscard]] bool Start(std::string* error);
  void Adopt(int fd, TlsMode mode, Worker* worker);
  // Closes whatever is not done, and ends the thread.
  void Stop();
  void Join();

 private:
  // Handshakes that must have failed before memory is given back.
  static constexpr size_t kTrimAfter = 250;

  struct Accepted {
    int fd;
    TlsMode mode;
    Worker* worker;
  };
  struct Pending;

  static void OnNotify(evutil_socket_t fd, short what, void* arg);
  static void OnEvent(evutil_socket_t fd, short what, void* arg);

  void Loop();
  void ReadInbox();
  void Begin(const Accepted& accepted);
  void Step(Pending* pending);
  void Wait(Pending* pending, short what);
  void Forget(Pending* pending);
  void Refuse(Pending* pending);
  void LogFailure(const Channel& channel);
  void TrimMemory();

  Tls& tls_;
  const std::function<void()> on_close_;
  EventBuffer events_;  // its thread's
  EventBase base_;
  event notify_event_;
  Doorbell doorbell_;
  std::thread thread_;
  bool stopping_ = false;
  std::unordered_set<Pending*> pending_;
  size_t failed_since_trim_ = 0;

  Mutex mu_;
  std::vector<Accepted> inbox_ GUARDED_BY(mu_);
  bool stop_asked_ GUARDED_BY(mu_) = false;
};

}  // namespace cucache

#endif  // CUCACHE_NET_HANDSHAKER_H_
