// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Batches of a worker: what is sent, and what is made of the replies.

#include <event2/event.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "t/bench/load/worker.h"

namespace cucache::load {
namespace {

constexpr size_t kReadAhead = size_t{64} << 10;

std::string Printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes.substr(0, 60)) {
    const bool plain = c >= ' ' && c < 127;
    text += plain ? c : '.';
  }
  return text;
}

}  // namespace

char* Worker::BuildGet(Connection* connection, char* out) {
  const size_t first = connection->ids.size();
  for (int i = 0; i < options_.keys_per_get; ++i) {
    connection->ids.push_back(picker_.Next());
  }
  const size_t end = connection->ids.size();
  connection->commands.push_back({CommandKind::kGet, first, end});
  return codec_->Get(out, connection->ids.data() + first, end - first);
}

char* Worker::BuildSet(Connection* connection, char* out) {
  const size_t first = connection->ids.size();
  connection->ids.push_back(picker_.Next());
  connection->commands.push_back({CommandKind::kSet, first, first + 1});
  return codec_->Set(out, connection->ids.back(), ++sequence_);
}

char* Worker::BuildLoad(Connection* connection, uint64_t count, char* out) {
  for (uint64_t i = 0; i < count; ++i) {
    connection->ids.push_back(picker_.Next());
    out = codec_->QuietSet(out, connection->ids.back(), ++sequence_);
  }
  connection->commands.push_back({CommandKind::kQuietSet, 0, count});
  return codec_->NoOp(out);
}

char* Worker::BuildBatch(Connection* connection, char* out) {
  uint64_t count = options_.pipeline;
  if (limited_) {
    count = std::min(count, requests_left_);
    requests_left_ -= count;
  }
  connection->commands.clear();
  connection->ids.clear();
  connection->command = connection->key = 0;
  if (options_.operation == Operation::kLoad) {
    return BuildLoad(connection, count, out);
  }
  const double get_ratio = options_.operation == Operation::kGet ? 1
                           : options_.operation == Operation::kSet
                               ? 0
                               : options_.get_ratio;
  for (uint64_t i = 0; i < count; ++i) {
    const bool get =
        get_ratio >= 1 || (get_ratio > 0 && random_.Unit() <= get_ratio);
    out = get ? BuildGet(connection, out) : BuildSet(connection, out);
  }
  return out;
}

void Worker::StartBatch(Connection* connection, uint64_t start_ns) {
  char* const end = BuildBatch(connection, output_.data());
  connection->busy = true;
  ++busy_;
  connection->start_ns = start_ns != 0 ? start_ns : NowNs();
  const size_t size = end - output_.data();
  counts_.bytes_out += size;
  Send(connection, output_.data(), size);
}

void Worker::Send(Connection* connection, const char* data, size_t size) {
  ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(size)) return;
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    return Fail(std::string("the server closed a connection: send: ") +
                std::strerror(errno));
  }
  sent = std::max<ssize_t>(sent, 0);
  connection->unsent.assign(data + sent, size - sent);
  connection->unsent_at = 0;
  event_add(connection->writable, nullptr);
}

void Worker::OnWritable(Connection* connection) {
  const std::string_view rest =
      std::string_view(connection->unsent).substr(connection->unsent_at);
  const ssize_t sent =
      send(connection->fd, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    return Fail(std::string("the server closed a connection: send: ") +
                std::strerror(errno));
  }
  if (sent > 0) connection->unsent_at += sent;
  if (connection->unsent_at < connection->unsent.size()) {
    event_add(connection->writable, nullptr);
  } else {
    connection->unsent.clear();
  }
}

// Into the worker's buffer, or, behind the beginning of a record that came
// before, into the connection's.
ssize_t Worker::Receive(Connection* connection) {
  const size_t kept = connection->unread_size;
  char* to = input_.data();
  size_t room = input_.size();
  if (kept > 0) {
    to = connection->unread.data() + kept;
    room = connection->unread.size() - kept;
  }
  const ssize_t received = recv(connection->fd, to, room, 0);
  if (received > 0) {
    counts_.bytes_in += received;
  } else if (received == 0) {
    Fail("the server closed a connection");
  } else if (errno != EAGAIN && errno != EINTR) {
    Fail(std::string("the server closed a connection: recv: ") +
         std::strerror(errno));
  }
  return received;
}

