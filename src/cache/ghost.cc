// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/ghost.h"

#include <algorithm>

namespace cucache {

Ghost::~Ghost() { delete table_.load(std::memory_order_relaxed); }

Ghost::Bucket& Ghost::BucketOf(const Table& table, uint64_t hash) {
  // The top bits, stretched over the number of buckets: other bits than the
  // fingerprint's.
  const unsigned __int128 product =
      static_cast<unsigned __int128>(hash) * table.buckets;
  return table.bucket[static_cast<size_t>(product >> 64)];
}

void Ghost::Add(uint64_t hash) {
  // Acquire: the buckets behind the pointer are zeroed.
  Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return;
  Bucket& bucket = BucketOf(*table, hash);
  const uint16_t next = bucket.next.load(std::memory_order_relaxed);
  bucket.fingerprints[next % kWays].store(Fingerprint(hash),
                                          std::memory_order_relaxed);
  bucket.next.store(static_cast<uint16_t>((next + 1) % kWays),
                    std::memory_order_relaxed);
}

bool Ghost::Contains(uint64_t hash) const {
  Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return false;
  const uint16_t wanted = Fingerprint(hash);
  bool found = false;
  for (const auto& f : BucketOf(*table, hash).fingerprints) {
    found |= f.load(std::memory_order_relaxed) == wanted;
  }
  return found;
}

bool Ghost::Forget(uint64_t hash) {
  if (!Contains(hash)) return false;
  const Table& table = *table_.load(std::memory_order_acquire);
  const uint16_t wanted = Fingerprint(hash);
  for (auto& f : BucketOf(table, hash).fingerprints) {
    if (f.load(std::memory_order_relaxed) != wanted) continue;
    f.store(0, std::memory_order_relaxed);
    break;
  }
  return true;
}

void Ghost::Clear() {
  Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return;
  for (size_t b = 0; b < table->buckets; ++b) {
    for (auto& f : table->bucket[b].fingerprints) {
      f.store(0, std::memory_order_relaxed);
    }
  }
}

size_t Ghost::capacity() const {
  const Table* table = table_.load(std::memory_order_acquire);
  return table == nullptr ? 0 : table->buckets * kWays;
}

std::unique_ptr<Ghost::Table> Ghost::Resize(size_t entries) {
  auto table = std::make_unique<Table>();
  table->buckets = std::max<size_t>(1, (entries + kWays - 1) / kWays);
  table->bucket = std::make_unique<Bucket[]>(table->buckets);
  return std::unique_ptr<Table>(
      table_.exchange(table.release(), std::memory_order_acq_rel));
}

}  // namespace cucache
