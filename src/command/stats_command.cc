// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "command/stats_command.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <type_traits>

#include "base/version.h"

namespace cucache {
namespace {

// Everything that the rows of `stats` are made of.
struct General {
  const Clock& clock;
  const Settings& settings;
  StatsSum threads;
  CacheFigures cache;
  EventLog::Figures log;
  ServerControl::ConnectionFigures conns;
  rusage usage;

  explicit General(Executor& executor)
      : clock(executor.clock()),
        settings(executor.settings()),
        cache(executor.cache().figures()),
        log(executor.cache().events().figures()),
        conns(executor.control().connection_figures()) {
    executor.control().SumStats(&threads);
    getrusage(RUSAGE_SELF, &usage);
  }

  // memcached writes a number that gets no longer into the item it has. The
  // threads were summed after the cache, and may have added such numbers.
  uint64_t total_items() const {
    return cache.total_items -
           std::min(cache.total_items, threads.sums_in_place);
  }
};

std::string Seconds(const timeval& time) {
  char text[48];
  std::snprintf(text, sizeof(text), "%ld.%06ld", static_cast<long>(time.tv_sec),
                static_cast<long>(time.tv_usec));
  return text;
}

template <class T>
std::string Show(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "1" : "0";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else {
    return std::string(value);
  }
}

CommandState::Totals Totals(const General& s) {
  CommandState::Totals totals;
#define CUCACHE_TOTAL(name, when, value) totals[name] = value;
#define CUCACHE_OWN_TOTAL(name, value) totals[name] = value;
#include "command/stats_general.def"
  return totals;
}

// The value of a total since the last `stats reset`.
class Since {
 public:
  explicit Since(const CommandState& state) : baseline_(state.totals()) {}
  uint64_t operator()(std::string_view name, uint64_t value) const {
    const auto at = baseline_.find(name);
    const uint64_t before = at == baseline_.end() ? 0 : at->second;
    return CountedSince(before, value);
  }

