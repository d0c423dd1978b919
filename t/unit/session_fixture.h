// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// For tests of the protocols: a cache with an executor and without a server,
// an Output that is a string, and a client that cuts its bytes as it likes.

#ifndef CUCACHE_UNIT_SESSION_FIXTURE_H_
#define CUCACHE_UNIT_SESSION_FIXTURE_H_

#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/settings.h"
#include "cache/cache.h"
#include "cache/cache_thread.h"
#include "cache/value.h"
#include "command/executor.h"
#include "command/server_control.h"
#include "proto/binary.h"
#include "proto/output.h"
#include "proto/session.h"

namespace cucache {

// A request of the binary protocol without extras.
inline std::string Packet(Opcode opcode, std::string_view key = {},
                          std::string_view value = {}) {
  std::string packet(kBinaryHeader, '\0');
  packet[0] = kBinaryMagic;
  packet[1] = static_cast<char>(opcode);
  StoreBig(static_cast<uint16_t>(key.size()), packet.data() + 2);
  StoreBig(static_cast<uint32_t>(key.size() + value.size()), packet.data() + 8);
  return packet.append(key).append(value);
}

class StringOutput : public Output {
 public:
  StringOutput() : buffer_(kMaxRoom + 64) { Reset(); }

  void AppendValue(Item* item, size_t offset = 0) override {
    Collect();
    const size_t n = item->value_length - offset;
    const size_t before = text_.size();
    text_.resize(before + n);
    CopyValueOut(*item, offset, text_.data() + before, n);
    blocked_ |= stubborn_;
  }

  // From now on everything that is flushed blocks.
  void set_stubborn() { stubborn_ = true; }
  void set_blocked(bool blocked) { blocked_ = blocked; }
  const std::string& text() {
    Collect();
    return text_;
  }
  std::string Take() {
    Collect();
    return std::move(text_);
  }

 protected:
  void Flush() override {
    Collect();
    blocked_ |= stubborn_;
  }

 private:
  void Collect() {
    text_.append(buffer_.data(), static_cast<size_t>(at_ - buffer_.data()));
    Reset();
  }
  void Reset() {
    at_ = buffer_.data();
    end_ = at_ + kMaxRoom;
  }

  std::vector<char> buffer_;
  std::string text_;
  bool stubborn_ = false;
};

class LoneControl : public ServerControl {
 public:
  explicit LoneControl(ThreadStats& stats) : stats_(stats) {}
  ConnectionFigures connection_figures() override { return {}; }
  void SumStats(StatsSum* sum) override { sum->Add(stats_); }
  void ConnectionRows(const StatSink&) override {}
  void SetVerbosity(int) override {}
  void Shutdown(bool) override { ++shutdowns; }
  Authenticator* authenticator() override { return auth; }
  SaslService* sasl() override { return sasl_service; }

  int shutdowns = 0;
  // Before the first session.
  Authenticator* auth = nullptr;
  SaslService* sasl_service = nullptr;

 private:
  ThreadStats& stats_;
};

inline Settings SmallCacheSettings() {
  Settings settings;
  settings.maxbytes = 64 << 20;
  return settings;
}

// What one server has, for one thread.
class LoneServer {
 public:
  explicit LoneServer(Settings settings = SmallCacheSettings())
      : settings_(std::move(settings)),
        stats_(std::make_unique<ThreadStats>()),
        control_(*stats_),
        cache_(settings_, clock_),
        thread_(cache_, *stats_),
        executor_(cache_, thread_, settings_, control_) {
    thread_.Online();
  }
  ~LoneServer() { thread_.Offline(); }

  Clock& clock() { return clock_; }
  Settings& settings() { return settings_; }
  LoneControl& control() { return control_; }
  CacheThread& thread() { return thread_; }
  Executor& executor() { return executor_; }

 private:
  Clock clock_;
  Settings settings_;
  std::unique_ptr<ThreadStats> stats_;
  LoneControl control_;
  Cache cache_;
  CacheThread thread_;
  Executor executor_;
};

// A connection's side of a Session: keeps what was not consumed, obeys Next.
class LoneConnection {
 public:
  explicit LoneConnection(LoneServer& server)
      : server_(server), session_(server.executor()) {}

  Session& session() { return session_; }
  StringOutput& output() { return output_; }
  bool closed() const { return closed_; }
  size_t kept() const { return input_.size(); }
  int budget = 20;            // per call
  bool receive_spans = true;  // false: values go through Process() too
  size_t yields = 0;
  size_t longest_kept = 0;

  // Gives the session more bytes and runs it until it wants others.
  void Send(std::string_view bytes) {
    while (!bytes.empty() && !closed_) {
      if (receive_spans && input_.empty()) {
        bytes.remove_prefix(ReceiveInPlace(bytes));
      }
      input_.append(bytes);
      bytes = {};
      Run();
    }
  }
  // After kBlocked: the client reads.
  void Unblock() {
    output_.set_blocked(false);
    Run();
  }
  bool watches() const { return next_ == Session::Next::kWatch; }
  bool blocked() const { return next_ == Session::Next::kBlocked; }
  std::string Ask(std::string_view bytes) {
    Send(bytes);
    return output_.Take();
  }

 private:
  size_t ReceiveInPlace(std::string_view bytes) {
    size_t total = 0;
    iovec spans[3];
    for (;;) {
      const size_t n = session_.ReceiveSpans(spans, 3);
      size_t got = 0;
      for (size_t i = 0; i < n && total + got < bytes.size(); ++i) {
        const size_t part =
            std::min(spans[i].iov_len, bytes.size() - total - got);
        std::memcpy(spans[i].iov_base, bytes.data() + total + got, part);
        got += part;
      }
      if (got == 0) return total;
      session_.Received(got);
      total += got;
    }
  }

  void Run() {
    for (;;) {
      int left = budget;
      // A copy of the exact size, so that a sanitizer sees what reads past it.
      const std::vector<char> exact(input_.begin(), input_.end());
      const Session::Step step =
          session_.Process(exact.data(), exact.size(), output_, &left);
      server_.thread().Quiescent();
      input_.erase(0, step.consumed);
      longest_kept = std::max(longest_kept, input_.size());
      next_ = step.next;
      if (next_ != Session::Next::kYield && next_ != Session::Next::kLater) {
        break;
      }
      ++yields;
    }
    closed_ =
        next_ == Session::Next::kClose || next_ == Session::Next::kShutdown;
  }

  LoneServer& server_;
  StringOutput output_;
  Session session_;
  std::string input_;
  Session::Next next_ = Session::Next::kRead;
  bool closed_ = false;
};

}  // namespace cucache

#endif  // CUCACHE_UNIT_SESSION_FIXTURE_H_
