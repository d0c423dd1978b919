// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// STAT of the binary protocol: the rows of command/stats_command.h, a packet
// each, and an empty packet behind them. (Counterpart: process_bin_stat,
// append_bin_stats.)
//
// Thread safety: any worker with its own Executor.

#ifndef CUCACHE_PROTO_BINARY_STATS_H_
#define CUCACHE_PROTO_BINARY_STATS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "command/executor.h"

namespace cucache {

// Appends the reply to STAT with the key `what`, which is a word of `stats`
// and its arguments, or empty. False: there is no such table, and nothing was
// appended. A reply that takes long is not appended, but left with the
// executor (Executor::TakeDump).
[[nodiscard]] bool AppendBinaryStats(Executor& executor, std::string_view what,
                                     uint32_t opaque, std::string* out);

}  // namespace cucache

#endif  // CUCACHE_PROTO_BINARY_STATS_H_