 private:
  const CommandState::Totals baseline_;
};

void CollectGeneral(Executor& executor, const StatSink& sink) {
  CommandState& state = executor.control().command_state();
  General s(executor);
  state.Subtract(&s.threads);
  const Since since(state);
#define CUCACHE_ROW(name, when, value) \
  if (when) sink(name, Show(value));
#define CUCACHE_TOTAL(name, when, value) \
  if (when) sink(name, Show(since(name, value)));
#include "command/stats_general.def"
}

// What only cucache has.
void CollectOwn(Executor& executor, const StatSink& sink) {
  CommandState& state = executor.control().command_state();
  General s(executor);
  state.Subtract(&s.threads);
  const Since since(state);
#define CUCACHE_OWN(name, value) sink(name, Show(value));
#define CUCACHE_OWN_TOTAL(name, value) sink(name, Show(since(name, value)));
#include "command/stats_general.def"
}

// The counters of all threads since the last `stats reset`.
StatsSum Threads(Executor& executor) {
  StatsSum sum;
  executor.control().SumStats(&sum);
  executor.control().command_state().Subtract(&sum);
  return sum;
}

// --- stats items: (name, value of class figures c). ---
#define CUCACHE_ITEM_ROWS(X)                          \
  X("number", Number(c))                              \
  X("number_hot", c.number_hot)                       \
  X("number_warm", c.number_warm)                     \
  X("number_cold", c.number_cold)                     \
  X("age_hot", c.age_hot)                             \
  X("age_warm", c.age_warm)                           \
  X("age", c.age)                                     \
  X("mem_requested", c.mem_requested)                 \
  X("evicted", c.evicted)                             \
  X("evicted_nonzero", c.evicted_nonzero)             \
  X("evicted_time", c.evicted_time)                   \
  X("outofmemory", c.outofmemory)                     \
  X("tailrepairs", 0)                                 \
  X("reclaimed", c.reclaimed)                         \
  X("expired_unfetched", c.expired_unfetched)         \
  X("evicted_unfetched", c.evicted_unfetched)         \
  X("evicted_active", c.evicted_active)               \
  X("crawler_reclaimed", c.crawler_reclaimed)         \
  X("crawler_items_checked", c.crawler_items_checked) \
  X("lrutail_reflocked", 0)                           \
  X("moves_to_cold", 0)                               \
  X("moves_to_warm", c.moves_to_warm)                 \
  X("moves_within_lru", c.moves_within_lru)           \
  X("direct_reclaims", c.direct_reclaims)

uint64_t Number(const SlabClassFigures& c) {
  return c.number_hot + c.number_warm + c.number_cold;
}

void CollectItems(Executor& executor, const StatSink& sink) {
  for (const SlabClassFigures& c : executor.cache().class_figures()) {
    if (Number(c) == 0) continue;
    const std::string prefix = "items:" + std::to_string(c.id) + ":";
#define CUCACHE_SHOW(name, value) sink(prefix + name, Show(value));
    CUCACHE_ITEM_ROWS(CUCACHE_SHOW)
#undef CUCACHE_SHOW
  }
}

// --- stats slabs: class figures c, thread counters of the class t. ---
// free_chunks_end is 0 in memcached as well.
#define CUCACHE_SLAB_ROWS(X)              \
  X("chunk_size", c.chunk_size)           \
  X("chunks_per_page", c.chunks_per_page) \
  X("total_pages", c.total_pages)         \
  X("total_chunks", c.total_chunks)       \
  X("used_chunks", c.used_chunks)         \
  X("free_chunks", c.free_chunks)         \
  X("free_chunks_end", 0)                 \
  X("get_hits", t.get_hits)               \
  X("cmd_set", t.set_cmds)                \
  X("delete_hits", t.delete_hits)         \
  X("incr_hits", t.incr_hits)             \
  X("decr_hits", t.decr_hits)             \
  X("cas_hits", t.cas_hits)               \
  X("cas_badval", t.cas_badval)           \
  X("touch_hits", t.touch_hits)

using NumberRows = std::array<ClassCountersOf<uint64_t>, ClassNumbers::kLimit>;

NumberRows CommandsByNumber(Executor& executor) {
  const StatsSum threads = Threads(executor);
  NumberRows rows{};
  for (size_t i = 0; i < threads.slab.size(); ++i) {
    auto& row = rows[static_cast<size_t>(executor.cache().NumberOfRow(i))];
#define CUCACHE_ADD(name) row.name += threads.slab[i].name;
    CUCACHE_CLASS_COUNTERS(CUCACHE_ADD)
#undef CUCACHE_ADD
  }
  return rows;
}

void CollectSlabs(Executor& executor, const StatSink& sink) {
  const auto rows = CommandsByNumber(executor);
  uint64_t active = 0;
  for (const SlabClassFigures& c : executor.cache().class_figures()) {
    ++active;
    const ClassCountersOf<uint64_t>& t = rows[static_cast<size_t>(c.id)];
    const std::string prefix = std::to_string(c.id) + ":";
#define CUCACHE_SHOW(name, value) sink(prefix + name, Show(value));
    CUCACHE_SLAB_ROWS(CUCACHE_SHOW)
#undef CUCACHE_SHOW
  }
  sink("active_slabs", std::to_string(active));
  sink("total_malloced",
       std::to_string(executor.cache().figures().total_malloced));
}

void CollectSettings(Executor& executor, const StatSink& sink) {
  executor.settings().ForEach(
      [&](std::string_view name, std::string value) { sink(name, value); });
}

void CollectConnections(Executor& executor, const StatSink& sink) {
  executor.control().ConnectionRows(sink);
}

struct Table {
  std::string_view sub;
  void (*collect)(Executor&, const StatSink&);
};

constexpr Table kTables[] = {
    {"", CollectGeneral},          {"settings", CollectSettings},
    {"items", CollectItems},       {"slabs", CollectSlabs},
    {"conns", CollectConnections}, {"cucache", CollectOwn},
};

}  // namespace

bool CollectStats(Executor& executor, std::string_view sub,
                  const StatSink& sink) {
  for (const Table& table : kTables) {
    if (table.sub != sub) continue;
    table.collect(executor, sink);
    return true;
  }
  return false;
}

void ResetStats(Executor& executor) {
  CommandState& state = executor.control().command_state();
  executor.cache().ResetItemStats();
  const General s(executor);
  state.SetBaseline(s.threads, Totals(s));
  state.prefixes().Clear();
}

}  // namespace cucache
