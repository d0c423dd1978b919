// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Quiescent-state based reclamation: when may the memory of something that
// was unlinked be used again? (Counterpart: reader locks, reference counts and
// pause_threads. Source: Hart, McKenney, Brown, Walpole, "Performance of
// memory reclamation for lockless synchronization", JPDC 67, 2007.)
//
// Every thread that reads items owns one Participant. It is on line while it
// may hold a pointer into shared structures, and off line while it sleeps.
// Between two commands, when it holds none, it announces a quiescent state.
//
// Use: unlink; stamp = domain.Stamp(); later, when domain.Passed(stamp), no
// thread can hold what was unlinked before the stamp was taken.
//
// Invariants:
//   E1 A participant that is on line announces a value of the global epoch
//      that it read while it held nothing.
//   E2 The global epoch moves from e to e + 1 only when every participant
//      that is on line announces e. So while one holds a pointer it took when
//      announcing e, the global epoch is at most e + 1.
//   E3 A stamp is the global epoch, read after the unlink with a sequentially
//      consistent fence between (which may be another thread's, if the unlink
//      happens before it). With E2, what was unlinked before stamp s is
//      out of reach when the global epoch is at least s + 2.
//
// Thread safety: an EpochParticipant is made and destroyed by any thread (a
// mutex), and used by its owner only; Stamp, Passed, TryAdvance by any thread.
// Lock order: the registry mutex is a leaf.

#ifndef CUCACHE_BASE_EPOCH_H_
#define CUCACHE_BASE_EPOCH_H_

#include <atomic>
#include <cstdint>

#include "base/locks.h"

namespace cucache {

class EpochDomain;

class alignas(64) EpochParticipant {
 public:
  explicit EpochParticipant(EpochDomain& domain);  // registers, off line
  ~EpochParticipant();                             // must be off line
  EpochParticipant(const EpochParticipant&) = delete;
  EpochParticipant& operator=(const EpochParticipant&) = delete;

  // From here on this thread may hold items.
  void Online();
  // This thread holds none, and will take none before Online().
  void Offline();
  // This thread holds none right now. Cheap when the epoch has not moved.
  void Quiescent();
  bool online() const {
    return announced_.load(std::memory_order_relaxed) != kOffline;
  }

 private:
  friend class EpochDomain;
  void Announce(uint64_t epoch);
  static constexpr uint64_t kOffline = 0;

  EpochDomain& domain_;
  EpochParticipant* next_ = nullptr;  // guarded by the domain's mutex
  // On a line of its own: others read it when they want the epoch to advance.
  alignas(64) std::atomic<uint64_t> announced_{kOffline};
};

class EpochDomain {
 public:
  EpochDomain() = default;
  EpochDomain(const EpochDomain&) = delete;
  EpochDomain& operator=(const EpochDomain&) = delete;

  // To be called after an unlink (E3).
  uint64_t Stamp() const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return epoch_.load(std::memory_order_relaxed);
  }
  bool Passed(uint64_t stamp) const { return PassedAt(epoch(), stamp); }
  // The same for many stamps, with one look at epoch().
  static bool PassedAt(uint64_t epoch, uint64_t stamp) {
    return epoch >= stamp + 2;
  }
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

  // Moves the epoch on if everyone who is on line has announced it. Never
  // waits: when another thread is at it, that one does it.
  void TryAdvance();

 private:
  friend class EpochParticipant;

  alignas(64) std::atomic<uint64_t> epoch_{1};
  alignas(64) Mutex mu_;
  EpochParticipant* head_ GUARDED_BY(mu_) = nullptr;
};

}  // namespace cucache

#endif  // CUCACHE_BASE_EPOCH_H_
