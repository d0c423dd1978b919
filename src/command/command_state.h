// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the commands of all workers share beside the cache: the counters per
// prefix, and the sums that `stats reset` remembered. A counter has one writer
// and is never set back (base/stats.h); what a client sees is the sum less the
// baseline. (Counterpart: stats_reset(), which clears under every lock.)
//
// Thread safety: any thread; one mutex, which is a leaf.

#ifndef CUCACHE_COMMAND_COMMAND_STATE_H_
#define CUCACHE_COMMAND_COMMAND_STATE_H_

#include <cstdint>
#include <map>
#include <string>

#include "base/locks.h"
#include "base/stats.h"
#include "command/stats_prefix.h"

namespace cucache {

class CommandState {
 public:
  // Sums of what is counted elsewhere, by the name in `stats`.
  using Totals = std::map<std::string, uint64_t, std::less<>>;

  StatsPrefix& prefixes() { return prefixes_; }

  void SetBaseline(const StatsSum& threads, Totals totals) {
    MutexLock lock(mu_);
    threads_ = threads;
    totals_ = std::move(totals);
  }
  void Subtract(StatsSum* threads) const {
    MutexLock lock(mu_);
    threads->Subtract(threads_);
  }
  Totals totals() const {
    MutexLock lock(mu_);
    return totals_;
  }

 private:
  StatsPrefix prefixes_;
  mutable Mutex mu_;
  StatsSum threads_ GUARDED_BY(mu_);
  Totals totals_ GUARDED_BY(mu_);
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_COMMAND_STATE_H_
