// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A model of memcached 1.6.45: slab classes with pages of 1 MiB, each with its
// own segmented LRU (HOT 20 %, WARM 40 %, COLD), a bump at the second hit, and
// an automover that is faster than the real one: every 5,000 requests it moves
// a page from the class whose tail is oldest to the one whose tail is youngest
// (ratio below 0.8), taking the victims from the tail. Without slab classes it
// is one segmented LRU of `budget` items. Single-threaded.
//
// Parameters: page [1048576], move 1: automover on [1].

#ifndef CUCACHE_BENCH_SIM_MEMCACHED_MODEL_H_
#define CUCACHE_BENCH_SIM_MEMCACHED_MODEL_H_

#include "policy.h"

namespace cucache::sim {

class MemcachedModel final : public Policy {
 public:
  MemcachedModel(uint32_t n, uint64_t budget, const SizeClasses* classes,
                 const Params& p, const Clock* clock)
      : classes_(classes),
        clock_(clock),
        page_bytes_(static_cast<uint64_t>(
            classes == nullptr ? 1 : p.Get("page", 1 << 20))),
        moves_(classes != nullptr && p.Get("move", 1) != 0),
        spare_pages_(budget / page_bytes_),
        links_(n),
        class_of_(n, kNone),
        cost_(n, 0),
        list_of_(n, 0),
        flags_(n, 0),
        access_(n, 0),
        slabs_(classes == nullptr ? 1 : classes->Count()) {}

  bool Get(uint32_t key) override {
    if (class_of_[key] == kNone) return false;
    if ((flags_[key] & kFetched) == 0) {
      flags_[key] |= kFetched;
    } else if ((flags_[key] & kActive) == 0) {
      flags_[key] |= kActive;
      access_[key] = clock_->now;
      if (list_of_[key] == kCold) Move(key, kWarm);
    }
    return true;
  }

  void Set(uint32_t key, uint32_t bytes) override {
    const uint32_t cls = classes_ == nullptr ? 0 : classes_->Of(bytes);
    Allocate(cls);
    if (class_of_[key] != kNone) Drop(key);
    --slabs_[cls].free;
    class_of_[key] = cls;
    cost_[key] = classes_ == nullptr ? 1 : bytes;
    flags_[key] = 0;
    access_[key] = clock_->now;
    list_of_[key] = kHot;
    slabs_[cls].lists[kHot].PushHead(&links_, key, cost_[key]);
    ++items_;
    Juggle(cls);
    if (moves_ && clock_->now >= next_move_) MovePage();
  }

  void Delete(uint32_t key) override {
    if (class_of_[key] != kNone) Drop(key);
  }
  [[nodiscard]] uint64_t Items() const override { return items_; }

 private:
  enum Segment : uint8_t { kHot, kWarm, kCold, kSegments };
  static constexpr uint8_t kFetched = 1;
  static constexpr uint8_t kActive = 2;

  struct Slab {
    List lists[kSegments];
    uint64_t pages = 0;
    uint64_t free = 0;
  };

  [[nodiscard]] uint64_t PerPage(uint32_t cls) const {
    return classes_ == nullptr ? 1 : page_bytes_ / classes_->Size(cls);
  }

  void Move(uint32_t key, Segment to) {
    Slab& slab = slabs_[class_of_[key]];
    slab.lists[list_of_[key]].Remove(&links_, key, cost_[key]);
    list_of_[key] = to;
    slab.lists[to].PushHead(&links_, key, cost_[key]);
  }

  void Drop(uint32_t key) {
    Slab& slab = slabs_[class_of_[key]];
    slab.lists[list_of_[key]].Remove(&links_, key, cost_[key]);
    ++slab.free;
    class_of_[key] = kNone;
    --items_;
  }

  void AddPage(uint32_t cls) {
    ++slabs_[cls].pages;
    slabs_[cls].free += PerPage(cls);
  }

