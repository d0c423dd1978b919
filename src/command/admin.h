// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The rare commands, as text: stats, verbosity, version, flush_all,
// cache_memlimit, shutdown, lru_crawler, lru, slabs, watch, extstore,
// refresh_certs. (Counterpart: the table text_cmd_entries and what stands
// above it in proto_text.c.)
//
// Thread safety: any worker with its own Executor.

#ifndef CUCACHE_COMMAND_ADMIN_H_
#define CUCACHE_COMMAND_ADMIN_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "command/executor.h"

namespace cucache {

enum class AdminNext : uint8_t {
  kDone,   // send the reply
  kClose,  // close the connection
  kDump,   // send what executor.TakeDump() makes
  kWatch,  // from here on the client watches executor.watch_kinds()
};

// Executes the command tokens[0] and appends its reply, line ends and all.
// With `noreply` as last token there is none, neither for an error; where
// memcached has no noreply (stats, version, watch) it is a token as any other.
// `pipelined`: replies to other commands may still be on their way.
AdminNext RunAdmin(Executor& executor, std::span<const std::string_view> tokens,
                   std::string* reply, bool pipelined = false);

// True for the names that RunAdmin knows.
bool IsAdminCommand(std::string_view name);

}  // namespace cucache

#endif  // CUCACHE_COMMAND_ADMIN_H_
