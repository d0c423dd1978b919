// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/conn.h"

#include <glog/logging.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/tls.h"
#include "net/watch.h"

namespace cucache {

const char* StateText(ConnState state) {
  switch (state) {
    case ConnState::kListening:
      return "conn_listening";
    case ConnState::kNewCmd:
      return "conn_new_cmd";
    case ConnState::kRead:
      return "conn_read";
    case ConnState::kParseCmd:
      return "conn_parse_cmd";
    case ConnState::kNread:
      return "conn_nread";
    case ConnState::kMwrite:
      return "conn_mwrite";
    case ConnState::kWatch:
      return "conn_watch";
    case ConnState::kClosing:
      return "conn_closing";
  }
  return "conn_unknown";
}

namespace {

const char* ReasonText(CloseReason reason) {
  switch (reason) {
    case CloseReason::kError:
      break;
    case CloseReason::kNormal:
      return "normal";
    case CloseReason::kIdleTimeout:
      return "idle_timeout";
    case CloseReason::kShutdown:
      return "shutdown";
  }
  return "error";
}

}  // namespace

Conn::Conn(ConnHost& host, Channel channel)
    : channel_(channel),
      host_(host),
      last_command_(host.clock->now()),
      session_(*host.executor) {}

Conn::~Conn() { channel_.Close(); }

bool Conn::Start() {
  Enter(ConnState::kNewCmd, false);
  LogEvent("conn_new", nullptr);
  if (!WaitFor(Poller::kRead)) return false;
  if (channel_.has_more) {
    queued_ = true;
    host_.QueueTurn(this);
  }
  return true;
}

bool Conn::WaitFor(uint32_t what) {
  if (registered_) return host_.poller->Change(channel_.fd, what, this);
  registered_ = host_.poller->Add(channel_.fd, what, this);
  return registered_;
}

void Conn::Unregister() {
  if (registered_) host_.poller->Remove(channel_.fd, this);
  registered_ = false;
}

// A channel that encrypts may have to send before it can receive.
bool Conn::AwaitChannel() {
  wants_write_ = channel_.wants_write;
  return WaitFor(wants_write_ ? Poller::kRead | Poller::kWrite : Poller::kRead);
}

CUCACHE_ALWAYS_INLINE bool Conn::FollowChannel() {
  return wants_write_ == channel_.wants_write || AwaitChannel();
}

void Conn::OnReady() {
  if (!queued_) Turn();
}

void Conn::TakeTurn() {
  queued_ = false;
  if (registered_ || AwaitChannel()) return Turn();
  host_.BeginTurn();
  Close();
}

// --- The state machine. ---
//
// What each request goes through has one caller and is inlined: calls were a
// third of what a turn costs.

void Conn::Turn() {
  ConnHost& host = host_;
  host.BeginTurn();
  DriveMachine();
  Settle();  // may delete this
  host.EndTurn();
}

CUCACHE_ALWAYS_INLINE bool Conn::Enter(ConnState state, bool go_on) {
  state_.store(state, std::memory_order_relaxed);
  return go_on;
}

CUCACHE_ALWAYS_INLINE void Conn::DriveMachine() {
  value_reads_ = 0;
  host_.executor->thread().events().set_fd(fd());
  host_.transport->Begin(&channel_, &unsent_);
  bool go_on = true;
  while (go_on) {
    switch (state()) {
      case ConnState::kNewCmd:
      case ConnState::kRead:
        go_on = Read();
        break;
      case ConnState::kParseCmd:
        go_on = ParseCmd();
        break;
      case ConnState::kNread:
        go_on = Nread();
        break;
      case ConnState::kMwrite:
        go_on = Mwrite();
        break;
      default:
        go_on = false;
    }
  }
}

CUCACHE_ALWAYS_INLINE bool Conn::Read() {
  BorrowInput();
  Buffer* in = host_.input;
  in->Compact();
  // Little at first: what belongs to a large value is better received into its
  // item, and what lies here then has to be copied.
  const size_t room = in->capacity - in->end;
  const iovec span = {in->base() + in->end,
                      read_much_ ? room : std::min(room, kFirstRead)};
  const ssize_t n = channel_.Receive(&span, 1);
  if (n > 0) in->end += static_cast<uint32_t>(n);
  read_much_ = n > 0 && static_cast<size_t>(n) == span.iov_len;
  return AfterReceive(n, ConnState::kRead);
}

// What a receive of `n` means; `idle` is the state when nothing came.
CUCACHE_ALWAYS_INLINE bool Conn::AfterReceive(ssize_t n, ConnState idle) {
  if (n > 0) {
    host_.stats->bytes_read.Add(static_cast<uint64_t>(n));
    return Enter(ConnState::kParseCmd, true);
  }
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    return Enter(idle, false);
  }
  if (n == 0) {
    // The client may still read: it gets what it asked for.
    close_after_write_ = true;
    reason_ = CloseReason::kNormal;
    return false;
  }
  VLOG(1) << "Failed to read from fd " << fd() << ": " << std::strerror(errno);
  return Enter(ConnState::kClosing, false);
}

