// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Worlds: what one process measures. memcached lives in globals, so that each
// world is a process of its own, with a cache of each side, filled alike.
//
// Thread safety: none; made and used by the main thread.

#ifndef CUCACHE_T_BENCH_MODULES_WORLD_H_
#define CUCACHE_T_BENCH_MODULES_WORLD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "t/bench/modules/ours.h"
#include "t/bench/modules/peer.h"
#include "t/bench/modules/row.h"

namespace cucache::bench {

struct Shape {
  uint64_t megabytes = 1024;
  bool huge_pages = false;
  unsigned workers = 2;
  // memcached's table: log2 of the chains; 0: its default.
  unsigned hashpower = 0;
};

// Both caches. Ends with the process, never before: memcached cannot.
class Pair {
 public:
  explicit Pair(const Shape& shape);

  Ours& ours() { return *ours_; }
  void* worker(unsigned thread) const { return workers_[thread]; }
  bool has_peer() const { return PeerAvailable() != 0; }

  // Items first .. first + n - 1 into one side.
  void Fill(Who who, uint64_t first, uint64_t n, size_t value_bytes);
  // Into all that are there, then waits until tables have grown.
  void FillAll(uint64_t n, size_t value_bytes);
  void AwaitGrowth();

  // Sides of a row; without memcached only the first.
  std::vector<Side> Get(size_t value_bytes, size_t hits_per_key = 1);
  std::vector<Side> GetBatch(size_t batch, size_t value_bytes);
  std::vector<Side> Set(size_t value_bytes);
  // Adds memcached's part.
  void AddPeer(std::vector<Side>* sides,
               std::function<void(void*, const Key*, size_t)> run);

  uint64_t failed_sets(Who who) const {
    return who == Who::kCucache ? failed_sets_ : peer_failed_sets_;
  }

 private:
  std::unique_ptr<Ours> ours_;
  std::vector<void*> workers_;
  std::atomic<uint64_t> failed_sets_{0};
  std::atomic<uint64_t> peer_failed_sets_{0};
  std::vector<std::unique_ptr<char[]>> buffers_;
};

// A value that a side copies to; one per thread, never given back.
char* ScratchFor(unsigned thread);
[[noreturn]] void Fail(const std::string& what);

// Resident bytes of the process; those in huge pages.
uint64_t ResidentBytes();
uint64_t HugeBytes();

// Each registers the rows of a world.
void SmallWorld(const Options& options);       // 4,000 and 100,000 items
void LargeWorld(const Options& options);       // 10 million of 32 bytes
void Large200World(const Options& options);    // of 200 bytes
void SmallPagesWorld(const Options& options);  // as LargeWorld, without -L
void EvictWorld(const Options& options);
void HeldWorld(const Options& options);
void Held200World(const Options& options);
void ColdWorld(const Options& options);
void GrowthWorld(const Options& options);

}  // namespace cucache::bench

#endif  // CUCACHE_T_BENCH_MODULES_WORLD_H_
