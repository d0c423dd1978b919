// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Items that are kept beyond a grace period: large values on their way out
// through slow sockets. The only reference counts of cucache, and rare, so
// that a map under a mutex will do.
//
// Invariant L1: an item with a count has Item::kPinned set. The bit may be set
// without a count; then MayFree() finds that there is none.
//
// Thread safety: any thread. Pin() only while the caller may hold the item
// (within its epoch, or it holds a pin). The mutex is a leaf.

#ifndef CUCACHE_CACHE_PINS_H_
#define CUCACHE_CACHE_PINS_H_

#include <cstdint>
#include <unordered_map>

#include "base/locks.h"
#include "cache/item.h"

namespace cucache {

class Pins {
 public:
  void Pin(Item* item);
  // True: the item was given to MayFree() meanwhile, this was the last pin,
  // and the caller is to free it now.
  [[nodiscard]] bool Unpin(Item* item);
  // Asked when the grace period of an unlinked item is over. False: somebody
  // holds it still, and will be told by Unpin() to free it.
  [[nodiscard]] bool MayFree(Item* item);

 private:
  struct Entry {
    uint32_t count = 0;
    bool retired = false;
  };
  Mutex mu_;
  std::unordered_map<Item*, Entry> entries_ GUARDED_BY(mu_);
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_PINS_H_
