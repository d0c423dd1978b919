// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A cache with executors on it, without sockets, for the tests of src/command.

#ifndef CUCACHE_T_UNIT_COMMAND_FIXTURE_H_
#define CUCACHE_T_UNIT_COMMAND_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cache/cache.h"
#include "cache/value.h"
#include "command/admin.h"
#include "command/dump.h"
#include "command/executor.h"

namespace cucache {

class FakeControl : public ServerControl {
 public:
  ConnectionFigures connection_figures() override { return figures; }
  void SumStats(StatsSum* sum) override {
    std::lock_guard<std::mutex> lock(mu);
    for (const ThreadStats* stats : threads) sum->Add(*stats);
  }
  void ConnectionRows(const StatSink& sink) override {
    sink("7:addr", "tcp:127.0.0.1:1");
  }
  void SetVerbosity(int level) override { verbosity = level; }
  void Shutdown(bool graceful) override { shutdown = graceful ? 2 : 1; }
  bool RefreshCertificates(std::string*) override {
    on_refresh();
    return true;
  }

  ConnectionFigures figures;
  std::mutex mu;
  std::vector<const ThreadStats*> threads;
  int verbosity = -1;
  int shutdown = 0;
  std::function<void()> on_refresh = [] {};
};

inline std::string ValueOf(const Item* item) {
  std::string value(item->value_length, '?');
  CopyValueOut(*item, 0, value.data(), value.size());
  return value;
}

class StringSink final : public DumpSink {
 public:
  void Append(std::string_view bytes) override { text.append(bytes); }
  void AppendValue(Item* item) override { text.append(ValueOf(item)); }

  std::string text;
};

// What one worker has. On line from birth to death.
class Worker {
 public:
  Worker(Cache& cache, Settings& settings, FakeControl& control)
      : thread(cache, stats), executor(cache, thread, settings, control) {
    thread.Online();
    std::lock_guard<std::mutex> lock(control.mu);
    control.threads.push_back(&stats);
  }
  ~Worker() { thread.Offline(); }

  static Request Key(std::string_view key, int options = 0) {
    Request request;
    request.key = key;
    request.options = static_cast<uint16_t>(options);
    return request;
  }

  Result Fetch(const Request& request) {
    Lookup lookup{request.key, 0, nullptr};
    executor.Locator()(&lookup);
    executor.Gather(&lookup, 1);
    Result result;
    executor.Fetch(request, executor.Settle(lookup), &result);
    return result;
  }
  Result Get(std::string_view key, int options = 0) {
    return Fetch(Key(key, options));
  }
  // The value, or "-" for a miss.
  std::string Value(std::string_view key) {
    const Result result = Get(key);
    return result.status == Status::kHit ? ValueOf(result.item) : "-";
  }
  Result Store(Request request, std::string_view value) {
    request.value_length = static_cast<uint32_t>(value.size());
    Item* item = nullptr;
    Result result;
    result.status = executor.Reserve(request, &item);
    if (result.status != Status::kStored) return result;
    CopyValueIn(item, 0, value.data(), value.size());
    request.key = "the buffer of the key is gone by now";
    result = Result();
    executor.Store(request, item, &result);
    return result;
  }
  Result Set(std::string_view key, std::string_view value, int options = 0) {
    return Store(Key(key, options), value);
  }
  Result SetBinary(std::string_view key, std::string_view value) {
    Request request = Key(key);
    request.binary_key = true;
    return Store(request, value);
  }
  Result StoreAs(StoreMode mode, std::string_view key, std::string_view value,
                 int options = 0) {
    Request request = Key(key, options);
    request.mode = mode;
    return Store(request, value);
  }
  Result Cas(std::string_view key, std::string_view value, uint64_t cas,
             int options = 0) {
    Request request = Key(key, options | kCompareCas);
    request.cas = cas;
    return Store(request, value);
  }
  Result Delete(const Request& request) {
    Result result;
    executor.Delete(request, &result);
    return result;
  }
  Result Delete(std::string_view key, int options = 0) {
    return Delete(Key(key, options));
  }
  Result Count(const Request& request) {
    Result result;
    executor.Arithmetic(request, &result);
    return result;
  }
  Result Incr(std::string_view key, uint64_t delta, int options = 0) {
    Request request = Key(key, options);
    request.delta = delta;
    return Count(request);
  }
  Result Touch(std::string_view key, int64_t exptime) {
    Request request = Key(key, kTouch | kIsTouch);
    request.exptime = executor.clock().FromExptime(exptime);
    Result result;
    executor.Touch(request, &result);
    return result;
  }
  // An administrator's command, with its dump if it makes one.
  std::string Admin(const std::string& line, AdminNext* next = nullptr) {
    std::istringstream words(line);
    std::vector<std::string> strings;
    for (std::string word; words >> word;) strings.push_back(word);
    const std::vector<std::string_view> tokens(strings.begin(), strings.end());
    std::string reply;
    const AdminNext then = RunAdmin(executor, tokens, &reply);
    if (next != nullptr) *next = then;
    if (then != AdminNext::kDump) return reply;
    const std::unique_ptr<DumpStream> dump = executor.TakeDump();
    EXPECT_NE(dump, nullptr);
    EXPECT_EQ(executor.TakeDump(), nullptr);
    StringSink sink;
    while (dump->Next(sink)) thread.Quiescent();
    return reply + sink.text;
  }
  // A row of `stats`; "" if it is not there.
  std::string Stat(const std::string& name, const std::string& sub = "") {
    const std::string reply = Admin("stats " + sub);
    const std::string head = "STAT " + name + " ";
    const size_t at = reply.find(head);
    if (at == std::string::npos) return "";
    const size_t begin = at + head.size();
    return reply.substr(begin, reply.find('\r', begin) - begin);
  }

  ThreadStats stats;
  CacheThread thread;
  Executor executor;
};

class CommandTest : public ::testing::Test {
 protected:
  // `change` sets what the test needs otherwise.
  void Start(const std::function<void(Settings&)>& change = {}) {
    settings.maxbytes = 16 << 20;
    if (change) change(settings);
    cache = std::make_unique<Cache>(settings, clock);
    worker = std::make_unique<Worker>(*cache, settings, control);
  }
  void SetUp() override { Start(); }
  void Restart(const std::function<void(Settings&)>& change) {
    worker.reset();
    cache.reset();
    control.threads.clear();
    settings = Settings();
    Start(change);
  }
  void TearDown() override {
    worker.reset();
    cache.reset();
  }

  Clock clock;
  Settings settings;
  FakeControl control;
  std::unique_ptr<Cache> cache;
  std::unique_ptr<Worker> worker;
};

}  // namespace cucache

#endif  // CUCACHE_T_UNIT_COMMAND_FIXTURE_H_
