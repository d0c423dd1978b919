// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/load/worker.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "t/bench/load/socket.h"

namespace cucache::load {
namespace {

constexpr size_t kInputSize = size_t{128} << 10;
constexpr timeval kTick{0, 10000};

}  // namespace

uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
}

// Written by the worker alone.
struct Worker::SharedCounts {
  std::atomic<uint64_t> requests, hits, misses, stored, refused, checked, wrong,
      bytes_in, bytes_out;
};

Counts& Counts::operator+=(const Counts& other) {
  requests += other.requests;
  hits += other.hits;
  misses += other.misses;
  stored += other.stored;
  refused += other.refused;
  checked += other.checked;
  wrong += other.wrong;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  return *this;
}

Counts Counts::operator-(const Counts& other) const {
  return {requests - other.requests,  hits - other.hits,
          misses - other.misses,      stored - other.stored,
          refused - other.refused,    checked - other.checked,
          wrong - other.wrong,        bytes_in - other.bytes_in,
          bytes_out - other.bytes_out};
}

void Worker::Publish() {
  const auto relaxed = std::memory_order_relaxed;
  shared_->requests.store(counts_.requests, relaxed);
  shared_->hits.store(counts_.hits, relaxed);
  shared_->misses.store(counts_.misses, relaxed);
  shared_->stored.store(counts_.stored, relaxed);
  shared_->refused.store(counts_.refused, relaxed);
  shared_->checked.store(counts_.checked, relaxed);
  shared_->wrong.store(counts_.wrong, relaxed);
  shared_->bytes_in.store(counts_.bytes_in, relaxed);
  shared_->bytes_out.store(counts_.bytes_out, relaxed);
}

Counts Worker::ReadCounts() const {
  const auto relaxed = std::memory_order_relaxed;
  return {shared_->requests.load(relaxed), shared_->hits.load(relaxed),
          shared_->misses.load(relaxed),   shared_->stored.load(relaxed),
          shared_->refused.load(relaxed),  shared_->checked.load(relaxed),
          shared_->wrong.load(relaxed),    shared_->bytes_in.load(relaxed),
          shared_->bytes_out.load(relaxed)};
}

Worker::Worker(const Options& options, const Signals* signals, int index)
    : options_(options),
      signals_(signals),
      index_(index),
      codec_(MakeCodec(options)),
      picker_(options, index),
      random_(options.seed * 7919 + index),
      input_(kInputSize),
      sequence_(static_cast<uint32_t>(Mix(NowNs()))),
      shared_(std::make_unique<SharedCounts>()) {
  const bool values_go_out = options.operation != Operation::kGet;
  size_t room = codec_->keys().size() + 64;
  if (values_go_out) room = codec_->MaxBytes();
  output_.resize(room * options.keys_per_get * options.pipeline + 64);

  limited_ = options.requests > 0;
  const auto share = [&](uint64_t i) {
    return options.requests * i / options.threads;
  };
  requests_left_ = share(index + 1) - share(index);
  if (options.rate > 0) {
    gap_ns_ = 1e9 * options.pipeline * options.threads / options.rate;
  }
  const auto first = int64_t{options.connections} * index / options.threads;
  const auto last =
      int64_t{options.connections} * (index + 1) / options.threads;
  connections_.resize(last - first);
}

Worker::~Worker() {
  for (Connection& connection : connections_) {
    if (connection.readable != nullptr) event_free(connection.readable);
    if (connection.writable != nullptr) event_free(connection.writable);
    if (connection.fd >= 0) close(connection.fd);
  }
  if (tick_ != nullptr) event_free(tick_);
  if (due_event_ != nullptr) event_free(due_event_);
  if (base_ != nullptr) event_base_free(base_);
}

bool Worker::Connect() {
  int number = index_ * options_.connections;
  for (Connection& connection : connections_) {
    connection.worker = this;
    connection.fd = ConnectTo(options_, number++, &error_);
    if (connection.fd < 0) return false;
  }
  return true;
}

void Worker::Fail(const std::string& what) {
  if (failed_) return;
  failed_ = true;
  error_ = what;
  event_base_loopbreak(base_);
}

void Worker::Prepare(event_base* base) {
  for (Connection& connection : connections_) {
    connection.readable = event_new(
        base, connection.fd, EV_READ | EV_PERSIST,
        [](int, short, void* arg) {
          auto* self = static_cast<Connection*>(arg);
          self->worker->OnReadable(self);
        },
        &connection);
    connection.writable = event_new(
        base, connection.fd, EV_WRITE,
        [](int, short, void* arg) {
          auto* self = static_cast<Connection*>(arg);
          self->worker->OnWritable(self);
        },
        &connection);
    event_add(connection.readable, nullptr);
  }
  tick_ = event_new(
      base, -1, EV_PERSIST,
      [](int, short, void* arg) { static_cast<Worker*>(arg)->OnTick(); }, this);
  event_add(tick_, &kTick);
  due_event_ = event_new(
      base, -1, 0,
      [](int, short, void* arg) { static_cast<Worker*>(arg)->ScheduleDue(); },
      this);
}

void Worker::Run() {
  event_config* config = event_config_new();
  event_config_set_flag(config,
                        EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  Prepare(base_);
  const bool open_loop = options_.rate > 0;
  due_ns_ = static_cast<double>(NowNs());
  if (open_loop) {
    for (Connection& connection : connections_) idle_.push_back(&connection);
    ScheduleDue();
  } else {
    for (Connection& connection : connections_) WhenIdle(&connection);
  }
  if (open_loop && options_.spin) {
    while (!failed_ && !signals_->stop.load(std::memory_order_relaxed) &&
           !(limited_ && requests_left_ == 0 && busy_ == 0)) {
      event_base_loop(base_, EVLOOP_NONBLOCK);
      ScheduleDue();
    }
  } else if (!limited_ || busy_ > 0 || requests_left_ > 0) {
    event_base_dispatch(base_);
  }
  Publish();
}

void Worker::OnTick() {
  if (signals_->stop.load(std::memory_order_relaxed)) {
    event_base_loopbreak(base_);
  }
}

void Worker::AdvanceDue() {
  due_ns_ += options_.poisson ? -std::log(random_.Unit()) * gap_ns_ : gap_ns_;
}

void Worker::ScheduleDue() {
  const auto now = static_cast<double>(NowNs());
  for (; due_ns_ <= now && !failed_; AdvanceDue()) {
    if (limited_ && requests_left_ == 0) return;
    const auto due = static_cast<uint64_t>(due_ns_);
    if (idle_.empty()) {
      waiting_.push_back(due);
    } else {
      Connection* connection = idle_.back();
      idle_.pop_back();
      StartBatch(connection, due);
    }
  }
  if (options_.spin || failed_) return;
  const auto wait_us = static_cast<long>((due_ns_ - now) / 1000) + 1;
  const timeval wait{wait_us / 1000000, wait_us % 1000000};
  event_add(due_event_, &wait);
}

void Worker::WhenIdle(Connection* connection) {
  if (limited_ && requests_left_ == 0) {
    if (busy_ == 0) event_base_loopbreak(base_);
  } else if (options_.rate <= 0) {
    StartBatch(connection, 0);
  } else if (waiting_.empty()) {
    idle_.push_back(connection);
  } else {
    const uint64_t due = waiting_.front();
    waiting_.pop_front();
    StartBatch(connection, due);
  }
}

}  // namespace cucache::load
