// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/ghost.h"

#include <algorithm>
#include <bit>

namespace cucache {

Ghost::~Ghost() { delete table_.load(std::memory_order_relaxed); }

// Exact, unlike the shorter test that subtracts, which may take a lane above
// one that is zero for zero, too: no lane borrows from another here.
unsigned Ghost::Find(const Bucket& bucket, uint16_t fingerprint) {
  constexpr uint64_t kOnes = 0x0001000100010001, kLow = 0x7fff * kOnes;
  const uint64_t wanted = fingerprint * kOnes;
  for (unsigned w = 0; w < kWords; ++w) {
    const uint64_t x = bucket.words[w].load(std::memory_order_relaxed) ^ wanted;
    // The top bit of each lane that is not zero.
    uint64_t zero = ~(((x & kLow) + kLow) | x | kLow);
    if (w == 0) zero &= ~uint64_t{0xffff};
    if (zero != 0) {
      return w * kLanes +
             static_cast<unsigned>(std::countr_zero(zero)) / kLaneBits;
    }
  }
  return 0;
}

void Ghost::Set(Bucket* bucket, unsigned lane, uint16_t value) {
  std::atomic<uint64_t>& word = bucket->words[lane / kLanes];
  const unsigned shift = lane % kLanes * kLaneBits;
  const uint64_t rest =
      word.load(std::memory_order_relaxed) & ~(uint64_t{0xffff} << shift);
  word.store(rest | uint64_t{value} << shift, std::memory_order_relaxed);
}

void Ghost::Add(uint64_t hash) {
  // Acquire: the buckets behind the pointer are zeroed.
  Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return;
  Bucket& bucket = BucketOf(*table, hash);
  const auto oldest = static_cast<uint16_t>(
      bucket.words[0].load(std::memory_order_relaxed) & 0xffff);
  Set(&bucket, oldest % kWays + 1, Fingerprint(hash));
  Set(&bucket, 0, static_cast<uint16_t>((oldest + 1) % kWays));
}

uint64_t Ghost::Forget(uint64_t hash) {
  Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return 0;
  Bucket& bucket = BucketOf(*table, hash);
  const unsigned lane = Find(bucket, Fingerprint(hash));
  if (lane == 0) return 0;
  Set(&bucket, lane, 0);
  // Its place in the FIFO: 1 for the youngest, kWays for the oldest.
  const auto oldest = static_cast<unsigned>(
      bucket.words[0].load(std::memory_order_relaxed) & 0xffff);
  return ((oldest + kWays - lane) % kWays + 1) * table->buckets;
}

void Ghost::Clear() {
  Table* table = table_.load(std::memory_order_acquire);
  if (table == nullptr) return;
  for (size_t b = 0; b < table->buckets; ++b) {
    for (auto& word : table->bucket[b].words) {
      word.store(0, std::memory_order_relaxed);
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
