// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/hash.h"

#include <sys/random.h>

#include <random>

namespace cucache {

KeyHash::KeyHash() {
  if (getrandom(&seed_, sizeof(seed_), 0) != sizeof(seed_)) {
    std::random_device source;
    seed_ = (static_cast<uint64_t>(source()) << 32) ^ source();
  }
}

}  // namespace cucache
