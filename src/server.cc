// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "server.h"

#include <glog/logging.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "net/sasl.h"

namespace cucache {
namespace {

uint64_t MonotonicMicros() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1000000 +
         static_cast<uint64_t>(ts.tv_nsec) / 1000;
}

}  // namespace

Server::Server(Settings settings)
    : settings_(std::move(settings)),
      listener_(settings_),
      choice_(static_cast<size_t>(settings_.num_threads),
              settings_.num_napi_ids > 0),
      reload_([this] {
        ReloadAuthFile();
        ReloadCertificates();
      }) {}

Server::~Server() {
  // Only after a Start() that failed, or without a Run().
  StopWorkers();
  listener_.Close();
  if (restart_ != nullptr && restart_->only_in_cache()) Save();
  if (base_ != nullptr) {
    event_del(&asked_event_);
    event_del(&tick_event_);
    event_del(&retry_event_);
  }
}

bool Server::Bind(std::string* error) {
  if (!doorbell_.Open()) {
    *error = std::string("eventfd: ") + std::strerror(errno);
    exit_code_ = EX_OSERR;
    return false;
  }
  if (!StartTls(error)) {
    exit_code_ = EX_USAGE;
    return false;
  }
  if (!listener_.Bind(error)) {
    exit_code_ = EX_OSERR;
    return false;
  }
  unsigned queue;
  if (settings_.num_napi_ids > 0 && listener_.size() > 0 &&
      !IncomingQueue(listener_.fd(0), &queue)) {
    *error = "-N <num_napi_ids> option not supported";
    exit_code_ = EXIT_FAILURE;
    return false;
  }
  if (MaxClients() < 1) {
    *error = "Maxconns setting is too low, use -c to increase.";
    exit_code_ = EXIT_FAILURE;
    return false;
  }
  return true;
}

// --- What runs. ---

bool Server::Start(std::string* error) {
  base_ = NewEventBase();
  if (base_ == nullptr) {
    *error = "cannot make an event base";
    exit_code_ = EXIT_FAILURE;
    return false;
  }
  event_assign(&asked_event_, base_.get(), doorbell_.fd(), EV_READ | EV_PERSIST,
               OnAsked, this);
  event_assign(&tick_event_, base_.get(), -1, EV_PERSIST, OnTick, this);
  event_assign(&retry_event_, base_.get(), -1, 0, OnRetry, this);
  const timeval interval = {0, kTickMicros};
  event_add(&asked_event_, nullptr);
  event_add(&tick_event_, &interval);
  const bool ready = StartAuthentication(error) && StartCache(error);
  // What asked for the end is still there for Run().
  if (restart_ != nullptr && restart_->stopped()) return true;
  // No command before the saved items are gone from the disk.
  if (ready && (restart_ == nullptr || restart_->Consume(error)) &&
      StartWorkers(error) && StartHandshakers(error) && StartReloading(error) &&
      listener_.Start(base_.get(), this)) {
    return true;
  }
  if (error->empty()) *error = "cannot wait for connections";
  exit_code_ = EXIT_FAILURE;
  return false;
}

bool Server::StartCache(std::string* error) {
  if (settings_.memory_file.empty()) {
    cache_ = std::make_unique<Cache>(settings_, clock_);
    return cache_->StartMaintenance(error);
  }
  restart_ = std::make_unique<WarmRestart>(settings_.memory_file, [this] {
    return (asked_.load(std::memory_order_relaxed) & (kStop | kGraceful)) != 0;
  });
  if (!restart_->Claim(error)) return false;
  cache_ = restart_->Load(settings_, clock_, error);
  return cache_ != nullptr;
}

// As the user who will read the files again.
bool Server::StartAuthentication(std::string* error) {
  if (settings_.sasl) {
    sasl_ = NewSaslService(error);
    return sasl_ != nullptr;
  }
  if (settings_.auth_file.empty()) return true;
  auth_file_ = std::make_unique<AuthFile>(settings_.auth_file);
  if (!auth_file_->Load(error)) return false;
  if (auth_file_->size() == 0) {
    LOG(WARNING) << "nobody can log in: " << settings_.auth_file
                 << " has no users";
  }
  return true;
}

// Reading half a million users takes seconds, and nobody waits for them.
bool Server::StartReloading(std::string* error) {
  if (auth_file_ == nullptr && tls_ == nullptr) return true;
  return reload_.Start("cu-reload", error);
}

