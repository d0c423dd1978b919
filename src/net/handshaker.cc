// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/handshaker.h"

#include <glog/logging.h>
#include <malloc.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/threads.h"
#include "net/watch.h"

namespace cucache {

using std::chrono::steady_clock;

struct Handshaker::Pending {
  Handshaker* owner;
  Channel channel;
  Worker* worker;
  steady_clock::time_point deadline;
  event ready;
};

Handshaker::Handshaker(Tls& tls, EventLog& log, std::function<void()> on_close)
    : tls_(tls), on_close_(std::move(on_close)), events_(log) {}

Handshaker::~Handshaker() {
  CHECK(!thread_.joinable());
  for (const Accepted& accepted : inbox_) close(accepted.fd);
  if (doorbell_.fd() >= 0) event_del(&notify_event_);
}

bool Handshaker::Start(std::string* error) {
  base_ = NewEventBase();
  // The bell only then: whoever has it has an event as well.
  if (base_ == nullptr || !doorbell_.Open()) {
    *error = std::string("cannot make a TLS thread: ") + std::strerror(errno);
    return false;
  }
  event_assign(&notify_event_, base_.get(), doorbell_.fd(),
               EV_READ | EV_PERSIST, OnNotify, this);
  event_add(&notify_event_, nullptr);
  return StartThread(
      "cu-handshaker", [this] { Loop(); }, &thread_, error);
}

void Handshaker::Join() {
  if (thread_.joinable()) thread_.join();
}

// --- From other threads. ---

void Handshaker::Adopt(int fd, TlsMode mode, Worker* worker) {
  {
    MutexLock lock(mu_);
    inbox_.push_back({fd, mode, worker});
  }
  doorbell_.Ring();
}

void Handshaker::Stop() {
  {
    MutexLock lock(mu_);
    stop_asked_ = true;
  }
  doorbell_.Ring();
}

// --- The loop. ---

void Handshaker::Loop() {
  LowerPriority();
  while (!stopping_) {
    if (event_base_loop(base_.get(), EVLOOP_ONCE) < 0) {
      LOG(FATAL) << "the event loop of a TLS thread failed";
    }
    TrimMemory();
  }
  while (!pending_.empty()) Refuse(*pending_.begin());
}

// As Worker::TrimMemory: each of them had 40 KB.
void Handshaker::TrimMemory() {
  if (failed_since_trim_ < kTrimAfter) return;
  if (failed_since_trim_ < pending_.size()) return;
  malloc_trim(0);
  failed_since_trim_ = 0;
}

void Handshaker::OnNotify(evutil_socket_t, short, void* arg) {
  Handshaker* handshaker = static_cast<Handshaker*>(arg);
  handshaker->doorbell_.Clear();
  handshaker->ReadInbox();
}

void Handshaker::ReadInbox() {
  std::vector<Accepted> inbox;
  {
    MutexLock lock(mu_);
    inbox.swap(inbox_);
    stopping_ = stop_asked_;
  }
  for (const Accepted& accepted : inbox) Begin(accepted);
}

void Handshaker::Begin(const Accepted& accepted) {
  Channel channel;
  if (!tls_.Open(accepted.fd, accepted.mode, &channel)) {
    LOG(WARNING) << "no memory for TLS on fd " << accepted.fd;
    close(accepted.fd);
    on_close_();
    return;
  }
  Pending* pending = new Pending;
  pending->owner = this;
  pending->channel = channel;
  pending->worker = accepted.worker;
  pending->deadline =
      steady_clock::now() + std::chrono::seconds(kTimeoutSeconds);
  pending_.insert(pending);
  // What the client said may be there already, and then there is an event at
  // once: those who came before it have their turn first.
  Wait(pending, EV_READ);
}

void Handshaker::OnEvent(evutil_socket_t, short what, void* arg) {
  Pending* pending = static_cast<Pending*>(arg);
  if ((what & EV_TIMEOUT) == 0) return pending->owner->Step(pending);
  VLOG(1) << "handshake of fd " << pending->channel.fd << " takes too long";
  pending->owner->Refuse(pending);
}

void Handshaker::Step(Pending* pending) {
  switch (tls_.Handshake(pending->channel)) {
    case TlsStep::kWantRead:
      return Wait(pending, EV_READ);
    case TlsStep::kWantWrite:
      return Wait(pending, EV_WRITE);
    case TlsStep::kFailed:
      return Refuse(pending);
    case TlsStep::kDone:
      break;
  }
  Worker* worker = pending->worker;
  const Channel channel = pending->channel;
  Forget(pending);
  worker->Adopt(channel);
}

// One event, until the deadline.
void Handshaker::Wait(Pending* pending, short what) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
                        pending->deadline - steady_clock::now())
                        .count();
  const timeval limit = {left > 0 ? left / 1000000 : 0,
                         left > 0 ? left % 1000000 : 0};
  event_assign(&pending->ready, base_.get(), pending->channel.fd, what, OnEvent,
               pending);
  if (event_add(&pending->ready, &limit) == 0) return;
  LOG(WARNING) << "cannot watch fd " << pending->channel.fd;
  Refuse(pending);
}

void Handshaker::Forget(Pending* pending) {
  event_del(&pending->ready);
  pending_.erase(pending);
  delete pending;
}

// As memcached's, whose listening thread and workers say it.
void Handshaker::LogFailure(const Channel& channel) {
  if (!events_.Wants(kWatchConnEvents)) return;
  const std::string why = TlsFailure(channel);
  if (why.empty()) return;
  events_.Write({.kind = kWatchConnEvents}, TlsErrorText(channel.fd, why));
}

void Handshaker::Refuse(Pending* pending) {
  Channel channel = pending->channel;
  Forget(pending);
  LogFailure(channel);
  channel.Close();
  ++failed_since_trim_;
  on_close_();
}

}  // namespace cucache
