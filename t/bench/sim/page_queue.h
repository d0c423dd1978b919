// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What cache/eviction.h is modelled by: S3-FIFO over two global queues of
// pages. A page holds chunks of one class, and belongs to probation or to
// main; the oldest is emptied, its marked items are copied into main, and it
// is free for any class. Chunks freed by overwrites, deletes and expiry are
// reused by the next item of the same class and queue. Single-threaded.
//
// Parameters (defaults in brackets):
//   prob    share of the pages above which probation is drained [0.1]
//   th      mark that takes an item from probation to main [1]
//   keep    1: a promoted item keeps its mark, 0: starts at 0 [0]
//   ghost   entries of the ghost, as a share of the items held [0.9]
//   false   rate of false positives of the ghost [0]
//   cap     pages' worth of items reinserted per page gained, 0: no cap [64]
//   reuse   of freed chunks: 2 everywhere, 1 in the younger half of the
//           queue, 0 never [2]
//   pick    a drain takes the page with the fewest marked items among the
//           oldest `pick` [1]
//   inplace a drained page whose share of marked chunks is at least this is
//           put back as the newest, without copying; 0: never [0]
//   reserve pages kept free [1]
//   weigh   exponent of an item's weight, (its size / the mean size) to this
//           power, between `least` [0.25] and `most` [3]. A drain of main takes
//           as many marks as an item weighs (a fraction: with that
//           probability) and keeps what could pay. 0: everything weighs 1 [0]
//   enter   1: an item of probation also needs as many marks to be promoted as
//           it weighs, at least th [0]
//   gift    an unmarked item of probation that weighs w < 1 is promoted with
//           this times 1 - w as probability [0]
//   gate    while new keys are (in a moving mean) so many times as large as
//           what is held, one that the ghost remembers and that is so much
//           larger itself starts in probation all the same. 0: never [0]

#ifndef CUCACHE_BENCH_SIM_PAGE_QUEUE_H_
#define CUCACHE_BENCH_SIM_PAGE_QUEUE_H_

#include <deque>

#include "policy.h"

namespace cucache::sim {

class PageQueue final : public Policy {
 public:
  // classes == nullptr: every item costs 1 and page_bytes is a count.
  PageQueue(uint32_t n, uint64_t budget, uint32_t page_bytes,
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

  struct Page {
    uint32_t cls = 0;
    Queue queue = kProbation;
    uint32_t generation = 0;  // of the uses of this page
    bool draining = false;    // its chunks must not be reused
    uint32_t fresh = 0;       // slots from here on were never used
    uint64_t seq = 0;         // its place in its queue
    std::vector<uint32_t> keys;
  };
  struct Slot {
    uint32_t page;
    uint32_t generation;
    uint32_t index;
  };
  struct Shelf {  // of a class and queue
    uint32_t open = kNone;
    std::vector<Slot> freed;
  };

  [[nodiscard]] uint32_t Slots(uint32_t cls) const {
    return classes_ == nullptr ? page_bytes_
                               : page_bytes_ / classes_->Size(cls);
  }
  Shelf& ShelfOf(uint32_t cls, Queue q) { return shelves_[cls * kQueues + q]; }
  [[nodiscard]] bool Young(const Page& page) const;

  bool PopFreed(Shelf* shelf, Slot* slot);
  // A slot of (cls, q). While draining it may use the reserve and fail.
  bool Allocate(uint32_t cls, Queue q, bool draining, Slot* slot);
  void Place(uint32_t key, const Slot& slot);
  void Release(uint32_t key);
  void Evict(uint32_t key, Queue q);
  void Refill();
  void Drain(double* reinserted, uint64_t* copies);
  bool DrainKey(uint32_t key, uint32_t cls, Queue q, double* reinserted,
                double step);
  uint32_t TakeOldest(Queue q);
  // Of a new key, which counts in the moving mean: may the ghost send it to
  // main?
  bool PassesGate(uint32_t cls);
  // Of what is held; there must be something.
  [[nodiscard]] double MeanSize() const {
    return static_cast<double>(bytes_) / static_cast<double>(items_);
  }
  [[nodiscard]] double Weight(uint32_t cls) const;
  uint8_t Price(double weight);
  bool Chance(double p);
  [[nodiscard]] uint32_t Marked(const Page& page) const;
  void Requeue(uint32_t id);

  const uint32_t page_bytes_;
  const SizeClasses* classes_;
  const Clock* clock_;
  const double probation_share_;
  const double ghost_share_;
  const uint8_t threshold_;
  const bool keep_;
  const double cap_;
  const int reuse_;
  const size_t pick_;
  const double inplace_;
  const size_t reserve_;
  const double weigh_;
  const double least_;
  const double most_;
  const bool enter_;
  const double gift_;
  const double gate_;
  double fresh_ = 0;  // moving mean of what new keys take

  std::vector<Page> pages_;
  std::vector<uint32_t> free_pages_;
  std::deque<uint32_t> queues_[kQueues];
  std::vector<Shelf> shelves_;
  std::vector<uint32_t> page_of_;  // per key
  std::vector<uint32_t> slot_of_;
  std::vector<uint8_t> mark_;
  Ghost ghost_;
  uint64_t items_ = 0;
  uint64_t bytes_ = 0;  // of their chunks
  uint64_t next_seq_ = 0;
  uint64_t seed_ = 1;
};

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_PAGE_QUEUE_H_