// Clients that are logged in stay so.
void Server::ReloadAuthFile() {
  if (auth_file_ == nullptr) return;
  std::string error;
  if (auth_file_->Load(&error)) {
    LOG(INFO) << "read " << auth_file_->size() << " entries of "
              << settings_.auth_file << " again";
  } else {
    LOG(ERROR) << error << "; the users stay as they were";
  }
}

// Before privileges are dropped: the user that serves need not be one that may
// read the key.
bool Server::StartTls(std::string* error) {
  if (!settings_.ssl_enabled) return true;
  tls_ = MakeTls(settings_, error);
  certificates_at_ = clock_.now();
  return tls_ != nullptr;
}

bool Server::RefreshCertificates(std::string* error) {
  if (tls_ == nullptr) return ServerControl::RefreshCertificates(error);
  if (!tls_->Reload(error)) return false;
  certificates_at_ = clock_.now();
  return true;
}

void Server::ReloadCertificates() {
  std::string error;
  if (tls_ == nullptr) return;
  if (RefreshCertificates(&error)) {
    LOG(INFO) << "read the certificates again";
  } else {
    LOG(ERROR) << error << "; the certificates stay as they were";
  }
}

// One thread's handshakes are plenty for a few workers.
size_t Server::handshaker_count() const {
  if (!settings_.ssl_enabled) return 0;
  return static_cast<size_t>(settings_.num_threads + 3) / 4;
}

bool Server::StartHandshakers(std::string* error) {
  for (size_t i = 0; i < handshaker_count(); ++i) {
    handshakers_.push_back(std::make_unique<Handshaker>(
        *tls_, cache_->events(), [this] { OnConnectionClosed(); }));
    if (!handshakers_.back()->Start(error)) return false;
  }
  return true;
}

bool Server::StartWorkers(std::string* error) {
  watchers_ = std::make_unique<Watchers>(cache_->events(),
                                         settings_.watcher_logbuf_size);
  if (!watchers_->Start(error)) return false;
  for (int i = 0; i < settings_.num_threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(
        settings_, clock_, *cache_, *this, [this] { OnConnectionClosed(); }));
    workers_.back()->set_watchers(watchers_.get());
  }
  std::string bad;
  if (!udp_trust_.Parse(settings_.udp_trust, &bad)) {
    *error = "no network: " + bad;
    return false;
  }
  const std::vector<int>& datagrams = listener_.udp_sockets();
  for (size_t i = 0; i < datagrams.size(); ++i) {
    workers_[i % workers_.size()]->AddUdp(datagrams[i], udp_trust_);
  }
  // Their number does not change any more when the first one runs.
  for (const auto& worker : workers_) {
    if (!worker->Start(error)) return false;
  }
  return true;
}

void Server::Run(const std::function<void()>& ending) {
  while (!stopping_) {
    if (event_base_loop(base_.get(), EVLOOP_ONCE) < 0) {
      LOG(ERROR) << "the dispatcher's event loop failed";
      exit_code_ = EXIT_FAILURE;
      break;
    }
  }
  if (ending) ending();
  // Until they have ended, workers look at the listener's sockets.
  StopWorkers();
  listener_.Close();
  if (restart_ == nullptr || restart_->stopped()) return;
  Save();
}

void Server::Save() {
  clock_.Tick();
  if (!restart_->Save(*cache_)) exit_code_ = EXIT_FAILURE;
}

void Server::StopWorkers() {
  if (auth_file_ != nullptr) auth_file_->Abandon();
  reload_.Stop();
  for (const auto& handshaker : handshakers_) handshaker->Stop();
  for (const auto& handshaker : handshakers_) handshaker->Join();
  handshakers_.clear();
  // It hands connections back to workers that still run.
  if (watchers_ != nullptr) watchers_->Stop();
  for (const auto& worker : workers_) worker->Stop();
  for (const auto& worker : workers_) worker->Join();
  if (cache_ != nullptr) cache_->StopMaintenance();
  workers_.clear();
}

// --- Requests from other threads. ---

void Server::Ask(unsigned what) {
  asked_.fetch_or(what, std::memory_order_release);
  doorbell_.Ring();
}