void Worker::OnReadable(Connection* connection) {
  const size_t kept = connection->unread_size;
  const ssize_t received = Receive(connection);
  if (received <= 0) return;
  const char* data = kept > 0 ? connection->unread.data() : input_.data();
  const std::string_view in(data, kept + received);
  const uint64_t before = counts_.requests;
  size_t need = 0;
  const size_t used = Consume(connection, in, &need);
  if (failed_) return Publish();

  const uint64_t answered = counts_.requests - before;
  if (answered > 0 && signals_->measuring.load(std::memory_order_relaxed)) {
    histogram_.Record(NowNs() - connection->start_ns, answered);
  }
  KeepRest(connection, in.substr(used), need);
  Publish();
  if (!connection->busy && !failed_) WhenIdle(connection);
}

void Worker::KeepRest(Connection* connection, std::string_view rest,
                      size_t need) {
  connection->unread_size = rest.size();
  if (rest.empty()) return;
  if (!connection->busy) {
    ++counts_.wrong;
    return Fail("more was answered than asked: \"" + Printable(rest) + '"');
  }
  const size_t room = std::max(need, rest.size() + kReadAhead);
  if (connection->unread.size() < room) {
    std::vector<char> grown(room);
    std::memcpy(grown.data(), rest.data(), rest.size());
    connection->unread.swap(grown);
  } else {
    std::memmove(connection->unread.data(), rest.data(), rest.size());
  }
}

// Takes whole records off in until the batch is complete; how many bytes they
// were. need is the size of the record that was not whole, if known.
size_t Worker::Consume(Connection* connection, std::string_view in,
                       size_t* need) {
  size_t used = 0;
  while (connection->busy && used < in.size() && !failed_) {
    const Record record = codec_->Parse(in.substr(used));
    if (record.type == RecordType::kNeedMore) {
      *need = record.size;
      break;
    }
    if (record.type == RecordType::kBad) {
      ++counts_.wrong;
      Fail("wrong reply: \"" + Printable(in.substr(used)) + '"');
      break;
    }
    used += record.size;
    Accept(connection, record);
  }
  return used;
}

void Worker::Accept(Connection* connection, const Record& record) {
  const CommandKind kind = connection->commands[connection->command].kind;
  switch (record.type) {
    case RecordType::kValue:
    case RecordType::kLastValue:
      if (kind != CommandKind::kGet) break;
      AcceptValue(connection, record);
      if (record.type == RecordType::kLastValue) EndCommand(connection);
      return;
    case RecordType::kEnd:
      if (kind == CommandKind::kSet) break;
      return EndCommand(connection);
    case RecordType::kRefused:
      if (kind == CommandKind::kGet) break;
      ++counts_.refused;
      ++connection->key;
      if (kind == CommandKind::kSet) EndCommand(connection);
      return;
    case RecordType::kStored:
      if (kind != CommandKind::kSet) break;
      return EndCommand(connection);
    case RecordType::kNeedMore:
    case RecordType::kBad:
      break;
  }
  ++counts_.wrong;
  Fail("a reply of another kind than the request asks for");
}

// Keys that were not answered are misses of a get, and were stored by a set.
void Worker::EndCommand(Connection* connection) {
  const Command& command = connection->commands[connection->command];
  const uint64_t silent = command.end - connection->key;
  const bool get = command.kind == CommandKind::kGet;
  (get ? counts_.misses : counts_.stored) += silent;
  const bool each_counts = options_.quiet || !get;
  counts_.requests += each_counts ? command.end - command.first : 1;
  connection->key = command.end;
  if (++connection->command < connection->commands.size()) return;
  connection->busy = false;
  --busy_;
}

void Worker::AcceptValue(Connection* connection, const Record& record) {
  const size_t end = connection->commands[connection->command].end;
  uint64_t id = record.id;
  if (id == KeyFormat::kNoId && record.type == RecordType::kLastValue) {
    id = connection->ids[connection->key];  // the reply names no key
  }
  while (connection->key < end && connection->ids[connection->key] != id) {
    ++connection->key;
    ++counts_.misses;
  }
  if (connection->key == end) {
    ++counts_.wrong;
    return Fail("a value of a key that was not asked for");
  }
  ++connection->key;
  ++counts_.hits;
  if (options_.check_every == 0) return;
  if (++values_seen_ % options_.check_every != 0) return;
  ++counts_.checked;
  if (codec_->values().Check(record.value, id)) return;
  ++counts_.wrong;
  Fail("wrong value for key number " + std::to_string(id) + ": \"" +
       Printable({record.value, codec_->values().size()}) + '"');
}

}  // namespace cucache::load
