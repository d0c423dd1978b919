// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Replies that walk over the whole cache: lru_crawler metadump and mgdump,
// stats cachedump, stats sizes. They are made piece by piece, each with a
// bounded number of items, so that the worker can serve others in between; the
// walk goes over pages, so that an item which stays is seen exactly once
// however the table changes meanwhile. (Counterpart: the crawler modules of
// crawler.c, item_cachedump, item_stats_sizes.)
//
// Thread safety: by the thread of the CacheThread it was made with. No item is
// held between two calls.

#ifndef CUCACHE_COMMAND_DUMP_H_
#define CUCACHE_COMMAND_DUMP_H_

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>

#include "base/stats.h"
#include "cache/cache.h"

namespace cucache {

class DumpStream {
 public:
  virtual ~DumpStream() = default;
  // Appends the next bytes of the reply (possibly none). Returns true while
  // there is more.
  [[nodiscard]] virtual bool Next(std::string* chunk) = 0;
};

using SlabClassSet = std::bitset<kMaxSlabClasses>;

// OK, a line of key=... per item, END.
std::unique_ptr<DumpStream> MakeMetadump(Cache& cache, CacheThread& thread,
                                         const SlabClassSet& classes);
// OK, a line "mg <key>" per item, EN. A key that would not survive a line as
// it is comes as base64 with the b flag.
std::unique_ptr<DumpStream> MakeMgdump(Cache& cache, CacheThread& thread,
                                       const SlabClassSet& classes);
// ITEM lines for at most `limit` items of a class (0: no limit, but two
// megabytes), END. Keys that would break the line are left out.
std::unique_ptr<DumpStream> MakeCachedump(Cache& cache, CacheThread& thread,
                                          int slab_class, uint32_t limit);
// STAT lines: how many items need so many bytes, in steps of 32; END.
std::unique_ptr<DumpStream> MakeSizes(Cache& cache, CacheThread& thread);

}  // namespace cucache

#endif  // CUCACHE_COMMAND_DUMP_H_