void Server::OnAsked(evutil_socket_t, short, void* arg) {
  Server* server = static_cast<Server*>(arg);
  server->doorbell_.Clear();
  server->ReadAsked();
}

void Server::ReadAsked() {
  const unsigned asked = asked_.exchange(0, std::memory_order_acquire);
  if ((asked & kRoom) != 0) ResumeAccepting();
  if ((asked & kGraceful) != 0) LOG(WARNING) << "Gracefully stopping";
  if ((asked & (kStop | kGraceful)) != 0) stopping_ = true;
}

void Server::OnTick(evutil_socket_t, short, void* arg) {
  static_cast<Server*>(arg)->Tick();
}

void Server::Tick() {
  clock_.Tick();
  // In vain nearly always: all of them are listened to.
  if (accepting_.load(std::memory_order_relaxed)) listener_.Resume();
  const RelTime interval = settings_.idle_timeout == 0 ? kScanForStuck : 1;
  if (clock_.now() < last_scan_ + interval) return;
  last_scan_ = clock_.now();
  for (const auto& worker : workers_) worker->ScanIdle();
}

// --- Clients come and go. ---

int Server::reserved_fds() const {
  // Standard input, output and error, one spare; of the dispatcher and of each
  // worker the event base and what wakes it.
  return 4 + 2 + 2 * settings_.num_threads +
         2 * static_cast<int>(handshaker_count());
}

int Server::MaxClients() const {
  return settings_.maxconns - reserved_fds() -
         static_cast<int>(listener_.size() + listener_.udp_sockets().size());
}

Dispatcher::Verdict Server::Dispatch(int fd, TlsMode tls) {
  const bool encrypted = tls_ != nullptr && tls != TlsMode::kOff;
  const int clients = clients_.load(std::memory_order_relaxed);
  if (settings_.maxconns_fast && clients >= MaxClients()) {
    static constexpr std::string_view kError =
        "ERROR Too many open connections\r\n";
    rejected_.fetch_add(1, std::memory_order_relaxed);
    if (!encrypted) {
      (void)!send(fd, kError.data(), kError.size(), MSG_NOSIGNAL);
    }
    close(fd);
    return Verdict::kRefused;
  }
  clients_.fetch_add(1, std::memory_order_seq_cst);
  total_clients_.fetch_add(1, std::memory_order_relaxed);
  // Before the worker answers the client, which could already see it.
  const bool full = !settings_.maxconns_fast && clients + 1 >= MaxClients();
  if (full) {
    PauseAccepting();
    // Sequentially consistent, as are the count and what PauseAccepting() sets:
    // either a worker that closes a connection sees that, or its close is seen
    // here.
    if (clients_.load(std::memory_order_seq_cst) < MaxClients()) Ask(kRoom);
  }
  const size_t chosen = choice_.For(fd);
  Worker* worker = workers_[chosen].get();
  if (encrypted) {
    handshakers_[chosen % handshakers_.size()]->Adopt(fd, tls, worker);
  } else {
    const bool pieces = SendsInPieces(settings_.socket_buffer);
    worker->Adopt({pieces ? &kPieceOps : &kSocketOps, nullptr, fd});
  }
  return full ? Verdict::kFull : Verdict::kTaken;
}

void Server::OutOfDescriptors() {
  VLOG(1) << "Too many open connections";
  PauseAccepting();
  // Not before: there may be room for clients all the time. And whoever gives a
  // descriptor back need not be one of ours.
  const timeval pause = {0, kPauseMicros};
  event_add(&retry_event_, &pause);
}

void Server::OnRetry(evutil_socket_t, short, void* arg) {
  static_cast<Server*>(arg)->ResumeAccepting();
}

void Server::PauseAccepting() {
  if (!accepting_.load(std::memory_order_relaxed)) return;
  listen_disabled_.fetch_add(1, std::memory_order_relaxed);
  paused_at_us_ = MonotonicMicros();
  listener_.Pause();
  accepting_.store(false, std::memory_order_seq_cst);
}

void Server::ResumeAccepting() {
  if (accepting_.load(std::memory_order_relaxed)) return;
  if (!settings_.maxconns_fast &&
      clients_.load(std::memory_order_relaxed) >= MaxClients()) {
    return;
  }
  listen_disabled_us_.fetch_add(MonotonicMicros() - paused_at_us_,
                                std::memory_order_relaxed);
  accepting_.store(true, std::memory_order_seq_cst);
  listener_.Resume();
}

