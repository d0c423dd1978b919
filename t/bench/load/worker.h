// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// One thread of the generator: its connections, its event base, its counters.
//
// A connection has at most one batch under way: pipeline commands, sent in one
// call. In the closed loop the next batch goes out when the last reply of this
// one is in. In the open loop batches are due at times fixed beforehand; one
// that finds no idle connection waits, and its latency is counted from the time
// it was due, so that a server that stalls cannot hide what it delayed.
//
// Run() belongs to the worker's thread. Counters may be read by any thread at
// any time; histogram() and error() after Run() has returned.

#ifndef CUCACHE_T_BENCH_LOAD_WORKER_H_
#define CUCACHE_T_BENCH_LOAD_WORKER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "t/bench/load/codec.h"
#include "t/bench/load/histogram.h"
#include "t/bench/load/key_picker.h"
#include "t/bench/load/options.h"

struct event;
struct event_base;

namespace cucache::load {

// What the main thread tells all workers.
struct Signals {
  std::atomic<bool> measuring{false};
  std::atomic<bool> stop{false};
};

struct Counts {
  uint64_t requests = 0;  // commands answered; each key of a quiet batch is one
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t stored = 0;
  uint64_t refused = 0;
  uint64_t checked = 0;
  uint64_t wrong = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;

  Counts& operator+=(const Counts& other);
  Counts operator-(const Counts& other) const;
};

class Worker;

enum class CommandKind : uint8_t { kGet, kSet, kQuietSet };

struct Command {
  CommandKind kind;
  size_t first;  // its keys: from here
  size_t end;    // to before here
};

struct Connection {
  Worker* worker = nullptr;
  int fd = -1;
  event* readable = nullptr;
  event* writable = nullptr;

  // The batch under way.
  std::vector<Command> commands;
  std::vector<uint64_t> ids;  // the keys of all commands
  size_t command = 0;         // the one that the next record answers
  size_t key = 0;             // the next of ids to be answered
  uint64_t start_ns = 0;      // when it was sent, or due
  bool busy = false;

  std::vector<char> unread;  // the beginning of a record
  size_t unread_size = 0;
  std::string unsent;
  size_t unsent_at = 0;
};

class Worker {
 public:
  Worker(const Options& options, const Signals* signals, int index);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Connects all its connections. False and error() when one fails.
  [[nodiscard]] bool Connect();
  void Run();

  [[nodiscard]] Counts ReadCounts() const;
  [[nodiscard]] const Histogram& histogram() const { return histogram_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct SharedCounts;

  bool OpenSocket(Connection* connection);
  void Prepare(event_base* base);

  // Sending.
  void StartBatch(Connection* connection, uint64_t start_ns);
  char* BuildBatch(Connection* connection, char* out);
  char* BuildGet(Connection* connection, char* out);
  char* BuildSet(Connection* connection, char* out);
  char* BuildLoad(Connection* connection, uint64_t count, char* out);
  void Send(Connection* connection, const char* data, size_t size);
  void OnWritable(Connection* connection);
  void WhenIdle(Connection* connection);

  // Receiving.
  void OnReadable(Connection* connection);
  [[nodiscard]] ssize_t Receive(Connection* connection);
  size_t Consume(Connection* connection, std::string_view in, size_t* need);
  void Accept(Connection* connection, const Record& record);
  void AcceptValue(Connection* connection, const Record& record);
  void EndCommand(Connection* connection);
  void KeepRest(Connection* connection, std::string_view rest, size_t need);

  // The open loop.
  void ScheduleDue();
  void AdvanceDue();
  void OnTick();

  void Fail(const std::string& what);
  void Publish();

  const Options& options_;
  const Signals* signals_;
  int index_;
  std::unique_ptr<Codec> codec_;
  KeyPicker picker_;
  Random random_;
  event_base* base_ = nullptr;
  event* tick_ = nullptr;
  event* due_event_ = nullptr;
  std::vector<Connection> connections_;
  std::vector<char> input_;
  std::vector<char> output_;
  uint32_t sequence_;  // begins elsewhere in each run
  uint64_t values_seen_ = 0;

  bool limited_ = false;
  uint64_t requests_left_ = 0;
  size_t busy_ = 0;

  double due_ns_ = 0;
  double gap_ns_ = 0;
  std::deque<uint64_t> waiting_;  // due times that found no idle connection
  std::vector<Connection*> idle_;

  Counts counts_;
  std::unique_ptr<SharedCounts> shared_;
  Histogram histogram_;
  std::string error_;
  bool failed_ = false;
};

[[nodiscard]] uint64_t NowNs();

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_WORKER_H_
