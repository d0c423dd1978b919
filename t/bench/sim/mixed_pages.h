// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// S3-FIFO over two global queues of pages, as page_queue.h, but a page holds
// items of all sizes, one behind the other in steps of 16 bytes: a log whose
// holes are reused. So only two pages are open at a time, whatever the number
// of sizes. A chunk freed by an overwrite, a delete or expiry goes to a list
// of its size and queue; an allocation takes a hole of its size, else splits a
// larger one (if `fit` is above 1), else appends. Single-threaded.
//
// Parameters: prob, th, keep, ghost, false, cap, reserve as in page_queue.h;
//   fit     the largest hole that is split, as a multiple of the size; 1: only
//           holes of the very size are reused; 0: none are [1]
//   step    granularity in bytes [16]
//   linear, factor  as for classes, but factor 1 [default]: steps only
//   sweep   share of dead bytes in a queue above which the page with the most
//           holes is emptied before the oldest; 0: never [0]

#ifndef CUCACHE_BENCH_SIM_MIXED_PAGES_H_
#define CUCACHE_BENCH_SIM_MIXED_PAGES_H_

#include <deque>

#include "policy.h"

namespace cucache::sim {

class MixedPages final : public Policy {
 public:
  // classes == nullptr: every item costs 1 and page_bytes is a count.
  MixedPages(uint32_t n, uint64_t budget, uint32_t page_bytes,
             const SizeClasses* classes, const Params& p, const Clock* clock);

  bool Get(uint32_t key) override {
    if (page_of_[key] == kNone) return false;
    if (mark_[key] < 3) ++mark_[key];
    return true;
  }
  void Set(uint32_t key, uint32_t bytes) override;
  void Delete(uint32_t key) override {
    if (page_of_[key] != kNone) Release(key);
  }
  [[nodiscard]] uint64_t Items() const override { return items_; }

 private:
  enum Queue : uint8_t { kProbation, kMain, kQueues };

  struct Chunk {
    uint32_t key;    // kNone: a hole
    uint32_t units;  // its size
  };
  struct Page {
    Queue queue = kProbation;
    bool draining = false;
    uint32_t generation = 0;  // of the uses of this page
    uint32_t used = 0;        // units
    uint32_t live = 0;        // units
    std::vector<Chunk> chunks;
  };
  struct Hole {
    uint32_t page;
    uint32_t generation;
    uint32_t index;
  };

  bool Pop(Queue q, uint32_t units, Hole* hole);
  bool TakeHole(Queue q, uint32_t units, Hole* hole);
  bool Append(Queue q, uint32_t units, bool draining, Hole* slot);
  bool Allocate(Queue q, uint32_t units, bool draining, Hole* slot);
  void Place(uint32_t key, const Hole& slot);
  void Release(uint32_t key);
  void Evict(uint32_t key, Queue q);
  void Refill();
  void Drain(double* reinserted, uint64_t* copies);
  void Take(Queue q, size_t at);
  bool Compact(uint64_t* copies);
  bool Copy(uint32_t key, Queue q);

  const uint32_t step_;
  const uint32_t page_units_;
  const SizeClasses* classes_;  // that round sizes, or null
  const bool sized_;
  const Clock* clock_;
  const double probation_share_;
  const double ghost_share_;
  const uint8_t threshold_;
  const bool keep_;
  const double cap_;
  const double fit_;
  const double sweep_;
  const size_t reserve_;

  std::vector<Page> pages_;
  std::vector<uint32_t> free_pages_;
  std::deque<uint32_t> queues_[kQueues];
  uint32_t open_[kQueues] = {kNone, kNone};
  std::vector<std::vector<Hole>> holes_[kQueues];  // by units
  std::vector<uint32_t> page_of_;                  // per key
  std::vector<uint32_t> index_of_;
  std::vector<uint8_t> mark_;
  Ghost ghost_;
  uint64_t items_ = 0;
  uint64_t live_units_ = 0;
};

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_MIXED_PAGES_H_
