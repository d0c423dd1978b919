// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Signals, as calls in a thread of their own. Counterpart: sig_handler,
// sighup_handler and sig_usrhandler of memcached.
//
// Block() in main before any other thread is started (they inherit the mask),
// then a SignalThread for as long as the callbacks may be called. Nothing runs
// in a signal handler, so the callbacks may do what any thread may. A signal
// that came in between is not lost.

#ifndef CUCACHE_SIGNALS_H_
#define CUCACHE_SIGNALS_H_

#include <functional>
#include <string>
#include <thread>

namespace cucache {

class SignalThread {
 public:
  using Callback = std::function<void()>;
  struct Callbacks {
    Callback stop;      // SIGTERM, SIGINT
    Callback hangup;    // SIGHUP
    Callback graceful;  // SIGUSR1
  };

  // Blocks those signals in the calling thread, and ignores SIGPIPE and
  // SIGXFSZ: a write says what is wrong.
  static void Block();

  explicit SignalThread(Callbacks callbacks);
  [[nodiscard]] bool Start(std::string* error);
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  ~SignalThread();

 private:
  void Run();

  Callbacks callbacks_;
  std::thread thread_;
};

}  // namespace cucache

#endif  // CUCACHE_SIGNALS_H_
