// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// One client's connection: the state machine between the socket and the
// Session. (Counterpart: conn, drive_machine() and the conn_* states in
// memcached.c; the states keep their names, and each has one function here.)
//
//   conn_new_cmd     has not said anything yet
//   conn_read        waits for, or reads, input
//   conn_parse_cmd   executes commands, or stands in the queue to go on (-R)
//   conn_nread       receives a value straight into its item
//   conn_mwrite      the client does not read: waits until it does
//   conn_watch       said `watch`: the logger thread has it (net/watch.h)
//   conn_closing     is about to close
// (conn_swallow and conn_write are inside of Session and Transport. memcached
// leaves conn_waiting at once, and shows a connection that waits as conn_read.)
//
// A connection is registered with the worker's poller for its whole life,
// level-triggered, and what it waits for changes only when the client does not
// read. A turn is what one event gives: one receive, the commands in it, one
// send.
//
// Invariants:
//   C1 Between two turns the worker's input buffer is empty.
//   C2 A connection that waits for input owns at most the beginning of one
//      command; one that waits for output, or for its next turn, at most what
//      was read and not executed, at most one input buffer.
//   C3 Nothing is read, and nothing executed, while a client does not take its
//      output.
//
// Thread safety: the worker's thread only, but for state(), fd() and
// last_command(), which `stats conns` reads while it keeps the connection from
// closing.

#ifndef CUCACHE_NET_CONN_H_
#define CUCACHE_NET_CONN_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/stats.h"
#include "command/executor.h"
#include "net/buffers.h"
#include "net/channel.h"
#include "net/poller.h"
#include "net/transport.h"
#include "proto/session.h"

namespace cucache {

class Conn;

enum class ConnState : uint8_t {
  kListening,
  kNewCmd,
  kRead,
  kParseCmd,
  kNread,
  kMwrite,
  kWatch,
  kClosing,
};

// memcached's name of a state.
const char* StateText(ConnState state);

// What can stand in the queue for another turn.
class TurnTaker : public Pollable {
 public:
  virtual void TakeTurn() = 0;

 protected:
  ~TurnTaker() = default;
};

// What a worker lends to the connection whose turn it is.
class ConnHost {
 public:
  virtual ~ConnHost() = default;

  // A turn begins and ends: the thread may hold items in between.
  virtual void BeginTurn() = 0;
  virtual void EndTurn() = 0;
  // Does anybody else want a turn right now?
  virtual bool OthersWait() = 0;
  // Gives it another turn, after the others.
  virtual void QueueTurn(TurnTaker* taker) = 0;
  // The same, when a password may be checked (LoginPace).
  virtual void QueueLogin(TurnTaker* taker) = 0;
  // Lends its channel to the logger thread, until EndWatch() on this thread.
  virtual void Watch(Conn* conn) = 0;
  // Forgets and destroys it, which closes it.
  virtual void Discard(Conn* conn) = 0;

  Poller* poller = nullptr;
  Executor* executor = nullptr;
  Transport* transport = nullptr;
  BufferPool* pool = nullptr;
  Buffer* input = nullptr;  // full-size
  ThreadStats* stats = nullptr;
  const Clock* clock = nullptr;
  int requests_per_turn = 20;  // -R
};

// Why a connection ends, for those who watch.
enum class CloseReason : uint8_t { kError, kNormal, kIdleTimeout, kShutdown };

class Conn final : public TurnTaker {
 public:
  Conn(ConnHost& host, Channel channel);
  ~Conn();
  Conn(const Conn&) = delete;
  Conn& operator=(const Conn&) = delete;

  // Begins to wait for input; false when it cannot be waited for.
  [[nodiscard]] bool Start();
  // The turn it queued for.
  void TakeTurn() override;
  // Closes it if it has waited for a command for longer than that. What is only
  // the beginning of one does not count.
  void CloseIfIdle(RelTime timeout);
  // Closes it if it has kept others from their dumps for too long: its client
  // does not take what it asked for.
  void CloseIfStuck();
  // The client that watched has gone.
  void EndWatch();
  // At the end of the worker, or before it could start.
  void Shutdown();

  ConnState state() const { return state_.load(std::memory_order_relaxed); }
  RelTime last_command() const {
    return last_command_.load(std::memory_order_relaxed);
  }
  int fd() const { return channel_.fd; }
  const Channel& channel() const { return channel_; }

  // The worker's list of connections.
  Conn* next = nullptr;
  Conn* previous = nullptr;

 private:
  enum class Wish : uint8_t {
    kNothing,
    kTurn,
    kLogin,  // a turn in which a password may be checked
  };

  // Requests and bytes of input in one turn when nobody else waits. More
  // would be felt by those who come while it lasts.
  static constexpr int kLoneRequests = 200;
  static constexpr size_t kTurnInput = 16 * 1024;
  // "mn\r\n"; shorter lines are no commands, and cost a turn at most.
  static constexpr size_t kShortestRequest = 4;
  // What the first receive of a turn asks for.
  static constexpr size_t kFirstRead = 16 * 1024;
  // Up to this many bytes are copied rather than kept in the worker's buffer.
  static constexpr size_t kCopyInput = 4 * 1024;
  // Reads of a large value in one turn.
  static constexpr int kValueReads = 4;
  static constexpr size_t kValueSpans = 15;
  // As memcached's crawler: seconds for a piece of a dump.
  static constexpr RelTime kDumpPatience = 1800;

  void OnReady() override;
  void Turn();
  void DriveMachine();
  // One function per state; true to go on with the next state.
  bool Read();
  bool ParseCmd();
  bool Nread();
  bool Mwrite();

  bool AfterProcess(Session::Next next, bool cut);
  bool AfterReceive(ssize_t n, ConnState idle);
  bool Enter(ConnState state, bool go_on);
  void NoteCommand();
  void NoteCommands(int requests);
  int Grant(size_t bytes) const;
  void Settle();
  void BeginWatch();
  void Close();
  void LogEvent(const char* type, const char* reason);
  void LogTlsFailure();
  void CloseFor(CloseReason reason);
  void BorrowInput();
  void BorrowKept();
  bool KeepInput();
  bool KeepRest();
  bool KeepBuffer();
  void RefuseInput();
  bool WaitFor(uint32_t what);
  void Unregister();
  bool FollowChannel();
  bool AwaitChannel();
  void AwaitLogin();

  Channel channel_;
  ConnHost& host_;
  Buffer* kept_ = nullptr;
  std::unique_ptr<Unsent> unsent_;
  std::atomic<RelTime> last_command_;
  std::atomic<ConnState> state_{ConnState::kNewCmd};
  bool close_after_write_ = false;
  CloseReason reason_ = CloseReason::kError;
  Wish wish_ = Wish::kNothing;  // for when the machine stops
  bool queued_ = false;         // for a turn
  bool registered_ = false;
  bool read_much_ = false;    // the last receive was filled
  bool wants_write_ = false;  // as well as input, for Channel::wants_write
  uint8_t value_reads_ = 0;
  Session session_;
};

}  // namespace cucache

#endif  // CUCACHE_NET_CONN_H_
