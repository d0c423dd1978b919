// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// One client's conversation, free of sockets: bytes in, replies out.
// (Counterpart: proto_text.c, proto_bin.c, and the protocol half of conn.)
//
// The caller owns the input bytes. Process() consumes whole commands from the
// front; what it leaves is shown again, with more behind it, next time. A value
// and a line of keys (get, gets, gat, gats) of more than kMaxLine bytes are
// consumed as they come, so neither needs to be in one buffer. What is left
// never exceeds kMaxLine bytes after kRead: a longer line of another kind is a
// violation.
//
// Invariants:
//   Q1 No item is held over a return of Process(): what was looked up and not
//      answered, because the client does not read, is looked up again. The one
//      exception is the item that a value is received into, which is not
//      linked yet and belongs to the session.
//   Q2 The replies depend on the bytes, not on how they were cut into calls.
//   Q3 Nothing is answered after output.blocked() but the rest of the reply
//      that was begun.
//
// Thread safety: one thread, and it is on line (base/epoch.h) during every
// call, the destructor included. A Session may be handed from one thread to
// another only between two calls, and only if the Executor goes with it.

#ifndef CUCACHE_PROTO_SESSION_H_
#define CUCACHE_PROTO_SESSION_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "command/executor.h"
#include "proto/output.h"

namespace cucache {

class DumpStream;     // command/dump.h
struct SaslState;     // proto/binary_sasl.h
struct PendingStore;  // proto/turn.h

class Session {
 public:
  enum class Next : uint8_t {
    kRead,      // needs bytes (conn_read)
    kReceive,   // needs bytes of a value: ReceiveSpans (conn_nread)
    kYield,     // budget spent, there is more to do (-R)
    kLater,     // a password may not be checked yet (LoginPace)
    kBlocked,   // output.blocked(): go on when it is not (conn_mwrite)
    kWatch,     // Executor::watch_kinds(); nothing is processed any more
    kClose,     // send what is there, then close (conn_closing after mwrite)
    kShutdown,  // the same, because the client violated the protocol
  };
  struct Step {
    size_t consumed;
    Next next;
  };

  // Longest line that is not a line of keys; more without a line feed is a
  // violation.
  static constexpr size_t kMaxLine = 2048;
  // Keys that lines of keys may have looked up in one call, beyond the budget.
  static constexpr int kKeysBeyondBudget = 200;
  // As much as any budget (-R), so that a caller can still count the requests.
  static constexpr int kTurnSpent = 1 << 30;

  explicit Session(Executor& executor);
  ~Session();  // discards an item that was being received
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Executes what is whole in [data, data + n). `budget` is the number of
  // requests it may still answer before it returns kYield; it is counted down.
  // By kTurnSpent, beyond that, when one was as much work as a turn may be.
  Step Process(const char* data, size_t n, Output& output, int* budget);

  // Process() has stopped at `next` though there is more, which the next call
  // shows: what stands there is pipelined, unless what is before it was pushed.
  // For the caller to say after kRead, if it did not show all it has (Q2).
  void NoteMore(const char* next) {
    if (state_ != State::kCommand || binary_ || next == pushed_) return;
    state_ = State::kBehind;
  }

  // After kReceive: where the next bytes of the value go, at most `max` spans;
  // returns how many. Received() says how many bytes were put there. When the
  // value is whole, Process() goes on (the CRLF behind it is input again). To
  // pass the bytes to Process() instead is as good, but copies them.
  size_t ReceiveSpans(iovec* spans, size_t max);
  void Received(size_t n);
  // Bytes of the value that are still to come, without its CRLF.
  size_t receive_left() const;

  // In the middle of an answer of many pieces, of which there may be few at a
  // time.
  bool dumping() const { return state_ == State::kDump; }
  // A value that was refused is still to come. What was answered is sent only
  // behind it, as by memcached: a client that is about to write does not expect
  // to be told anything.
  bool swallowing() const { return state_ == State::kSwallow; }

 private:
  friend class TurnBase;
  friend class Turn;
  friend class BinaryTurn;

  enum class State : uint8_t {
    kNew,          // the first byte decides about the protocol
    kCommand,      // conn_parse_cmd
    kBehind,       // the same, behind another command of the same input
    kKeys,         // within a line of keys
    kReceive,      // conn_nread: the value
    kReceiveEnd,   // conn_nread: its CRLF
    kSwallow,      // conn_swallow: swallow_ bytes
    kSwallowLine,  // the rest of a line of keys that was wrong
    kDump,         // a long answer is written piece by piece
    kAuthLine,     // -Y: the client has not said who it is
    kAuthToken,    // -Y: swallow_ bytes that say it
    kAuthLong,     // -Y: as many that cannot be right
    kSaslData,     // -S: swallow_ bytes of an exchange
  };

  // What all keys of a line have in common.
  struct KeyLine {
    RelTime exptime = 0;
    bool with_cas = false;
    bool touch = false;
    bool bad_exptime = false;
    bool any = false;  // there was a key already
  };

  // False: -B says that the connection may not begin with this byte.
  bool Negotiate(char first);

  Executor& executor_;
  std::unique_ptr<PendingStore> pending_;
  std::unique_ptr<DumpStream> dump_;
  uint64_t swallow_ = 0;
  KeyLine keys_;
  State state_ = State::kNew;
  // -S, and the client has not said who it is.
  bool sasl_wanted_ = false;
  bool binary_ = false;  // which protocol it speaks, once it is not new
  std::unique_ptr<SaslState> sasl_;
  // Replies to what stands before it in the input that is shown are as good as
  // sent: nothing does, or mn. Only to be compared.
  const char* pushed_ = nullptr;
};

static_assert(sizeof(Session) <= 64);

}  // namespace cucache

#endif  // CUCACHE_PROTO_SESSION_H_