// How many requests may be executed of `bytes` of input. Whether others wait is
// asked only when there may be more than -R of them.
CUCACHE_ALWAYS_INLINE int Conn::Grant(size_t bytes) const {
  const int turn = host_.requests_per_turn;
  if (bytes <= static_cast<size_t>(turn) * kShortestRequest) return turn;
  return host_.OthersWait() ? turn : std::max(turn, kLoneRequests);
}

CUCACHE_ALWAYS_INLINE bool Conn::ParseCmd() {
  BorrowInput();
  Buffer* in = host_.input;
  const size_t slice = std::min(in->size(), kTurnInput);
  const int granted = Grant(slice);
  int budget = granted;
  const bool cut = slice < in->size();
  const Session::Step step =
      session_.Process(in->data(), slice, *host_.transport, &budget);
  in->begin += static_cast<uint32_t>(step.consumed);
  if (budget != granted) NoteCommands(granted - budget);
  return AfterProcess(step.next, cut);
}

// `cut`: there is more input than Process() was shown.
CUCACHE_ALWAYS_INLINE bool Conn::AfterProcess(Session::Next next, bool cut) {
  switch (next) {
    case Session::Next::kRead:
      if (!cut) return Enter(ConnState::kRead, false);
      session_.NoteMore(host_.input->data());
      wish_ = Wish::kTurn;
      return false;
    case Session::Next::kReceive:
      // Copying what is there of a value is no turn of its own.
      return cut || Enter(ConnState::kNread, true);
    case Session::Next::kYield:
      wish_ = Wish::kTurn;
      return false;
    case Session::Next::kLater:
      wish_ = Wish::kLogin;
      return false;
    case Session::Next::kBlocked:
      return false;
    case Session::Next::kWatch:
      return Enter(ConnState::kWatch, false);
    case Session::Next::kClose:
      close_after_write_ = true;
      reason_ = CloseReason::kNormal;
      return false;
    case Session::Next::kShutdown:
      close_after_write_ = true;
      return false;
  }
  return Enter(ConnState::kClosing, false);
}

CUCACHE_ALWAYS_INLINE void Conn::NoteCommand() {
  last_command_.store(host_.clock->now(), std::memory_order_relaxed);
}

// As memcached counts yields: each time -R commands were done and there are
// more, whether somebody else wanted the turn or not.
CUCACHE_ALWAYS_INLINE void Conn::NoteCommands(int requests) {
  NoteCommand();
  if (requests <= host_.requests_per_turn) return;
  if (requests >= Session::kTurnSpent) requests -= Session::kTurnSpent;
  host_.stats->conn_yields.Add(static_cast<uint64_t>(std::max(requests - 1, 0) /
                                                     host_.requests_per_turn));
}

