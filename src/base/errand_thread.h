// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A thread that does one thing whenever it is asked to, and sleeps otherwise:
// for what takes long, when the thread that asks must not wait for it. It has a
// lower priority than the threads that serve clients.
//
// Asked again while it is at it, it does it once more afterwards, however often
// it was asked. So each Ask() is followed by an errand that began later.
//
// Thread safety: Ask() by any thread at any time, also before Start() (it is
// done then); Start() and Stop() by the owner.

#ifndef CUCACHE_BASE_ERRAND_THREAD_H_
#define CUCACHE_BASE_ERRAND_THREAD_H_

#include <atomic>
#include <functional>
#include <string>
#include <thread>

namespace cucache {

class ErrandThread {
 public:
  explicit ErrandThread(std::function<void()> errand);
  ~ErrandThread() { Stop(); }
  ErrandThread(const ErrandThread&) = delete;
  ErrandThread& operator=(const ErrandThread&) = delete;

  // `name` as for StartThread().
  [[nodiscard]] bool Start(const char* name, std::string* error);
  void Ask() { Say(kErrand); }
  // Waits for the errand that is under way.
  void Stop();

 private:
  static constexpr int kErrand = 1;
  static constexpr int kStop = 2;

  void Say(int what);
  void Run();

  const std::function<void()> errand_;
  std::atomic<int> asked_{0};
  std::thread thread_;
};

}  // namespace cucache

#endif  // CUCACHE_BASE_ERRAND_THREAD_H_
