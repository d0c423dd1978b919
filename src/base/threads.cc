// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/threads.h"

#include <pthread.h>

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

}  // namespace cucache