  // The first page of a class may exceed the limit, as in memcached; the next
  // page that somebody could have had pays for it.
  void Allocate(uint32_t cls) {
    Slab& slab = slabs_[cls];
    if (slab.free > 0) return;
    if (spare_pages_ > 0) {
      --spare_pages_;
      AddPage(cls);
    } else if (slab.pages == 0) {
      if (!Rob(cls)) ++counters.forced;
      AddPage(cls);
    } else {
      EvictOne(&slab);
    }
  }

  void EvictOne(Slab* slab) {
    for (;;) {
      List& cold = slab->lists[kCold];
      if (cold.count == 0) {
        List& from = slab->lists[slab->lists[kHot].count > 0 ? kHot : kWarm];
        Drop(from.tail);
        return;
      }
      const uint32_t key = cold.tail;
      if ((flags_[key] & kActive) == 0 || clock_->Dead(key)) {
        Drop(key);
        return;
      }
      flags_[key] &= static_cast<uint8_t>(~kActive);
      Move(key, kWarm);
    }
  }

  void Juggle(uint32_t cls) {
    Slab& slab = slabs_[cls];
    for (const Segment s : {kHot, kWarm}) {
      List& list = slab.lists[s];
      for (int tries = 0; tries < 50 && list.count > 0; ++tries) {
        const double total = static_cast<double>(slab.lists[kHot].bytes +
                                                 slab.lists[kWarm].bytes +
                                                 slab.lists[kCold].bytes);
        const uint32_t key = list.tail;
        if ((flags_[key] & kActive) != 0) {
          flags_[key] &= static_cast<uint8_t>(~kActive);
          Move(key, kWarm);
        } else if (static_cast<double>(list.bytes) >
                   total * (s == kHot ? 0.2 : 0.4)) {
          Move(key, kCold);
        } else {
          break;
        }
      }
    }
  }

  void TakePage(uint32_t cls) {
    Slab& slab = slabs_[cls];
    while (slab.free < PerPage(cls)) EvictOne(&slab);
    slab.free -= PerPage(cls);
    --slab.pages;
    ++counters.pages;
  }

  // Takes a page for `cls` from the class with most of them.
  bool Rob(uint32_t cls) {
    uint32_t richest = cls;
    for (uint32_t c = 0; c < slabs_.size(); ++c) {
      if (slabs_[c].pages > slabs_[richest].pages) richest = c;
    }
    if (slabs_[richest].pages < 2) return false;
    TakePage(richest);
    return true;
  }

  void MovePage() {
    next_move_ = clock_->now + 5000;
    uint32_t oldest = kNone;
    uint32_t youngest = kNone;
    uint64_t most = 0;
    uint64_t least = UINT64_MAX;
    for (uint32_t c = 0; c < slabs_.size(); ++c) {
      Slab& slab = slabs_[c];
      while (slab.pages > 1 && slab.free > 2 * PerPage(c)) {
        TakePage(c);
        ++spare_pages_;
      }
      if (slab.lists[kCold].count == 0) continue;
      const uint64_t age = clock_->now - access_[slab.lists[kCold].tail];
      if (slab.pages > 1 && age > most) {
        most = age;
        oldest = c;
      }
      if (age < least) {
        least = age;
        youngest = c;
      }
    }
    if (oldest == kNone || spare_pages_ > 0 || oldest == youngest) return;
    if (static_cast<double>(least) >= 0.8 * static_cast<double>(most)) return;
    TakePage(oldest);
    AddPage(youngest);
  }

  const SizeClasses* classes_;
  const Clock* clock_;
  const uint64_t page_bytes_;
  const bool moves_;
  uint64_t spare_pages_;
  Links links_;
  std::vector<uint32_t> class_of_;  // kNone: not held
  std::vector<uint32_t> cost_;
  std::vector<uint8_t> list_of_;
  std::vector<uint8_t> flags_;
  std::vector<uint64_t> access_;
  std::vector<Slab> slabs_;
  uint64_t items_ = 0;
  uint64_t next_move_ = 0;
};

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_MEMCACHED_MODEL_H_
