// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What `stats` shows, as names and values; protocols make lines or packets of
// them. The order and the names are memcached's, values that mean nothing here
// are 0, and what only cucache has comes last. (Counterpart: server_stats,
// get_stats, item_stats, do_slabs_stats.)
//
// The rows of `stats` are the table in stats_general.def.
//
// Thread safety: any worker with its own Executor. The figures are sums of
// counters that others go on counting; they are no snapshot.

#ifndef CUCACHE_COMMAND_STATS_COMMAND_H_
#define CUCACHE_COMMAND_STATS_COMMAND_H_

#include <string_view>

#include "command/executor.h"
#include "command/server_control.h"

namespace cucache {

// The rows of `stats <sub>`; sub is "" (general), settings, items, slabs,
// conns, cucache. False: there is no such table.
bool CollectStats(Executor& executor, std::string_view sub,
                  const StatSink& sink);

// stats reset.
void ResetStats(Executor& executor);

}  // namespace cucache

#endif  // CUCACHE_COMMAND_STATS_COMMAND_H_
