// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What tests may do to a table that nobody else may: begin rounds whatever the
// load says, so that the rare turns of growth and shrinking are taken often.

#ifndef CUCACHE_T_UNIT_ASSOC_PEER_H_
#define CUCACHE_T_UNIT_ASSOC_PEER_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "cache/assoc.h"

namespace cucache {

class AssocPeer {
 public:
  static bool BeginSplit(Assoc& table) {
    MutexLock lock(table.resize_);
    if (table.State().busy()) return false;
    const bool begun = table.BeginSplit();
    table.growing_.store(false, std::memory_order_relaxed);
    return begun;
  }
  static bool BeginMerge(Assoc& table) {
    MutexLock lock(table.resize_);
    const TableState state = table.State();
    if (state.busy() || state.segments() < 2) return false;
    table.growing_.store(false, std::memory_order_relaxed);
    return table.BeginMerge();
  }
  // As when the walk found a key that has no room.
  static bool TurnMerge(Assoc& table) {
    MutexLock lock(table.resize_);
    const TableState state = table.State();
    if (state.phase() != Phase::kMerge) return false;
    table.Publish(state.level(), state.split(), Phase::kUnmerge);
    return true;
  }
  static bool Sweep(Assoc& table, size_t buckets) {
    MutexLock lock(table.resize_);
    return table.State().busy() && table.Sweep(buckets);
  }
  static TableState State(const Assoc& table) { return table.State(); }

  // Where each word stands (segment, bucket), and each stripe's version; for a
  // table at which nobody else works.
  struct Picture {
    std::map<uint64_t, std::pair<uint32_t, uint32_t>> words;
    std::vector<uint64_t> versions;
  };
  static Picture Take(const Assoc& table) {
    Picture picture;
    for (uint32_t x = 0; x <= table.mask_; ++x) {
      picture.versions.push_back(table.stripes_[x].Version());
      for (uint32_t segment = 0; segment < table.segments(); ++segment) {
        for (const auto& held : table.At(segment, x).slots) {
          const uint64_t word = held.load(std::memory_order_relaxed);
          if (word != slot::kEmpty) picture.words[word] = {segment, x};
        }
      }
    }
    return picture;
  }
};

}  // namespace cucache

#endif  // CUCACHE_T_UNIT_ASSOC_PEER_H_
