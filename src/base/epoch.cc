// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/epoch.h"

namespace cucache {

EpochParticipant::EpochParticipant(EpochDomain& domain) : domain_(domain) {
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
  MutexLock lock(domain_.mu_);
  next_ = domain_.head_;
  domain_.head_ = this;
}

EpochParticipant::~EpochParticipant() {
  MutexLock lock(domain_.mu_);
  EpochParticipant** link = &domain_.head_;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
}

void EpochParticipant::Online() {
  // The epoch may move on between the load and the store. Then the announced
  // value is older than it could be, which only delays others (E2).
  Announce(domain_.epoch_.load(std::memory_order_acquire));
}

void EpochParticipant::Announce(uint64_t epoch) {
  // Release: what was read before, in the last stretch on line, happens before
  // the reuse of that memory.
  announced_.store(epoch, std::memory_order_release);
  // The loads of items that follow may not be satisfied before the announcement
  // is visible: either TryAdvance sees it, or those loads see the unlink that
  // came before (E3). An exchange would not do: it orders no later load on
  // weaker machines (t/model/epoch_model.cc finds it).
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void EpochParticipant::Offline() {
  // Release: every read of an item happens before the reuse of its memory,
  // which comes after an acquire load of this value in TryAdvance.
  announced_.store(kOffline, std::memory_order_release);
}

void EpochParticipant::Quiescent() {
  const uint64_t epoch = domain_.epoch_.load(std::memory_order_acquire);
  if (announced_.load(std::memory_order_relaxed) != epoch) Announce(epoch);
}

void EpochDomain::TryAdvance() {
  if (!mu_.TryLock()) return;
  const uint64_t epoch = epoch_.load(std::memory_order_relaxed);
  // Pairs with the fence in Announce().
  std::atomic_thread_fence(std::memory_order_seq_cst);
  bool all = true;
  for (EpochParticipant* p = head_; p != nullptr && all; p = p->next_) {
    const uint64_t seen = p->announced_.load(std::memory_order_acquire);
    all = seen == EpochParticipant::kOffline || seen == epoch;
  }
  // Release: whoever sees the new epoch sees what the announcers did before.
  if (all) epoch_.store(epoch + 1, std::memory_order_release);
  mu_.Unlock();
}

}  // namespace cucache