// On a worker's thread.
void Server::OnConnectionClosed() {
  clients_.fetch_sub(1, std::memory_order_seq_cst);
  if (!accepting_.load(std::memory_order_seq_cst)) Ask(kRoom);
}

// --- ServerControl. ---

ServerControl::ConnectionFigures Server::connection_figures() {
  ConnectionFigures f;
  f.event_library = event_get_version();
  const uint64_t clients =
      static_cast<uint64_t>(clients_.load(std::memory_order_relaxed));
  f.max = static_cast<uint64_t>(settings_.maxconns);
  f.current = clients;
  f.total = total_clients_.load(std::memory_order_relaxed);
  f.rejected = rejected_.load(std::memory_order_relaxed);
  f.structures = clients + listener_.size();
  f.reserved_fds = static_cast<uint64_t>(reserved_fds());
  f.listen_disabled = listen_disabled_.load(std::memory_order_relaxed);
  f.listen_disabled_us = listen_disabled_us_.load(std::memory_order_relaxed);
  f.accepting = accepting_.load(std::memory_order_relaxed);
  f.unexpected_napi_ids = choice_.unexpected();
  f.round_robin_fallback = choice_.fallbacks();
  if (tls_ != nullptr) {
    const TlsCounters& tls = tls_->counters();
    f.tls_new_sessions = tls.new_sessions;
    f.tls_handshake_errors = tls.handshake_errors;
    f.tls_protocol_errors = tls.protocol_errors;
    f.seconds_since_certificates = clock_.now() - certificates_at_;
  }
  for (const auto& worker : workers_) {
    const BufferPool& pool = worker->buffers();
    // The one it reads into, and those of connections.
    f.read_buffers += 1 + pool.owned_count();
    f.read_buffer_bytes +=
        BufferPool::kFullSize + pool.owned_bytes() + pool.free_bytes();
    f.read_buffer_bytes_free += BufferPool::kFullSize + pool.free_bytes();
    f.response_objects += 1;
    f.response_bytes += Transport::kCapacity;
  }
  return f;
}

void Server::SumStats(StatsSum* sum) {
  for (const auto& worker : workers_) sum->Add(worker->stats());
}

struct Server::Row {
  int fd;
  std::string address;
  std::string listen_address;  // empty for a listening socket
  ConnState state;
  RelTime idle;
  std::string peer_name = {};  // of a verified certificate
  bool udp = false;
};

void Server::ConnectionRows(const StatSink& sink) {
  std::vector<Row> rows;
  for (size_t i = 0; i < listener_.size(); ++i) {
    const int fd = listener_.fd(i);
    rows.push_back(
        {fd, LocalAddressText(fd), "", ConnState::kListening, clock_.uptime()});
  }
  for (const int fd : listener_.udp_sockets()) {
    rows.push_back(
        {fd, LocalAddressText(fd), "", ConnState::kRead, clock_.uptime()});
    rows.back().udp = true;
  }
  for (const auto& worker : workers_) {
    worker->ForEachConn([&rows, this](const Conn& c) {
      rows.push_back({c.fd(), PeerAddressText(c.fd()), LocalAddressText(c.fd()),
                      c.state(), clock_.now() - c.last_command(),
                      TlsPeerName(c.channel())});
    });
  }
  std::sort(rows.begin(), rows.end(),
            [](const Row& a, const Row& b) { return a.fd < b.fd; });
  for (const Row& row : rows) {
    const std::string prefix = std::to_string(row.fd) + ":";
    if (row.udp) sink(prefix + "UDP", "UDP");
    sink(prefix + "addr", row.address);
    if (!row.listen_address.empty()) {
      sink(prefix + "listen_addr", row.listen_address);
    }
    if (!row.peer_name.empty()) sink(prefix + "peer_cn", row.peer_name);
    sink(prefix + "state", StateText(row.state));
    sink(prefix + "secs_since_last_cmd", std::to_string(row.idle));
  }
}

void Server::SetVerbosity(int level) {
  settings_.verbose = level;
  cucache::SetVerbosity(level);
}

void Server::Shutdown(bool graceful) {
  if (graceful) {
    Graceful();
  } else {
    Stop();
  }
}

}  // namespace cucache
