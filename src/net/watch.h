// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Those who watch: the connections that said `watch`, and the logger thread
// that serves them with lines made of what the threads wrote into their
// buffers (base/event_log.h). (Counterpart: the logger thread of logger.c.)
//
// A watcher that does not read fills its buffer (-o watcher_logbuf_size), and
// what does not fit is skipped and counted; the next line that fits is
// preceded by "skipped=<n>". Nobody waits for a watcher, the other watchers
// included. What a watcher sends is thrown away; its end of file is its end.
//
// Thread safety: Add by any thread; Start and Stop by the owner. Between Add
// and the call of on_end only the logger thread touches the channel, which
// stays its owner's. Lock order: the EventLog's lock may be taken by the
// logger thread, never with mu_ held.

#ifndef CUCACHE_NET_WATCH_H_
#define CUCACHE_NET_WATCH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/doorbell.h"
#include "base/event_log.h"
#include "base/locks.h"
#include "net/channel.h"

namespace cucache {

// " rip=... rport=... transport=..." of a connection's event; `reason` is
// nullptr for conn_new.
std::string ConnEventText(const char* type, int fd, const char* reason);
// Of a TLS connection that failed.
std::string TlsErrorText(int fd, const std::string& why);

class Watchers {
 public:
  // buffer: bytes of unsent lines of one watcher.
  Watchers(EventLog& log, size_t buffer) : log_(log), buffer_(buffer) {}
  ~Watchers() { Stop(); }
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  [[nodiscard]] bool Start(std::string* error);
  // Calls no on_end; watchers stay where they are.
  void Stop();

  // Says OK, and then every event of these kinds. The caller has reserved the
  // place (EventLog::ReserveWatcher), which is given back with the end.
  // on_end is called on the logger thread when the client has gone.
  void Add(Channel channel, uint32_t kinds, std::function<void()> on_end);

 private:
  struct Watcher {
    Channel channel;
    uint32_t kinds = 0;
    std::function<void()> on_end;
    uint64_t after_gid = 0;
    std::string pending;   // lines that are not sent
    uint64_t skipped = 0;  // lines since the last one that fitted
    bool stuck = false;    // did not take anything in this pass
    bool gone = false;
  };
  // How long it sleeps when nothing comes, in milliseconds.
  static constexpr int kShortestNap = 1;
  static constexpr int kLongestNap = 100;

  void Loop();
  // False at the end.
  bool TakeInbox();
  void Distribute(const Event& event, std::string_view payload);
  void Append(Watcher* watcher, std::string_view line);
  static void Send(Watcher* watcher);
  static void ReadEnd(Watcher* watcher);
  void Sleep(int milliseconds);
  void RemoveGone();
  void SetWanted();

  EventLog& log_;
  const size_t buffer_;
  Doorbell doorbell_;
  std::thread thread_;
  std::vector<Watcher> watchers_;  // the logger thread's

  Mutex mu_;
  std::vector<Watcher> inbox_ GUARDED_BY(mu_);
  bool stop_ GUARDED_BY(mu_) = false;
};

}  // namespace cucache

#endif  // CUCACHE_NET_WATCH_H_
