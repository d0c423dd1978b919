// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The first alternative: S3-FIFO over two logs of segments. Items of any size
// are appended, 8-byte aligned, to the open segment of their queue. An
// overwrite that fits is done in place; other dead bytes stay until the
// segment is emptied, or compacted: while less than `live` of the bytes is
// live, the segment with the most dead bytes is copied to the head of its
// queue. Single-threaded.
//
// Parameters: prob, th, keep, ghost, cap as in page_queue.h; live [0.85];
// place 1: overwrite in place where it fits [1].

#ifndef CUCACHE_BENCH_SIM_LOG_SEGMENTS_H_
#define CUCACHE_BENCH_SIM_LOG_SEGMENTS_H_

#include <deque>

#include "policy.h"

namespace cucache::sim {

class LogSegments final : public Policy {
 public:
  // sized == false: every item costs 1 and segment_bytes is a count.
  LogSegments(uint32_t n, uint64_t budget, uint32_t segment_bytes, bool sized,
              const Params& p, const Clock* clock)
      : segment_bytes_(segment_bytes),
        sized_(sized),
        clock_(clock),
        probation_share_(p.Get("prob", 0.1)),
        ghost_share_(p.Get("ghost", 0.9)),
        threshold_(static_cast<uint8_t>(p.Get("th", 1))),
        keep_(p.Get("keep", 0) != 0),
        cap_(p.Get("cap", 64)),
        live_(p.Get("live", 0.85)),
        place_(p.Get("place", 1) != 0),
        segments_(std::max<uint64_t>(budget / segment_bytes, 4)),
        segment_of_(n, kNone),
        cost_(n, 0),
        entry_(n, 0),
        mark_(n, 0),
        ghost_(n, 0) {
    for (uint32_t i = 0; i < segments_.size(); ++i) free_.push_back(i);
  }

  bool Get(uint32_t key) override {
    if (segment_of_[key] == kNone) return false;
    if (mark_[key] < 3) ++mark_[key];
    return true;
  }

  void Set(uint32_t key, uint32_t bytes) override {
    const uint32_t cost = sized_ ? (bytes + 7) / 8 * 8 : 1;
    const bool held = segment_of_[key] != kNone;
    if (held && place_ && cost <= cost_[key]) return;
    const uint8_t mark = held ? mark_[key] : 0;
    int q = 0;
    if (held) {
      q = segments_[segment_of_[key]].queue;
    } else if (ghost_.Take(
                   key, static_cast<uint64_t>(ghost_share_ *
                                              static_cast<double>(items_)))) {
      q = 1;
    }
    Refill(q, cost);
    if (segment_of_[key] != kNone) Release(key);
    Append(key, cost, q);
    mark_[key] = mark;
  }

  void Delete(uint32_t key) override {
    if (segment_of_[key] != kNone) Release(key);
  }
  [[nodiscard]] uint64_t Items() const override { return items_; }

 private:
  struct Segment {
    int queue = 0;
    uint64_t used = 0;
    uint64_t live = 0;
    std::vector<uint32_t> keys;
  };

  [[nodiscard]] bool Fits(int q, uint32_t cost) const {
    return open_[q] != kNone &&
           segments_[open_[q]].used + cost <= segment_bytes_;
  }

  bool Append(uint32_t key, uint32_t cost, int q) {
    if (!Fits(q, cost)) {
      if (free_.empty()) return false;
      open_[q] = free_.back();
      free_.pop_back();
      segments_[open_[q]] = {q, 0, 0, {}};
      queues_[q].push_back(open_[q]);
    }
    Segment& s = segments_[open_[q]];
    segment_of_[key] = open_[q];
    entry_[key] = static_cast<uint32_t>(s.keys.size());
    s.keys.push_back(key);
    s.used += cost;
    s.live += cost;
    live_bytes_ += cost;
    cost_[key] = cost;
    ++items_;
    return true;
  }

