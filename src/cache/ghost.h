// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Remembers the keys that were evicted from probation unread, each as a
// fingerprint of 16 bits. It has room for a certain number of them, and the
// next one to come pushes out about the oldest.
// (Source: the ghost queue of S3-FIFO, Yang et al., "FIFO queues are all you
// need for cache eviction", SOSP '23; here a FIFO in each small bucket instead
// of one for all.)
//
// Thread safety: Add, Forget, Clear, Prefetch by any thread; a race
// loses or doubles a few fingerprints, nothing else. Resize by one thread at a
// time, and the old array lives on for a grace period.

#ifndef CUCACHE_CACHE_GHOST_H_
#define CUCACHE_CACHE_GHOST_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "cache/assoc_layout.h"

namespace cucache {

class Ghost {
 public:
  Ghost() = default;
  Ghost(const Ghost&) = delete;
  Ghost& operator=(const Ghost&) = delete;

  void Add(uint64_t hash);
  // 0: it is not there. Otherwise about how many have come since, at least 1;
  // and once asked it is forgotten.
  uint64_t Forget(uint64_t hash);
  void Clear();
  // Fetches what the others look at.
  CUCACHE_ALWAYS_INLINE void Prefetch(uint64_t hash) const {
    const Table* table = table_.load(std::memory_order_acquire);
    if (table != nullptr) PrefetchLine(&BucketOf(*table, hash));
  }

  // How many fingerprints there is room for; 0 at first.
  size_t capacity() const;
  size_t bytes() const { return capacity() / kWays * sizeof(Bucket); }
  // Makes room for at least `entries`; keeps nothing. Returns the old table,
  // which the caller deletes after a grace period.
  struct Table;
  [[nodiscard]] std::unique_ptr<Table> Resize(size_t entries);

  ~Ghost();

 private:
  // A fingerprint is a lane of a word, so that four are compared at once. The
  // first lane says which is the oldest.
  static constexpr unsigned kWords = 8, kLanes = 4, kLaneBits = 16;
  static constexpr unsigned kWays = kWords * kLanes - 1;
  struct alignas(64) Bucket {
    std::atomic<uint64_t> words[kWords];
  };
  static_assert(sizeof(Bucket) == 64);

 public:
  struct Table {
    size_t buckets;
    std::unique_ptr<Bucket[]> bucket;
  };

 private:
  static uint16_t Fingerprint(uint64_t hash) {
    const uint16_t f = static_cast<uint16_t>(hash >> 20);
    return f == 0 ? 1 : f;
  }
  static Bucket& BucketOf(const Table& table, uint64_t hash) {
    // The top bits, stretched over the number of buckets: other bits than the
    // fingerprint's.
    const unsigned __int128 product =
        static_cast<unsigned __int128>(hash) * table.buckets;
    return table.bucket[static_cast<size_t>(product >> 64)];
  }
  // The lane that has it, 0 if none has.
  static unsigned Find(const Bucket& bucket, uint16_t fingerprint);
  static void Set(Bucket* bucket, unsigned lane, uint16_t value);

  std::atomic<Table*> table_{nullptr};
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_GHOST_H_
