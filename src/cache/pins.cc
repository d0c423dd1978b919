// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/pins.h"

namespace cucache {

void Pins::Pin(Item* item) {
  MutexLock lock(mu_);
  ++entries_[item].count;
  // Seen by whoever frees the item: the caller announces its next quiescent
  // state after this, and the grace period ends after that.
  item->state.fetch_or(Item::kPinned, std::memory_order_relaxed);
}

bool Pins::Unpin(Item* item) {
  MutexLock lock(mu_);
  const auto it = entries_.find(item);
  if (--it->second.count != 0) return false;
  const bool retired = it->second.retired;
  entries_.erase(it);
  return retired;
}

bool Pins::MayFree(Item* item) {
  if (!item->HasState(Item::kPinned)) return true;  // L1
  MutexLock lock(mu_);
  const auto it = entries_.find(item);
  if (it == entries_.end()) return true;
  it->second.retired = true;
  return false;
}

}  // namespace cucache
