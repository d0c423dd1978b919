// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What a session does until its client has said who it is (-Y): a `set` whose
// value is "user password". Anything else is refused, and nothing of it
// executed. (Counterpart: try_read_command_asciiauth().)
//
// A line that is refused is all that is refused: what a client sends as its
// value is taken for the next line, as memcached does.

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "proto/tokens.h"
#include "proto/turn.h"

namespace cucache {
namespace {

constexpr std::string_view kUnauthenticated =
    "CLIENT_ERROR unauthenticated\r\n";
constexpr std::string_view kAuthTooLong =
    "CLIENT_ERROR auth token too long\r\n";
constexpr std::string_view kBadTermination =
    "CLIENT_ERROR bad command line termination\r\n";
constexpr std::string_view kBadToken =
    "CLIENT_ERROR bad authentication token format\r\n";
constexpr std::string_view kAuthFailure =
    "CLIENT_ERROR authentication failure\r\n";
constexpr std::string_view kAuthStored = "STORED\r\n";

// Above it the value is not waited for.
constexpr uint32_t kMaxToken = 16 * 1024;
// Shorter than any line that could be right; not worth an answer.
constexpr size_t kShortestLine = 6;
// Less is not looked at, not even an empty line.
constexpr size_t kShortestInput = 3;

// Of a line that begins as memcached asks; the name may be longer than "set".
bool ParseAuthLine(std::string_view text, uint32_t* length) {
  const Tokens tokens(text);
  return text.starts_with("set") && tokens.size() >= 5 &&
         ParseU32(tokens[4], length);
}

}  // namespace

Turn::Flow Turn::AuthLine() {
  if (left() < kShortestInput) return Stop(Next::kRead);
  if (*budget_ <= 0) return Stop(Next::kYield);
  const void* feed = std::memchr(at_, '\n', left());
  if (feed == nullptr) {
    const bool endless = left() > Session::kMaxLine;
    return Stop(endless ? Next::kShutdown : Next::kRead);
  }
  const Line line(at_, static_cast<const char*>(feed));
  const auto whole = static_cast<size_t>(line.next - at_) - 1;
  if (whole < kShortestLine) return Stop(Next::kShutdown);
  if (output_.blocked()) return Stop(Next::kBlocked);
  at_ = line.next;
  --*budget_;
  uint32_t length = 0;
  if (!ParseAuthLine(line.text, &length)) return Reply(kUnauthenticated);
  if (length > kMaxToken) return Reply(kAuthTooLong);
  s_.swallow_ = length;
  // What is too long to be right is not kept, only looked through.
  const bool possible = length <= Authenticator::kMaxPair;
  s_.keys_.any = false;
  s_.state_ = possible ? State::kAuthToken : State::kAuthLong;
  return true;
}

Turn::Flow Turn::AuthToken() {
  const auto length = static_cast<size_t>(s_.swallow_);
  if (left() < length + 2) return Stop(Next::kRead);
  if (output_.blocked()) return Stop(Next::kBlocked);
  const std::string_view token(at_, length);
  const bool ended = std::memcmp(at_ + length, "\r\n", 2) == 0;
  const size_t space = token.find(' ');
  const bool whole = ended && space != std::string_view::npos;
  Authenticator::Answer answer;
  if (whole) answer = Ask(token.substr(0, space), token.substr(space + 1));
  if (answer.slow) SpendTurn();
  if (answer.later) return Stop(Next::kLater);
  at_ += length + 2;
  s_.state_ = State::kAuthLine;
  if (!ended) return Reply(kBadTermination);
  if (!whole) return Reply(kBadToken);
  return LetIn(answer.right);
}

// Nobody has that password, but the replies are those of any other.
// keys_.any says that a space was seen.
Turn::Flow Turn::AuthLong() {
  const auto n = static_cast<size_t>(std::min<uint64_t>(left(), s_.swallow_));
  s_.keys_.any |= n != 0 && std::memchr(at_, ' ', n) != nullptr;
  at_ += n;
  s_.swallow_ -= n;
  if (s_.swallow_ != 0 || left() < 2) return Stop(Next::kRead);
  if (output_.blocked()) return Stop(Next::kBlocked);
  const bool ended = std::memcmp(at_, "\r\n", 2) == 0;
  at_ += 2;
  s_.state_ = State::kAuthLine;
  if (!ended) return Reply(kBadTermination);
  return s_.keys_.any ? LetIn(false) : Reply(kBadToken);
}

Authenticator::Answer Turn::Ask(std::string_view user,
                                std::string_view password) {
  LoginPace& pace = executor_.login_pace();
  const LoginPace::Clock::time_point start = LoginPace::Clock::now();
  const OffLine computes(executor_);
  const Authenticator::Answer answer =
      executor_.control().authenticator()->Check(user, password,
                                                 pace.MayBeSlow());
  if (answer.slow && !answer.later) pace.Took(LoginPace::Clock::now() - start);
  return answer;
}

Turn::Flow Turn::LetIn(bool right) {
  executor_.stats().auth_cmds.Add();
  if (!right) {
    executor_.stats().auth_errors.Add();
    return Reply(kAuthFailure);
  }
  s_.state_ = State::kCommand;
  return Reply(kAuthStored);
}

}  // namespace cucache