bool Conn::Nread() {
  Buffer* in = host_.input;
  iovec spans[kValueSpans + 1];
  const size_t count = session_.ReceiveSpans(spans, kValueSpans);
  if (count == 0) return Enter(ConnState::kParseCmd, true);
  if (++value_reads_ > kValueReads) return false;
  size_t wanted = 0;
  for (size_t i = 0; i < count; ++i) wanted += spans[i].iov_len;
  // Commands behind the value ride along.
  in->Clear();
  spans[count] = {in->base(), in->capacity};
  const ssize_t n = channel_.Receive(spans, static_cast<int>(count + 1));
  read_much_ = false;
  if (n <= 0) return AfterReceive(n, ConnState::kNread);
  const size_t value = std::min(static_cast<size_t>(n), wanted);
  session_.Received(value);
  in->end = static_cast<uint32_t>(static_cast<size_t>(n) - value);
  AfterReceive(n, ConnState::kNread);
  if (value < wanted) return Enter(ConnState::kNread, false);
  NoteCommand();
  return true;
}

bool Conn::Mwrite() {
  switch (host_.transport->Resume(&channel_, &unsent_)) {
    case SendStatus::kBlocked:
      return false;
    case SendStatus::kBroken:
      return Enter(ConnState::kClosing, false);
    case SendStatus::kDone:
      break;
  }
  if (close_after_write_ || !WaitFor(Poller::kRead)) {
    return Enter(ConnState::kClosing, false);
  }
  NoteCommand();
  return Enter(ConnState::kParseCmd, true);
}

// --- The end of a turn. ---

// Sends, keeps what is left of the input, and sees to it that there will be
// another turn.
CUCACHE_ALWAYS_INLINE void Conn::Settle() {
  const Wish wish = std::exchange(wish_, Wish::kNothing);
  const bool wants_turn =
      wish != Wish::kNothing || (channel_.has_more && !close_after_write_);
  if (state() == ConnState::kClosing) return Close();
  if (state() == ConnState::kMwrite) return;
  if (state() == ConnState::kWatch) return BeginWatch();
  const bool more_first =
      wants_turn || (session_.swallowing() && !close_after_write_);
  if (!more_first || !host_.transport->Park()) {
    const SendStatus sent = host_.transport->Finish();
    if (sent == SendStatus::kBroken) return Close();
    if (sent == SendStatus::kDone && close_after_write_) return Close();
    if (sent == SendStatus::kBlocked) {
      // A dump may have gone out without a wait until now.
      if (session_.dumping()) NoteCommand();
      Enter(ConnState::kMwrite, false);
      if (!WaitFor(Poller::kWrite)) return Close();
    }
  }
  if (!KeepInput()) return RefuseInput();
  if (state() == ConnState::kMwrite) return;
  if (!FollowChannel()) return Close();
  if (!wants_turn) return;
  queued_ = true;
  if (wish == Wish::kLogin) return AwaitLogin();
  host_.QueueTurn(this);
}

// That may take seconds, in which the worker must not be woken by input that
// nobody reads.
void Conn::AwaitLogin() {
  Unregister();
  host_.QueueLogin(this);
}

// What the client sent behind its `watch` is thrown away, as what it sends from
// now on.
void Conn::BeginWatch() {
  if (host_.transport->Finish() != SendStatus::kDone) {
    host_.executor->RefuseWatch();
    return Close();
  }
  host_.input->Clear();
  Unregister();
  host_.Watch(this);
}

void Conn::EndWatch() {
  reason_ = CloseReason::kNormal;
  Close();
}

void Conn::Shutdown() {
  reason_ = CloseReason::kShutdown;
  // What it parked are replies to what was executed.
  if (unsent_ != nullptr && state() != ConnState::kMwrite) {
    host_.transport->Begin(&channel_, &unsent_);
    (void)host_.transport->Finish();
  }
  Close();
}

