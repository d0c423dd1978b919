// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/thread.h"

#include <glog/logging.h>
#include <malloc.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/threads.h"

namespace cucache {

Worker::Worker(Settings& settings, const Clock& server_clock, Cache& cache,
               ServerControl& control, std::function<void()> on_close)
    : idle_timeout_(static_cast<RelTime>(settings.idle_timeout)),
      on_close_(std::move(on_close)),
      buffers_(settings.read_buf_mem_limit /
               static_cast<size_t>(settings.num_threads)),
      cache_thread_(cache, stats_),
      executor_(cache, cache_thread_, settings, control),
      transport_(cache, cache_thread_, stats_, buffers_) {
  poller = &poller_;
  executor = &executor_;
  transport = &transport_;
  pool = &buffers_;
  executor_.set_buffers(&buffers_);
  input = buffers_.TakeFull();
  CHECK(input != nullptr) << "out of memory for an input buffer";
  ConnHost::stats = &stats_;
  clock = &server_clock;
  requests_per_turn = settings.reqs_per_event;
}

Worker::~Worker() {
  CHECK(!thread_.joinable());
  for (const Channel& channel : inbox_) Channel(channel).Close();
  buffers_.GiveFull(input);
}

bool Worker::Start(std::string* error) {
  if (!inbox_bell_.bell.Open() || !poller_.Open() ||
      !poller_.Add(inbox_bell_.bell.fd(), Poller::kRead, &inbox_bell_)) {
    *error = std::string("cannot make a worker: ") + std::strerror(errno);
    return false;
  }
  for (const auto& socket : udp_sockets_) {
    if (socket->Start()) continue;
    *error = "cannot wait for datagrams";
    return false;
  }
  return StartThread(
      "cu-worker", [this] { Loop(); }, &thread_, error);
}

void Worker::Join() {
  if (thread_.joinable()) thread_.join();
}

// --- From other threads. ---

void Worker::Adopt(Channel channel) {
  {
    MutexLock lock(inbox_mu_);
    inbox_.push_back(channel);
    // Whoever found it empty has woken the worker already.
    if (inbox_.size() > 1) return;
  }
  Notify();
}

void Worker::Stop() {
  {
    MutexLock lock(inbox_mu_);
    stop_asked_ = true;
  }
  Notify();
}

void Worker::ScanIdle() {
  {
    MutexLock lock(inbox_mu_);
    scan_asked_ = true;
  }
  Notify();
}

void Worker::ForEachConn(const std::function<void(const Conn&)>& visit) {
  MutexLock lock(list_mu_);
  for (const Conn* c = conns_; c != nullptr; c = c->next) visit(*c);
}

// --- The loop. ---

void Worker::Loop() {
  while (!stopping_) {
    if (!poller_.RunOnce(turns_.empty() ? patience_ : 0)) {
      PLOG(FATAL) << "a worker cannot wait for its connections";
    }
    if (patience_ != Poller::kForever) CallLogin();
    if (!turns_.empty()) TakeQueuedTurns();
    if (turns_.empty()) GoOffline();
  }
  CloseAll();
  GoOffline();
}

// One at a time, since it may take all the time that there is.
void Worker::CallLogin() {
  const LoginPace& pace = executor_.login_pace();
  if (pace.MayBeSlow()) {
    turns_.push_back(logins_.front());
    logins_.pop_front();
  }
  patience_ = logins_.empty() ? Poller::kForever : pace.Milliseconds();
}

void Worker::TakeQueuedTurns() {
  // Only those that queued before: what queues now comes after the next wait,
  // so that a busy connection cannot hide the readiness of others.
  current_turns_.swap(turns_);
  turns_left_ = current_turns_.size();
  for (TurnTaker* taker : current_turns_) {
    --turns_left_;
    taker->TakeTurn();
  }
  current_turns_.clear();
}

void Worker::GoOffline() {
  if (!online_) return;
  cache_thread_.Offline();
  online_ = false;
  TrimMemory();
}

// The allocator keeps what closed connections leave behind; after a crowd has
// gone it is worth giving back.
void Worker::TrimMemory() {
  if (closed_since_trim_ < kTrimAfter || closed_since_trim_ < open_) return;
  malloc_trim(0);
  closed_since_trim_ = 0;
}

void Worker::BeginTurn() {
  if (online_) return;
  cache_thread_.Online();
  online_ = true;
}

void Worker::EndTurn() { cache_thread_.Quiescent(); }

bool Worker::OthersWait() {
  return turns_left_ > 0 || !turns_.empty() || poller_.OthersReady();
}

void Worker::QueueTurn(TurnTaker* taker) { turns_.push_back(taker); }

void Worker::QueueLogin(TurnTaker* taker) {
  logins_.push_back(taker);
  patience_ = executor_.login_pace().Milliseconds();
}

void Worker::Watch(Conn* conn) {
  if (watchers_ == nullptr) {
    executor_.RefuseWatch();
    return conn->Shutdown();
  }
  watchers_->Add(conn->channel(), executor_.watch_kinds(),
                 [this, conn] { EndWatch(conn); });
}

// On the logger thread.
void Worker::EndWatch(Conn* conn) {
  {
    MutexLock lock(inbox_mu_);
    unwatched_.push_back(conn);
  }
  Notify();
}

// --- Connections come and go. ---

void Worker::ReadInbox() {
  std::vector<Channel> channels;
  std::vector<Conn*> unwatched;
  bool scan;
  {
    MutexLock lock(inbox_mu_);
    channels.swap(inbox_);
    unwatched.swap(unwatched_);
    scan = std::exchange(scan_asked_, false);
    stopping_ = stop_asked_;
  }
  for (const Channel& channel : channels) Open(channel);
  if (!unwatched.empty()) BeginTurn();
  for (Conn* conn : unwatched) conn->EndWatch();
  if (scan) CloseIdle();
}

void Worker::Open(Channel channel) {
  void* const memory = conns_memory_.Take();
  if (memory == nullptr) {
    LOG(WARNING) << "out of memory for a connection";
    channel.Close();
    return on_close_();
  }
  Conn* conn = new (memory) Conn(*this, channel);
  ++open_;
  {
    MutexLock lock(list_mu_);
    conn->next = conns_;
    if (conns_ != nullptr) conns_->previous = conn;
    conns_ = conn;
  }
  VLOG(2) << "<" << conn->fd() << " new client connection.";
  if (conn->Start()) return;
  LOG(WARNING) << "cannot watch fd " << conn->fd();
  BeginTurn();
  conn->Shutdown();
}

void Worker::Discard(Conn* conn) {
  {
    MutexLock lock(list_mu_);
    if (conn->next != nullptr) conn->next->previous = conn->previous;
    (conn->previous != nullptr ? conn->previous->next : conns_) = conn->next;
  }
  // Nobody finds it any more, so its descriptor may go.
  conn->~Conn();
  conns_memory_.Give(conn);
  --open_;
  ++closed_since_trim_;
  on_close_();
}

void Worker::CloseIdle() {
  for (Conn* conn = conns_; conn != nullptr;) {
    Conn* next = conn->next;
    conn->CloseIfStuck();
    conn = next;
  }
  if (idle_timeout_ == 0) return;
  for (Conn* conn = conns_; conn != nullptr;) {
    Conn* next = conn->next;
    conn->CloseIfIdle(idle_timeout_);
    conn = next;
  }
}

void Worker::CloseAll() {
  BeginTurn();
  udp_sockets_.clear();
  while (conns_ != nullptr) conns_->Shutdown();
}

}  // namespace cucache