  void Release(uint32_t key) {
    Segment& s = segments_[segment_of_[key]];
    s.live -= cost_[key];
    live_bytes_ -= cost_[key];
    s.keys[entry_[key]] = kNone;
    segment_of_[key] = kNone;
    --items_;
  }

  void Refill(int q, uint32_t cost) {
    if (Fits(q, cost)) return;
    double reinserted = 0;
    while (free_.size() < 2) {
      const double used =
          static_cast<double>(segments_.size() - free_.size()) * segment_bytes_;
      if (static_cast<double>(live_bytes_) < live_ * used && Compact()) {
        continue;
      }
      Drain(&reinserted);
    }
  }

  void TakeOut(int q, size_t at) {
    const uint32_t id = queues_[q][at];
    queues_[q].erase(queues_[q].begin() + static_cast<std::ptrdiff_t>(at));
    if (open_[q] == id) open_[q] = kNone;
  }

  bool Compact() {
    int q = 0;
    size_t at = 0;
    uint64_t most = segment_bytes_ / 20;
    bool found = false;
    for (int i = 0; i < 2; ++i) {
      for (size_t j = 0; j < queues_[i].size(); ++j) {
        const Segment& s = segments_[queues_[i][j]];
        if (queues_[i][j] == open_[i] || s.used - s.live <= most) continue;
        most = s.used - s.live;
        q = i;
        at = j;
        found = true;
      }
    }
    if (!found) return false;
    const uint32_t id = queues_[q][at];
    TakeOut(q, at);
    const std::vector<uint32_t> keys = segments_[id].keys;
    for (const uint32_t key : keys) {
      if (key != kNone) Copy(key, q);
    }
    free_.push_back(id);
    return true;
  }

  void Copy(uint32_t key, int q) {
    const uint32_t cost = cost_[key];
    Release(key);
    if (Append(key, cost, q)) ++counters.copied;
  }

  void Drain(double* reinserted) {
    const double limit =
        probation_share_ * static_cast<double>(segments_.size());
    const bool probation =
        static_cast<double>(queues_[0].size()) > limit || queues_[1].empty();
    const int q = probation ? 0 : 1;
    const uint32_t id = queues_[q].front();
    TakeOut(q, 0);
    ++counters.pages;
    const std::vector<uint32_t> keys = segments_[id].keys;
    for (const uint32_t key : keys) {
      if (key == kNone) continue;
      const uint8_t need = probation ? threshold_ : 1;
      bool stays = mark_[key] >= need && !clock_->Dead(key);
      if (stays && !probation) {
        *reinserted += static_cast<double>(cost_[key]) / segment_bytes_;
        if (cap_ != 0 && *reinserted > cap_) {
          ++counters.forced;
          stays = false;
        }
      }
      if (!stays) {
        if (probation && !clock_->Dead(key)) ghost_.Add(key);
        Release(key);
        continue;
      }
      mark_[key] = probation ? (keep_ ? mark_[key] : 0) : mark_[key] - 1;
      Copy(key, 1);
    }
    free_.push_back(id);
  }

  const uint32_t segment_bytes_;
  const bool sized_;
  const Clock* clock_;
  const double probation_share_;
  const double ghost_share_;
  const uint8_t threshold_;
  const bool keep_;
  const double cap_;
  const double live_;
  const bool place_;
  std::vector<Segment> segments_;
  std::vector<uint32_t> free_;
  std::deque<uint32_t> queues_[2];
  uint32_t open_[2] = {kNone, kNone};
  std::vector<uint32_t> segment_of_;
  std::vector<uint32_t> cost_;
  std::vector<uint32_t> entry_;  // index into the segment's keys
  std::vector<uint8_t> mark_;
  Ghost ghost_;
  uint64_t items_ = 0;
  uint64_t live_bytes_ = 0;
};

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_LOG_SEGMENTS_H_
