// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Replies that go over the whole cache: lru_crawler metadump, mgdump and
// msdump, stats cachedump, stats sizes. They are made piece by piece, each with
// a bounded number of items, so that the worker can serve others in between,
// and none while the client does not read.
//
// lru_crawler's dumps walk over keys (cache/key_walk.h): a key that is there
// from the first piece to the last is in the dump, whatever the table and the
// item do meanwhile; it may be there twice. The others walk over pages, and
// miss a key that is overwritten at the wrong moment. (Counterpart: the crawler
// modules of crawler.c, item_cachedump, item_stats_sizes. msdump is cucache's
// own.)
//
// Thread safety: by the thread of the CacheThread it was made with. No item is
// held between two calls.

#ifndef CUCACHE_COMMAND_DUMP_H_
#define CUCACHE_COMMAND_DUMP_H_

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/stats.h"
#include "cache/cache.h"

namespace cucache {

// Where the pieces go.
class DumpSink {
 public:
  virtual ~DumpSink() = default;
  virtual void Append(std::string_view bytes) = 0;
  // The value of an item, which is valid until the thread's next quiescent
  // state: the sink pins it if it needs it longer.
  virtual void AppendValue(Item* item) = 0;
};

class DumpStream {
 public:
  virtual ~DumpStream() = default;
  // Gives the next bytes of the reply (possibly none) to the sink. Returns true
  // while there is more.
  [[nodiscard]] virtual bool Next(DumpSink& sink) = 0;
};

using SlabClassSet = std::bitset<ClassNumbers::kLimit>;

// These three return nullptr when too many dumps are under way.
//
// OK, a line of key=... per item, END.
std::unique_ptr<DumpStream> MakeMetadump(Cache& cache,
                                         const SlabClassSet& classes);
// OK, a line "mg <key>" per item, EN. A key that would not survive a line as
// it is comes as base64 with the b flag.
std::unique_ptr<DumpStream> MakeMgdump(Cache& cache,
                                       const SlabClassSet& classes);
// OK, the commands that store each item as it is, EN:
//   ms <key> <length> [b] [F<flags>] [T<unix time of expiry>] E<cas>
//   <value>
// and behind a stale item `md <key> q [b] I C<cas>`, which makes it stale
// again.
std::unique_ptr<DumpStream> MakeMsdump(Cache& cache,
                                       const SlabClassSet& classes);
// ITEM lines for at most `limit` items of a class (0: no limit, but two
// megabytes), END. Keys that would break the line are left out.
std::unique_ptr<DumpStream> MakeCachedump(Cache& cache, int slab_class,
                                          uint32_t limit);
// STAT lines: how many items need so many bytes, in steps of 32; END.
std::unique_ptr<DumpStream> MakeSizes(Cache& cache);

}  // namespace cucache

#endif  // CUCACHE_COMMAND_DUMP_H_
