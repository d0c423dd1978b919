// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "command/executor.h"

namespace cucache {

Executor::Executor(Cache& cache, CacheThread& thread, Settings& settings,
                   ServerControl& control)
    : cache_(cache),
      thread_(thread),
      stats_(thread.stats()),
      settings_(settings),
      control_(control),
      clock_(cache.clock()) {}

bool Executor::Inspect(const Request& request, ItemFacts* facts) {
  stats_.meta_cmds.Add();
  const Item* item = cache_.Find(thread_, HashOf(request), request.key);
  if (item == nullptr) return false;
  const RelTime now = clock_.now();
  const RelTime exptime = item->exptime.load(std::memory_order_relaxed);
  facts->item = item;
  facts->ttl = exptime == 0 ? -1 : static_cast<int64_t>(exptime) - now;
  facts->idle = item->idle(now);
  facts->cas = item->cas.load(std::memory_order_relaxed);
  facts->fetched = item->fetched();
  facts->slab_class = cache_.SlabClass(item);
  facts->size = cache_.ItemBytes(item);
  return true;
}

}  // namespace cucache
