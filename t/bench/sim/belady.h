// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What knows the future: of every key when it is asked for next (Belady, IBM
// Systems Journal 1966). With equal items nobody misses less. With several
// sizes the best is too hard to find; what goes then is what has the most
// bytes times requests until it is asked for again, of all classes, which is
// no bound but better than what does not know. A newcomer may be the first to
// go. Expiry is not looked at. Single-threaded.
//
// Parameters: sizes, the power to which bytes count; 0: not at all [1]

#ifndef CUCACHE_BENCH_SIM_BELADY_H_
#define CUCACHE_BENCH_SIM_BELADY_H_

#include <cmath>
#include <set>
#include <utility>

#include "policy.h"

namespace cucache::sim {

class Belady final : public Policy {
 public:
  Belady(const std::vector<uint32_t>& keys, uint32_t n, uint64_t budget,
         const SizeClasses* classes, const Params& p, const Clock* clock)
      : budget_(budget),
        classes_(classes),
        clock_(clock),
        power_(p.Get("sizes", 1)),
        next_(keys.size(), kNever),
        class_of_(n, kNone),
        held_until_(n, 0),
        held_(classes == nullptr ? 1 : classes->Count()) {
    std::vector<uint64_t> last(n, kNever);
    for (uint64_t t = keys.size(); t-- > 0;) {
      next_[t] = std::exchange(last[keys[t]], t);
    }
  }

  bool Get(uint32_t key) override {
    const uint32_t cls = class_of_[key];
    if (cls == kNone) return false;
    Drop(key);
    Add(key, cls);
    return true;
  }

  void Set(uint32_t key, uint32_t bytes) override {
    if (class_of_[key] != kNone) Drop(key);
    Add(key, classes_ == nullptr ? 0 : classes_->Of(bytes));
    while (bytes_ > budget_) Drop(Victim());
  }

  void Delete(uint32_t key) override {
    if (class_of_[key] != kNone) Drop(key);
  }

  [[nodiscard]] uint64_t Items() const override { return items_; }

 private:
  static constexpr uint64_t kNever = UINT64_MAX / 2;

  [[nodiscard]] uint64_t Cost(uint32_t cls) const {
    return classes_ == nullptr ? 1 : classes_->Size(cls);
  }

  void Add(uint32_t key, uint32_t cls) {
    class_of_[key] = cls;
    held_until_[key] = next_[clock_->now];
    held_[cls].emplace(held_until_[key], key);
    bytes_ += Cost(cls);
    ++items_;
  }

  void Drop(uint32_t key) {
    const uint32_t cls = std::exchange(class_of_[key], kNone);
    held_[cls].erase({held_until_[key], key});
    bytes_ -= Cost(cls);
    --items_;
  }

  [[nodiscard]] uint32_t Victim() const {
    uint32_t victim = kNone;
    double most = -1;
    for (uint32_t cls = 0; cls < held_.size(); ++cls) {
      if (held_[cls].empty()) continue;
      const auto& [until, key] = *held_[cls].rbegin();
      const double score =
          std::pow(static_cast<double>(Cost(cls)), power_) *
          static_cast<double>(until - std::min(until, clock_->now));
      if (score <= most) continue;
      most = score;
      victim = key;
    }
    return victim;
  }

  const uint64_t budget_;
  const SizeClasses* classes_;
  const Clock* clock_;
  const double power_;
  std::vector<uint64_t> next_;        // of each request
  std::vector<uint32_t> class_of_;    // kNone: not held
  std::vector<uint64_t> held_until_;  // when it is asked for next
  std::vector<std::set<std::pair<uint64_t, uint32_t>>> held_;  // by class
  uint64_t bytes_ = 0;
  uint64_t items_ = 0;
};

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_BELADY_H_
