// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Bytes that nobody can guess, from the system.

#ifndef CUCACHE_BASE_RANDOM_H_
#define CUCACHE_BASE_RANDOM_H_

#include <glog/logging.h>
#include <sys/random.h>

#include <cstddef>

namespace cucache {

// At most 256 bytes, which come whole. Ends the process if the system has none
// to give: with others, clients could choose keys that collide, or try
// passwords without us.
inline void FillRandom(void* to, size_t bytes) {
  PCHECK(getrandom(to, bytes, 0) == static_cast<ssize_t>(bytes))
      << "The system gives no random bytes";
}

}  // namespace cucache

#endif  // CUCACHE_BASE_RANDOM_H_
