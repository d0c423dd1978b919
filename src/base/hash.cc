// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/hash.h"

#include "base/random.h"

namespace cucache {

KeyHash::KeyHash() { FillRandom(&seed_, sizeof(seed_)); }

}  // namespace cucache
