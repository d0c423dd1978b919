// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "signals.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "base/threads.h"

namespace cucache {
namespace {

// Sent by the destructor to the thread, which waits for it as well.
constexpr int kEnd = SIGUSR2;

sigset_t HandledSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void SignalThread::Block() {
  sigset_t set = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, nullptr);
  sigaction(SIGXFSZ, &ignore, nullptr);
}

SignalThread::SignalThread(Callbacks callbacks)
    : callbacks_(std::move(callbacks)) {}

bool SignalThread::Start(std::string* error) {
  // The thread starts with kEnd blocked, the others go on without.
  sigset_t end;
  sigset_t before;
  sigemptyset(&end);
  sigaddset(&end, kEnd);
  pthread_sigmask(SIG_BLOCK, &end, &before);
  const bool started = StartThread(
      "cu-signals", [this] { Run(); }, &thread_, error);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

SignalThread::~SignalThread() {
  if (!thread_.joinable()) return;
  pthread_kill(thread_.native_handle(), kEnd);
  thread_.join();
}

void SignalThread::Run() {
  sigset_t set = HandledSignals();
  sigaddset(&set, kEnd);
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal == kEnd) return;
    if (signal == SIGTERM || signal == SIGINT) callbacks_.stop();
    if (signal == SIGHUP) callbacks_.hangup();
    if (signal == SIGUSR1) callbacks_.graceful();
  }
}

}  // namespace cucache
