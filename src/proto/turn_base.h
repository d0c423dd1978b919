// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What one call of Session::Process() is in every protocol: a cursor over the
// input, and the states that know nothing of commands. (Counterpart:
// conn_nread, conn_swallow, and the mc_resp that holds a long reply.)
//
// Thread safety: one thread.

#ifndef CUCACHE_PROTO_TURN_BASE_H_
#define CUCACHE_PROTO_TURN_BASE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "cache/value.h"
#include "command/executor.h"
#include "proto/output.h"
#include "proto/session.h"

namespace cucache {

class TurnBase {
 protected:
  using Next = Session::Next;
  using State = Session::State;
  using Flow = bool;  // true: go on; false: next_ says why not

  TurnBase(Session& session, const char* data, size_t n, Output& output,
           int* budget)
      : s_(session),
        executor_(session.executor_),
        output_(output),
        budget_(budget),
        begin_(data),
        end_(data + n),
        at_(data) {
    output_.set_last(false);
  }

  Flow Stop(Next next) {
    next_ = next;
    return false;
  }
  // What was done may have been as much work as a turn: others first.
  void SpendTurn() { *budget_ -= Session::kTurnSpent; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  const Clock& clock() const { return executor_.clock(); }

  // Bytes of a value that came as input: copies them into its item.
  Flow Receive();
  // Throws s_.swallow_ bytes away.
  Flow Swallow();
  // The next pieces of a long reply.
  Flow Dump();
  // What Process() returns, when everything was answered that could be
  // (`drained`).
  Session::Step Finish(bool drained);
  void FinishBlocked(bool drained);

  // What may stand behind a value: so many bytes of kTail.
  enum Tail : size_t { kNoTail = 0, kLineEnd = 2, kLineEndAndEnd = 7 };

  // A reply that has a value: format(layout, to) writes at most `room` bytes in
  // front of it. A large value is not copied.
  template <class Format>
  CUCACHE_ALWAYS_INLINE void AppendWithValue(Item* item, size_t room,
                                             size_t tail, Format&& format) {
    const size_t size = item->value_length;
    const Item::Layout layout = item->layout();
    if (size > Output::kCopyLimit || layout.chunked()) {
      output_.Advance(format(layout, output_.Room(room)));
      AppendLong(item, tail);
      return;
    }
    // Of the largest tail: one addition less.
    char* to = format(layout, output_.Room(room + size + sizeof(kTail)));
    to = CopyShort(to, layout.data(), size);
    // All of it whatever is wanted: past the end is allowed (Output::Room).
    std::memcpy(to, kTail, sizeof(kTail));
    output_.Advance(to + tail);
  }

  static constexpr char kTail[] = "\r\nEND\r\n";
  static_assert(sizeof(kTail) == 8);

  // The value and its tail, when it is large or in pieces.
  void AppendLong(Item* item, size_t tail);

  Session& s_;
  Executor& executor_;
  Output& output_;
  int* const budget_;
  const char* const begin_;
  const char* const end_;
  const char* at_;
  Next next_ = Next::kRead;
};

}  // namespace cucache

#endif  // CUCACHE_PROTO_TURN_BASE_H_
