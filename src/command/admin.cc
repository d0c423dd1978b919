// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "command/admin.h"

#include <algorithm>
#include <iterator>

#include "base/strings.h"
#include "base/version.h"
#include "command/admin_internal.h"
#include "command/stats_command.h"

namespace cucache {

using admin::Call;
using admin::kBadFormat;

namespace {

// --- flush_all, verbosity, version, cache_memlimit, shutdown. ---

AdminNext FlushAll(const Call& call) {
  Executor& executor = call.executor;
  executor.stats().flush_cmds.Add();
  if (!executor.settings().flush_enabled) {
    return call.Say("CLIENT_ERROR flush_all not allowed");
  }
  int32_t delay = 0;
  const bool given = call.count() != (call.noreply ? 2u : 1u);
  if (given && !ParseI32(call.arg(1), &delay)) {
    return call.Say("CLIENT_ERROR invalid exptime argument");
  }
  Settings& settings = executor.settings();
  if (delay <= 0) {
    executor.cache().FlushAll(executor.thread());
    settings.oldest_live = executor.clock().now() - 1;
    return call.Say("OK");
  }
  // An absolute time that has passed flushes nothing, as in memcached.
  const RelTime when = executor.clock().FromExptime(delay);
  if (when > Clock::kExpired) {
    executor.cache().FlushAllAt(executor.thread(), when);
    settings.oldest_live = when - 1;
  }
  return call.Say("OK");
}

AdminNext Verbosity(const Call& call) {
  constexpr uint32_t kHighest = 2;
  uint32_t level;
  if (!ParseU32(call.arg(1), &level)) return call.Say(kBadFormat);
  level = std::min(level, kHighest);
  call.executor.settings().verbose = static_cast<int>(level);
  call.executor.control().SetVerbosity(static_cast<int>(level));
  return call.Say("OK");
}

AdminNext Version(const Call& call) {
  call.reply->append("VERSION ").append(kVersion).append("\r\n");
  return AdminNext::kDone;
}

AdminNext MemLimit(const Call& call) {
  constexpr uint32_t kLeast = 8, kMost = 1000000000;
  uint32_t megabytes;
  if (!ParseU32(call.arg(1), &megabytes)) return call.Say("ERROR");
  if (megabytes < kLeast) {
    return call.Say("MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m");
  }
  if (megabytes > kMost) {
    return call.Say(
        "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes");
  }
  const uint64_t bytes = static_cast<uint64_t>(megabytes) << 20;
  if (!call.executor.cache().SetMemLimit(bytes)) {
    return call.Say("MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust");
  }
  return call.Say("OK");
}

AdminNext Shutdown(const Call& call) {
  if (!call.executor.settings().shutdown_command) {
    return call.Say("SERVER_ERROR: shutdown not enabled");
  }
  const bool graceful = call.count() == 2 && call.arg(1) == "graceful";
  if (call.count() != 1 && !graceful) {
    return call.Say("CLIENT_ERROR invalid shutdown mode");
  }
  call.executor.control().Shutdown(graceful);
  return AdminNext::kClose;
}

// --- lru. ---

AdminNext LruTune(const Call& call) {
  uint32_t hot, warm;
  double hot_factor, warm_factor;
  if (!ParseU32(call.arg(2), &hot) || !ParseU32(call.arg(3), &warm) ||
      !ParseDouble(call.arg(4), &hot_factor) ||
      !ParseDouble(call.arg(5), &warm_factor)) {
    return call.Say("ERROR");
  }
  if (static_cast<uint64_t>(hot) + warm > 80) {
    return call.Say("ERROR hot and warm pcts must not exceed 80");
  }
  if (!(hot_factor > 0 && warm_factor > 0)) {
    return call.Say("ERROR hot/warm age factors must be greater than 0");
  }
  Settings& settings = call.executor.settings();
  settings.hot_lru_pct = static_cast<int>(hot);
  settings.warm_lru_pct = static_cast<int>(warm);
  settings.hot_max_factor = hot_factor;
  settings.warm_max_factor = warm_factor;
  return call.Say("OK");
}

AdminNext LruMode(const Call& call) {
  const std::string_view mode = call.arg(2);
  if (mode != "flat" && mode != "segmented") return call.Say("ERROR");
  call.executor.settings().lru_segmented = mode == "segmented";
  return call.Say("OK");
}

AdminNext LruTempTtl(const Call& call) {
  int32_t ttl;
  if (!ParseI32(call.arg(2), &ttl)) return call.Say("ERROR");
  Settings& settings = call.executor.settings();
  settings.temp_lru = ttl >= 0;
  if (ttl >= 0) settings.temporary_ttl = static_cast<uint32_t>(ttl);
  return call.Say("OK");
}

// Pages are queued here, not items, so these words mean nothing; they get the
// answer that memcached gives without its LRU maintainer, rather than an OK
// that changes nothing. But segmented is what the queues are. With
// -o lru_maintainer they are checked, and shown by `stats settings`.
AdminNext Lru(const Call& call) {
  if (call.arg(1) == "mode" && call.arg(2) == "segmented") return LruMode(call);
  if (!call.executor.settings().lru_maintainer_thread) {
    return call.Say("ERROR");
  }
  const std::string_view sub = call.arg(1);
  if (sub == "tune" && call.count() >= 6) return LruTune(call);
  if (sub == "mode" && call.count() >= 3) return LruMode(call);
  if (sub == "temp_ttl" && call.count() >= 3) return LruTempTtl(call);
  return call.Say("ERROR");
}

// --- slabs. ---

AdminNext SlabsReassign(const Call& call) {
  if (!call.executor.settings().slab_reassign) {
    return call.Say("CLIENT_ERROR slab reassignment disabled");
  }
  int32_t src, dst;
  if (!ParseI32(call.arg(2), &src) || !ParseI32(call.arg(3), &dst)) {
    return call.Say(kBadFormat);
  }
  switch (
      call.executor.cache().ReassignPage(call.executor.thread(), src, dst)) {
    case ReassignStatus::kOk:
      return call.Say("OK");
    case ReassignStatus::kBadClass:
      return call.Say("BADCLASS invalid src or dst class id");
    case ReassignStatus::kNoSpare:
      return call.Say("NOSPARE source class has no spare pages");
    case ReassignStatus::kSame:
      return call.Say("SAME src and dst class are identical");
  }
  return call.Say("ERROR");
}

AdminNext AutomoveWindow(const Call& call) {
  uint32_t window;
  if (call.count() < 4 || !ParseU32(call.arg(3), &window)) {
    return call.Say(kBadFormat);
  }
  if (window < 3 || window > 1800) {
    return call.Say("CLIENT_ERROR automove window too low or too high");
  }
  call.executor.settings().slab_automove_window = window;
  return call.Say("OK");
}

AdminNext SlabsAutomove(const Call& call) {
  Settings& settings = call.executor.settings();
  const std::string_view what = call.arg(2);
  if (what == "window") return AutomoveWindow(call);
  if (what == "ratio" || what == "freeratio") {
    double ratio;
    if (call.count() < 4 || !ParseDouble(call.arg(3), &ratio)) {
      return call.Say("ERROR");
    }
    (what == "ratio" ? settings.slab_automove_ratio
                     : settings.slab_automove_freeratio) = ratio;
    return call.Say("OK");
  }
  uint32_t level;
  if (!ParseU32(what, &level)) return call.Say(kBadFormat);
  if (level > 2) return call.Say("ERROR");
  settings.slab_automove = static_cast<int>(level);
  return call.Say("OK");
}

AdminNext SlabsCommand(const Call& call) {
  if (call.count() == 4 && call.arg(1) == "reassign") {
    return SlabsReassign(call);
  }
  if (call.count() >= 3 && call.arg(1) == "automove") {
    return SlabsAutomove(call);
  }
  return call.Say("ERROR");
}

// --- stats. ---

AdminNext StatsDetail(const Call& call) {
  Settings& settings = call.executor.settings();
  if (!settings.dump_enabled) {
    return call.Say("CLIENT_ERROR stats detail not allowed");
  }
  const std::string_view what = call.arg(2);
  if (what == "dump") {
    call.reply->append(
        call.executor.control().command_state().prefixes().Dump());
    return AdminNext::kDone;
  }
  if (what != "on" && what != "off") {
    return call.Say("CLIENT_ERROR usage: stats detail on|off|dump");
  }
  settings.detail_enabled = what == "on";
  return call.Say("OK");
}

AdminNext StatsCachedump(const Call& call) {
  if (!call.executor.settings().dump_enabled) {
    return call.Say("CLIENT_ERROR stats cachedump not allowed");
  }
  if (call.count() < 4) return call.Say("CLIENT_ERROR bad command line");
  uint32_t id, limit;
  if (!ParseU32(call.arg(2), &id) || !ParseU32(call.arg(3), &limit)) {
    return call.Say(kBadFormat);
  }
  if (id != 0 && !admin::IsSlabClass(id)) {
    return call.Say("CLIENT_ERROR Illegal slab id");
  }
  return call.Dump(
      MakeCachedump(call.executor.cache(), static_cast<int>(id), limit));
}

AdminNext StatsSizes(const Call& call) {
  if (!call.executor.settings().track_sizes) {
    return call.Say("STAT sizes_status disabled\r\nEND");
  }
  return call.Dump(MakeSizes(call.executor.cache()));
}

AdminNext Stats(const Call& call) {
  const std::string_view sub = call.arg(1);
  if (sub == "reset") {
    ResetStats(call.executor);
    return call.Say("RESET");
  }
  if (sub == "detail") return StatsDetail(call);
  if (sub == "cachedump") return StatsCachedump(call);
  if (sub == "sizes") return StatsSizes(call);
  const auto add = [&](std::string_view name, std::string_view value) {
    call.reply->append("STAT ").append(name).append(" ").append(value);
    call.reply->append("\r\n");
  };
  if (!CollectStats(call.executor, sub, add)) return call.Say("ERROR");
  return call.Say("END");
}

// --- watch. ---

struct Stream {
  std::string_view name;
  EventKind kind;
};

// There is no proxy here, so its streams are unknown words.
constexpr Stream kStreams[] = {
    {"fetchers", kWatchFetchers},     {"mutations", kWatchMutations},
    {"deletions", kWatchDeletions},   {"evictions", kWatchEvictions},
    {"connevents", kWatchConnEvents}, {"sysevents", kWatchSysEvents},
    {"rawcmds", kWatchRawCmds},
};

AdminNext Watch(const Call& call) {
  if (!call.executor.settings().watch_enabled) {
    return call.Say("CLIENT_ERROR watch commands not allowed");
  }
  // From here on lines are written by another thread.
  if (call.pipelined) return call.RefusePipelined();
  uint32_t kinds = 0;
  if (call.count() == 1) kinds = kWatchFetchers;
  for (size_t i = 1; i < call.count(); ++i) {
    const auto* stream =
        std::find_if(std::begin(kStreams), std::end(kStreams),
                     [&](const Stream& s) { return s.name == call.arg(i); });
    if (stream == std::end(kStreams)) return call.Say("ERROR");
    kinds |= stream->kind;
  }
  if (!call.executor.cache().events().ReserveWatcher()) {
    return call.Say("WATCHER_TOO_MANY log watcher limit reached");
  }
  call.executor.set_watch_kinds(kinds);
  return AdminNext::kWatch;
}

// --- For tests of the server. ---

// Moves the clock forward, so that a test of expiry need not wait. Unknown
// unless the program was started under a name that ends in -debug.
AdminNext DebugTime(const Call& call) {
  uint32_t seconds;
  if (!call.executor.settings().debug_commands ||
      !ParseU32(call.arg(1), &seconds)) {
    return call.Say("ERROR");
  }
  call.executor.cache().clock().Advance(seconds);
  return call.Say("OK");
}

// --- TLS, and what is not there. ---

AdminNext RefreshCerts(const Call& call) {
  // As if the word were unknown, as it is to a memcached without TLS.
  if (!kTlsBuilt) return call.Say("ERROR");
  std::string error;
  const OffLine reads_files(call.executor);
  const bool done = call.executor.control().RefreshCertificates(&error);
  return call.Say(done ? "OK" : error);
}

AdminNext Refuse(const Call& call) { return call.Say("ERROR"); }

struct Command {
  std::string_view name;
  AdminNext (*run)(const Call&);
  bool has_noreply;
};

constexpr Command kCommands[] = {
    {"stats", Stats, false},
    {"version", Version, false},
    {"flush_all", FlushAll, true},
    {"verbosity", Verbosity, true},
    {"cache_memlimit", MemLimit, true},
    {"shutdown", Shutdown, true},
    {"lru_crawler", admin::LruCrawler, true},
    {"lru", Lru, true},
    {"slabs", SlabsCommand, true},
    {"watch", Watch, false},
    {"debugtime", DebugTime, false},
    {"extstore", Refuse, true},
    {"refresh_certs", RefreshCerts, true},
};

const Command* FindCommand(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

}  // namespace

bool IsAdminCommand(std::string_view name) {
  return FindCommand(name) != nullptr;
}

AdminNext RunAdmin(Executor& executor, std::span<const std::string_view> tokens,
                   std::string* reply, bool pipelined) {
  const Command* command = tokens.empty() ? nullptr : FindCommand(tokens[0]);
  const bool noreply =
      command != nullptr && command->has_noreply && tokens.back() == "noreply";
  if (command == nullptr) {
    reply->append("ERROR\r\n");
    return AdminNext::kDone;
  }
  std::string text;
  const AdminNext next =
      command->run(Call{executor, tokens, noreply, pipelined, &text});
  if (!noreply || next == AdminNext::kDump) reply->append(text);
  return next;
}

}  // namespace cucache