void Conn::LogEvent(const char* type, const char* reason) {
  EventBuffer& events = host_.executor->thread().events();
  if (!events.Wants(kWatchConnEvents)) return;
  events.Write({.kind = kWatchConnEvents}, ConnEventText(type, fd(), reason));
}

void Conn::LogTlsFailure() {
  EventBuffer& events = host_.executor->thread().events();
  if (!events.Wants(kWatchConnEvents)) return;
  const std::string why = TlsFailure(channel_);
  if (why.empty()) return;
  events.Write({.kind = kWatchConnEvents}, TlsErrorText(fd(), why));
}

CUCACHE_ALWAYS_INLINE void Conn::BorrowInput() {
  if (kept_ != nullptr) BorrowKept();
}

void Conn::BorrowKept() {
  if (kept_->capacity == BufferPool::kFullSize) {
    host_.pool->Uncharge(kept_);
    host_.pool->GiveFull(host_.input);
    host_.input = kept_;
  } else {
    host_.input->Clear();
    std::memcpy(host_.input->base(), kept_->data(), kept_->size());
    host_.input->end = static_cast<uint32_t>(kept_->size());
    host_.pool->Release(kept_);
  }
  kept_ = nullptr;
}

CUCACHE_ALWAYS_INLINE bool Conn::KeepInput() {
  if (!host_.input->empty()) return KeepRest();
  host_.input->Clear();
  return true;
}

bool Conn::KeepRest() {
  Buffer* in = host_.input;
  const bool much = in->size() > kCopyInput && state() != ConnState::kMwrite;
  if (much && KeepBuffer()) return true;
  kept_ = host_.pool->Copy(in->data(), in->size());
  in->Clear();
  return kept_ != nullptr;
}

// Instead of a copy; false: that costs more than there is.
bool Conn::KeepBuffer() {
  Buffer* const in = host_.input;
  if (!host_.pool->Charge(in)) return false;
  Buffer* const fresh = host_.pool->TakeFull();
  if (fresh == nullptr) {
    host_.pool->Uncharge(in);
    return false;
  }
  kept_ = in;
  host_.input = fresh;
  return true;
}

void Conn::RefuseInput() {
  host_.stats->read_buf_oom.Add();
  // Replies that were parked stand in front of it.
  if (state() != ConnState::kMwrite &&
      host_.transport->Finish() == SendStatus::kDone) {
    static constexpr char kError[] =
        "SERVER_ERROR out of memory reading request\r\n";
    const iovec span = {const_cast<char*>(kError), sizeof(kError) - 1};
    // If it does not fit, the client will see the end all the same.
    (void)channel_.Send(&span, 1, false);
  }
  Close();
}

void Conn::CloseIfIdle(RelTime timeout) {
  const ConnState now = state();
  if (now != ConnState::kNewCmd && now != ConnState::kRead) return;
  if (queued_) return;  // it will be called
  if (host_.clock->now() - last_command() <= timeout) return;
  VLOG(2) << "Closing idle fd " << fd();
  host_.stats->idle_kicks.Add();
  CloseFor(CloseReason::kIdleTimeout);
}

void Conn::CloseIfStuck() {
  if (state() != ConnState::kMwrite || !session_.dumping()) return;
  if (host_.clock->now() - last_command() <= kDumpPatience) return;
  LOG(WARNING) << "fd " << fd() << " does not take the dump it asked for";
  CloseFor(CloseReason::kError);
}

void Conn::CloseFor(CloseReason reason) {
  host_.BeginTurn();
  reason_ = reason;
  ConnHost& host = host_;
  Close();
  host.EndTurn();
}

void Conn::Close() {
  VLOG(2) << "<" << fd() << " connection closed.";
  LogTlsFailure();
  LogEvent("conn_close", ReasonText(reason_));
  Enter(ConnState::kClosing, false);
  Unregister();
  host_.transport->Abandon();
  host_.transport->Drop(&unsent_);
  host_.input->Clear();
  host_.pool->Release(kept_);
  kept_ = nullptr;
  host_.Discard(this);
}

}  // namespace cucache
