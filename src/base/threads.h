// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Starting a thread where the system may have no room for it: limits of
// processes (RLIMIT_NPROC, pids of a control group), of locked memory and of
// addresses. (Counterpart: create_worker() and its kin, which look at what
// pthread_create says.)

#ifndef CUCACHE_BASE_THREADS_H_
#define CUCACHE_BASE_THREADS_H_

#include <functional>
#include <string>
#include <thread>

namespace cucache {

// `name` has at most 15 letters, and is what `top -H` shows. False, and why in
// *error, if there is no such thread.
[[nodiscard]] bool StartThread(const char* name, std::function<void()> body,
                               std::thread* thread, std::string* error);

// The calling thread gets what the others leave of the processors.
void LowerPriority();

}  // namespace cucache

#endif  // CUCACHE_BASE_THREADS_H_
