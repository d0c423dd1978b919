// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/threads.h"

#include <glog/logging.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>
#include <utility>

namespace cucache {

bool StartThread(const char* name, std::function<void()> body,
                 std::thread* thread, std::string* error) {
  try {
    *thread = std::thread(std::move(body));
  } catch (const std::system_error& failure) {
    *error =
        "Can't create thread: " + failure.code().message() + " (" + name + ")";
    return false;
  }
  pthread_setname_np(thread->native_handle(), name);
  return true;
}

void LowerPriority() {
  // Of this thread only: a thread is a process of its own to the system.
  const auto self = static_cast<id_t>(gettid());
  const int below = getpriority(PRIO_PROCESS, self) + 5;
  PLOG_IF(WARNING, setpriority(PRIO_PROCESS, self, below) != 0)
      << "setpriority";
}

}  // namespace cucache
