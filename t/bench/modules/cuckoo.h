// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// libcuckoo's table as a cache would use it: keys and values of any length
// stand in items in 2 MiB pages, the table holds views of the keys and pointers
// to the items. It evicts nothing, frees nothing and counts nothing, so that
// it is a floor for a table with locks, not another cache.
//
// Thread safety: find and update by any thread; filling by one.

#ifndef CUCACHE_T_BENCH_MODULES_CUCKOO_H_
#define CUCACHE_T_BENCH_MODULES_CUCKOO_H_

#include <cstring>
#include <libcuckoo/cuckoohash_map.hh>
#include <memory>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "t/bench/modules/huge.h"
#include "t/bench/modules/world.h"

namespace cucache::bench {

class Cuckoo {
 public:
  struct Hash {
    size_t operator()(std::string_view key) const {
      static const KeyHash hash(99);
      return hash(key);
    }
  };
  using Map = libcuckoo::cuckoohash_map<std::string_view, char*, Hash>;

  // Room in the table for `reserve` items.
  Cuckoo(uint64_t n, size_t value_bytes, uint64_t reserve)
      : n_(n),
        stride_((kKeyBytes + value_bytes + 15) & ~size_t{15}),
        value_bytes_(value_bytes),
        memory_(HugeMemory(n * stride_)),
        map_(reserve) {
    for (uint64_t i = 0; i < n; ++i) new (At(i)) Key(i);
  }
  void Insert(uint64_t first, uint64_t n) {
    for (uint64_t i = first; i < first + n; ++i) InsertOne(i);
  }
  void InsertOne(uint64_t i) {
    char* const item = At(i);
    std::memset(item + kKeyBytes, 'v', value_bytes_);
    map_.insert(std::string_view(item, kKeyBytes), item);
  }
  Map& map() { return map_; }

  Side Get(bool hits = true) {
    return {Who::kLibcuckoo,
            [this, hits](unsigned thread, const Key* keys, size_t n) {
              char* const value = ScratchFor(thread);
              size_t found = 0;
              for (size_t i = 0; i < n; ++i) {
                found += map_.find_fn(keys[i].view(), [&](const char* item) {
                  std::memcpy(value, item + kKeyBytes, value_bytes_);
                });
                asm volatile("" : : "r"(value) : "memory");
              }
              if (found != (hits ? n : 0)) Fail("libcuckoo lost a key");
            }};
  }
  // In place and under its lock, which is all that it can do.
  Side Update() {
    return {Who::kLibcuckoo, [this](unsigned, const Key* keys, size_t n) {
              for (size_t i = 0; i < n; ++i) {
                map_.update_fn(keys[i].view(), [&](char* item) {
                  std::memset(item + kKeyBytes, 'w', value_bytes_);
                });
              }
            }};
  }

 private:
  // At a place that says nothing about its number: the factor is prime, and
  // no n here is a multiple of it.
  char* At(uint64_t i) const { return memory_ + i * 1000003 % n_ * stride_; }

  const uint64_t n_;
  const size_t stride_;
  const size_t value_bytes_;
  char* const memory_;
  Map map_;
};

}  // namespace cucache::bench

#endif  // CUCACHE_T_BENCH_MODULES_CUCKOO_H_
