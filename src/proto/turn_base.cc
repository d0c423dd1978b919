// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "proto/turn_base.h"

#include <algorithm>
#include <string>

#include "cache/value.h"
#include "command/dump.h"
#include "proto/turn.h"

namespace cucache {

TurnBase::Flow TurnBase::Receive() {
  PendingStore& store = *s_.pending_;
  const size_t n = std::min(left(), s_.receive_left());
  if (n != 0) CopyValueIn(store.item, store.received, at_, n);
  at_ += n;
  s_.Received(n);
  return s_.receive_left() == 0 ? true : Stop(Next::kReceive);
}

TurnBase::Flow TurnBase::Swallow() {
  const uint64_t n = std::min<uint64_t>(left(), s_.swallow_);
  at_ += n;
  s_.swallow_ -= n;
  if (s_.swallow_ != 0) return Stop(Next::kRead);
  s_.state_ = State::kCommand;
  return true;
}

namespace {

// Pieces of a dump in one turn; each may be much more work than a request.
constexpr int kPiecesPerTurn = 2;

class OutputSink final : public DumpSink {
 public:
  explicit OutputSink(Output& output) : output_(output) {}
  void Append(std::string_view bytes) override { output_.Append(bytes); }
  void AppendValue(Item* item) override { output_.AppendValue(item); }

 private:
  Output& output_;
};

}  // namespace

TurnBase::Flow TurnBase::Dump() {
  OutputSink sink(output_);
  for (int pieces = 0;; ++pieces) {
    if (output_.blocked()) return Stop(Next::kBlocked);
    if (*budget_ <= 0 || pieces == kPiecesPerTurn) return Stop(Next::kYield);
    --*budget_;
    if (s_.dump_->Next(sink)) continue;
    s_.dump_.reset();
    s_.state_ = State::kCommand;
    SpendTurn();
    return true;
  }
}

void TurnBase::AppendLong(Item* item, size_t tail) {
  output_.AppendValue(item);
  output_.Append({kTail, tail});
}

void TurnBase::FinishBlocked(bool drained) {
  const bool waits = next_ == Next::kRead || next_ == Next::kReceive ||
                     next_ == Next::kYield || next_ == Next::kLater;
  if (waits || !drained) next_ = Next::kBlocked;
  if (next_ == Next::kBlocked) s_.NoteMore(at_);
}

Session::Step TurnBase::Finish(bool drained) {
  if (!drained || output_.blocked()) [[unlikely]] {
    FinishBlocked(drained);
  }
  return {static_cast<size_t>(at_ - begin_), next_};
}

}  // namespace cucache
