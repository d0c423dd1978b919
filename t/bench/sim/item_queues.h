// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The references: exact policies over queues of items and a budget of bytes,
// with no pages, no classes' queues and no waste but the chunk's. LRU, CLOCK
// with a 2-bit counter, SIEVE, and S3-FIFO (Yang et al., SOSP '23).
// Single-threaded.

#ifndef CUCACHE_BENCH_SIM_ITEM_QUEUES_H_
#define CUCACHE_BENCH_SIM_ITEM_QUEUES_H_

#include "policy.h"

namespace cucache::sim {

enum class ItemOrder : uint8_t { kLru, kClock, kSieve, kS3Fifo };

class ItemQueues final : public Policy {
 public:
  ItemQueues(ItemOrder order, uint32_t n, uint64_t budget,
             const SizeClasses* classes, const Params& p, const Clock* clock)
      : order_(order),
        budget_(budget),
        classes_(classes),
        clock_(clock),
        probation_share_(p.Get("prob", 0.1)),
        ghost_share_(p.Get("ghost", 0.9)),
        threshold_(static_cast<uint8_t>(p.Get("th", 1))),
        keep_(p.Get("keep", 0) != 0),
        cap_(static_cast<uint64_t>(p.Get("cap", 0))),
        links_(n),
        cost_(n, 0),
        mark_(n, 0),
        in_main_(n, 0),
        ghost_(n, p.Get("false", 0)) {}

  bool Get(uint32_t key) override {
    if (cost_[key] == 0) return false;
    if (order_ == ItemOrder::kLru) {
      main_.Remove(&links_, key, cost_[key]);
      main_.PushHead(&links_, key, cost_[key]);
    } else {
      const uint8_t top = order_ == ItemOrder::kSieve ? 1 : 3;
      if (mark_[key] < top) ++mark_[key];
    }
    return true;
  }

  void Set(uint32_t key, uint32_t bytes) override {
    const uint32_t cost =
        classes_ == nullptr ? 1 : classes_->Size(classes_->Of(bytes));
    if (cost_[key] != 0) {
      ListOf(key).bytes += cost;
      ListOf(key).bytes -= cost_[key];
      cost_[key] = cost;
      MakeRoom(0);
      return;
    }
    MakeRoom(cost);
    in_main_[key] = static_cast<uint8_t>(order_ != ItemOrder::kS3Fifo ||
                                         ghost_.Take(key, GhostCapacity()));
    mark_[key] = 0;
    cost_[key] = cost;
    ListOf(key).PushHead(&links_, key, cost);
  }

  void Delete(uint32_t key) override {
    if (cost_[key] != 0) Drop(key);
  }

  [[nodiscard]] uint64_t Items() const override {
    return main_.count + probation_.count;
  }

 private:
  List& ListOf(uint32_t key) { return in_main_[key] != 0 ? main_ : probation_; }
  [[nodiscard]] uint64_t GhostCapacity() const {
    return static_cast<uint64_t>(ghost_share_ * static_cast<double>(Items()));
  }

  void Drop(uint32_t key) {
    if (hand_ == key) hand_ = links_.prev[key];
    ListOf(key).Remove(&links_, key, cost_[key]);
    cost_[key] = 0;
  }

  void MakeRoom(uint64_t need) {
    while (main_.bytes + probation_.bytes + need > budget_ && Items() > 0) {
      switch (order_) {
        case ItemOrder::kLru:
          Drop(main_.tail);
          break;
        case ItemOrder::kClock:
          EvictMain();
          break;
        case ItemOrder::kSieve:
          EvictSieve();
          break;
        case ItemOrder::kS3Fifo:
          EvictS3();
          break;
      }
    }
  }

  void EvictMain() {
    for (uint64_t moved = 0;; ++moved) {
      const uint32_t key = main_.tail;
      const bool over = cap_ != 0 && moved >= cap_;
      if (mark_[key] == 0 || over || clock_->Dead(key)) {
        Drop(key);
        return;
      }
      --mark_[key];
      ++counters.copied;
      main_.Remove(&links_, key, cost_[key]);
      main_.PushHead(&links_, key, cost_[key]);
    }
  }

  void EvictSieve() {
    if (hand_ == kNone) hand_ = main_.tail;
    while (mark_[hand_] != 0) {
      mark_[hand_] = 0;
      hand_ = links_.prev[hand_];
      if (hand_ == kNone) hand_ = main_.tail;
    }
    Drop(hand_);
  }

  void EvictS3() {
    const double limit = probation_share_ * static_cast<double>(budget_);
    const bool probation = static_cast<double>(probation_.bytes) > limit;
    if (!probation && main_.count > 0) {
      EvictMain();
      return;
    }
    const uint32_t key = probation_.tail;
    if (mark_[key] < threshold_ || clock_->Dead(key)) {
      ghost_.Add(key);
      Drop(key);
      return;
    }
    probation_.Remove(&links_, key, cost_[key]);
    main_.PushHead(&links_, key, cost_[key]);
    in_main_[key] = 1;
    if (!keep_) mark_[key] = 0;
    ++counters.copied;
  }

  const ItemOrder order_;
  const uint64_t budget_;
  const SizeClasses* classes_;
  const Clock* clock_;
  const double probation_share_;
  const double ghost_share_;
  const uint8_t threshold_;
  const bool keep_;
  const uint64_t cap_;
  Links links_;
  std::vector<uint32_t> cost_;  // 0: not held
  std::vector<uint8_t> mark_;
  std::vector<uint8_t> in_main_;
  List main_;
  List probation_;
  Ghost ghost_;
  uint32_t hand_ = kNone;
};

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_ITEM_QUEUES_H_
