// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "t/bench/replay/replayer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <thread>

namespace cucache::replay {

namespace {

using std::chrono::steady_clock;

constexpr size_t kDigits = 10;
// A value begins with the number of its key, as far as it has room.
constexpr size_t kMarkBytes = sizeof(uint64_t);
constexpr auto kProgressInterval = std::chrono::milliseconds(500);

double SecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

}  // namespace

Replayer::Replayer(const Options& options, const sim::Workload& workload)
    : options_(options),
      workload_(workload),
      last_batch_of_(workload.unique, 0) {}

bool Replayer::Fail(const std::string& what) {
  if (error_.empty()) error_ = what;
  return false;
}

bool Replayer::Run() {
  if (!connection_.Open(options_.host, options_.port)) {
    return Fail(connection_.error());
  }
  start_ = shown_ = steady_clock::now();
  const uint64_t total = workload_.keys.size();
  for (uint64_t at = 0; at < total;) {
    at += GatherBatch(at);
    AppendGet();
    if (!Exchange()) return false;
    CountBatch();
    AppendSets();
    if (options_.rate > 0) Pace(at);
    if (options_.progress) ShowProgress(at);
  }
  batch_.clear();
  if (!Exchange()) return false;  // the last sets
  counts_.seconds = SecondsSince(start_);
  return true;
}

// --- Out. ---

size_t Replayer::GatherBatch(uint64_t from) {
  batch_.clear();
  ++batches_;
  const uint64_t total = workload_.keys.size();
  for (uint64_t at = from; at < total && batch_.size() < options_.batch; ++at) {
    const uint32_t key = workload_.keys[at];
    if (last_batch_of_[key] == batches_) break;
    last_batch_of_[key] = batches_;
    batch_.push_back({at, key, false});
  }
  return batch_.size();
}

void Replayer::AppendKey(uint32_t key) {
  char text[256];
  const size_t size = std::min(sizeof(text), options_.key_size);
  std::memset(text, 'k', size);
  for (size_t i = 1; i <= std::min(size, kDigits); ++i, key /= 10) {
    text[size - i] = static_cast<char>('0' + key % 10);
  }
  out_.append(text, size);
}

void Replayer::AppendGet() {
  out_ += "get";
  for (const Request& request : batch_) {
    out_ += ' ';
    AppendKey(request.key);
  }
  out_ += "\r\n";
}

uint32_t Replayer::Ttl(const Request& request) const {
  uint64_t seconds = workload_.TraceTtl(request.number);
  if (seconds == 0 && options_.ttl != 0) {
    seconds = options_.ttl / 2 + sim::Mix(request.key ^ 0x77) % options_.ttl;
  }
  if (seconds == 0) return 0;
  const double scaled = static_cast<double>(seconds) / options_.ttl_scale;
  return static_cast<uint32_t>(std::clamp(std::round(scaled), 1.0, 2.5e6));
}

void Replayer::AppendSet(const Request& request) {
  const uint32_t size = workload_.ValueSize(request.key, request.number);
  out_ += "set ";
  AppendKey(request.key);
  out_ += " 0 " + std::to_string(Ttl(request)) + ' ' + std::to_string(size) +
          "\r\n";
  const uint64_t mark = request.key;
  const size_t marked = std::min<size_t>(size, kMarkBytes);
  out_.append(reinterpret_cast<const char*>(&mark), marked);
  if (filler_.size() < size) filler_.resize(size, 'v');
  out_.append(filler_, 0, size - marked);
  out_ += "\r\n";
  ++sets_;
}

void Replayer::AppendSets() {
  for (const Request& request : batch_) {
    if (!request.hit || workload_.Overwrites(request.number)) {
      AppendSet(request);
    }
  }
}

// --- In. ---

bool Replayer::Exchange() {
  if (!connection_.Send(out_)) return Fail(connection_.error());
  out_.clear();
  return ReadSetReplies() && (batch_.empty() || ReadValues());
}

bool Replayer::ReadSetReplies() {
  std::string_view line;
  for (; sets_ != 0; --sets_) {
    if (!connection_.ReadLine(&line)) return Fail(connection_.error());
    if (line == "STORED") {
      ++counts_.stored;
    } else if (line.starts_with("SERVER_ERROR out of memory")) {
      ++counts_.refused;
    } else if (line.starts_with("SERVER_ERROR object too large")) {
      ++counts_.too_large;
    } else {
      return Fail("a set was answered by " + std::string(line));
    }
  }
  return true;
}

bool Replayer::ReadValues() {
  std::string_view line;
  for (size_t at = 0;;) {
    if (!connection_.ReadLine(&line)) return Fail(connection_.error());
    if (line == "END") return true;
    if (!ReadValue(line, &at)) return false;
  }
}

// "VALUE key flags size". Values come in the order of the keys asked for; `at`
// is the first that may be next.
bool Replayer::ReadValue(std::string_view head, size_t* at) {
  const std::string copy(head);
  if (!head.starts_with("VALUE ") || head.size() < 6 + options_.key_size + 4) {
    return Fail("a get was answered by " + copy);
  }
  const size_t digits = std::min(kDigits, options_.key_size);
  const char* key_end = head.data() + 6 + options_.key_size;
  uint32_t key = 0;
  std::from_chars(key_end - digits, key_end, key);
  size_t size = 0;
  std::from_chars(head.data() + head.rfind(' ') + 1, head.data() + head.size(),
                  size);
  while (*at < batch_.size() && batch_[*at].key != key) ++*at;
  if (*at == batch_.size()) return Fail("not asked for: " + copy);
  batch_[(*at)++].hit = true;

  std::string_view value;
  if (!connection_.Read(size + 2, &value)) return Fail(connection_.error());
  const uint64_t mark = key;
  const size_t marked = std::min(size, kMarkBytes);
  if (std::memcmp(value.data(), &mark, marked) != 0 ||
      !value.ends_with("\r\n")) {
    ++counts_.wrong;
  }
  return true;
}

void Replayer::CountBatch() {
  const uint64_t half = workload_.keys.size() / 2;
  for (const Request& request : batch_) {
    const uint64_t missed = request.hit ? 0 : 1;
    ++counts_.requests;
    counts_.misses += missed;
    if (request.number < half) continue;
    ++counts_.late_requests;
    counts_.late_misses += missed;
  }
}

// --- Time. ---

void Replayer::Pace(uint64_t done) const {
  const auto due =
      std::chrono::duration<double>(static_cast<double>(done) / options_.rate);
  std::this_thread::sleep_until(
      start_ + std::chrono::duration_cast<steady_clock::duration>(due));
}

void Replayer::ShowProgress(uint64_t done) {
  const auto now = steady_clock::now();
  if (now - shown_ < kProgressInterval) return;
  shown_ = now;
  fprintf(stderr, "\r%3.0f %%  %.2f M requests a second ",
          100.0 * static_cast<double>(done) /
              static_cast<double>(workload_.keys.size()),
          static_cast<double>(done) / SecondsSince(start_) / 1e6);
}

}  // namespace cucache::replay
