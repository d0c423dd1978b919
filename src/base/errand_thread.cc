// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/errand_thread.h"

#include <utility>

#include "base/threads.h"

namespace cucache {

ErrandThread::ErrandThread(std::function<void()> errand)
    : errand_(std::move(errand)) {}

bool ErrandThread::Start(const char* name, std::string* error) {
  return StartThread(
      name, [this] { Run(); }, &thread_, error);
}

void ErrandThread::Say(int what) {
  asked_.fetch_or(what, std::memory_order_release);
  asked_.notify_one();
}

void ErrandThread::Stop() {
  if (!thread_.joinable()) return;
  Say(kStop);
  thread_.join();
}

void ErrandThread::Run() {
  LowerPriority();
  for (;;) {
    asked_.wait(0, std::memory_order_relaxed);
    const int asked = asked_.exchange(0, std::memory_order_acquire);
    if ((asked & kStop) != 0) return;
    errand_();
  }
}

}  // namespace cucache
