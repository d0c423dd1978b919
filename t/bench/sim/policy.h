// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What all simulated policies share: the interface, the cost of an item, the
// list of keys, the ghost. Single-threaded.

#ifndef CUCACHE_BENCH_SIM_POLICY_H_
#define CUCACHE_BENCH_SIM_POLICY_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cucache::sim {

inline constexpr uint32_t kNone = UINT32_MAX;

// name=value pairs of a policy's spec, e.g. page:pages=280,prob=0.1.
class Params {
 public:
  void Set(const std::string& name, double value) { values_[name] = value; }
  [[nodiscard]] double Get(const std::string& name, double fallback) const {
    const auto it = values_.find(name);
    return it == values_.end() ? fallback : it->second;
  }

 private:
  std::map<std::string, double> values_;
};

// What a policy may look at besides the calls made to it.
struct Clock {
  uint64_t now = 0;              // number of the request
  std::vector<uint64_t> expiry;  // per key
  [[nodiscard]] bool Dead(uint32_t key) const { return expiry[key] <= now; }
};

struct Counters {
  uint64_t copied = 0;     // items moved to another place, overwrites aside
  uint64_t pages = 0;      // pages or segments emptied
  uint64_t forced = 0;     // marked items evicted because of a cap
  uint64_t max_batch = 0;  // most copies for one allocation
};

class Policy {
 public:
  virtual ~Policy() = default;
  // True, and the item marked, if it is held. Expiry is the caller's.
  virtual bool Get(uint32_t key) = 0;
  // Stores, replacing what is there. `bytes` is header + key + value.
  virtual void Set(uint32_t key, uint32_t bytes) = 0;
  virtual void Delete(uint32_t key) = 0;
  [[nodiscard]] virtual uint64_t Items() const = 0;

  Counters counters;
};

// Chunk sizes: steps of 16 up to `linear`, then times `factor`, rounded up to
// 16. memcached's: linear 0, factor 1.25, align 8, first 96.
class SizeClasses {
 public:
  SizeClasses(uint32_t linear, double factor, uint32_t align = 16,
              uint32_t first = 48) {
    uint32_t size = first;
    while (size <= 64 * 1024) {
      sizes_.push_back(size);
      const auto grown = static_cast<uint32_t>(size * factor);
      const uint32_t next = (grown + align - 1) / align * align;
      size = size < linear ? size + align : std::max(next, size + align);
    }
  }
  [[nodiscard]] uint32_t Of(uint32_t bytes) const {
    return static_cast<uint32_t>(
        std::lower_bound(sizes_.begin(), sizes_.end(), bytes) - sizes_.begin());
  }
  [[nodiscard]] uint32_t Size(uint32_t c) const { return sizes_[c]; }
  [[nodiscard]] uint32_t Count() const {
    return static_cast<uint32_t>(sizes_.size());
  }

 private:
  std::vector<uint32_t> sizes_;
};

// Links that any number of lists over disjoint sets of keys share.
struct Links {
  explicit Links(uint32_t n) : prev(n, kNone), next(n, kNone) {}
  std::vector<uint32_t> prev;  // towards the head (newer)
  std::vector<uint32_t> next;  // towards the tail (older)
};

struct List {
  uint32_t head = kNone;
  uint32_t tail = kNone;
  uint64_t bytes = 0;
  uint64_t count = 0;

  void PushHead(Links* l, uint32_t key, uint64_t cost) {
    l->prev[key] = kNone;
    l->next[key] = head;
    (head == kNone ? tail : l->prev[head]) = key;
    head = key;
    bytes += cost;
    ++count;
  }
  void Remove(Links* l, uint32_t key, uint64_t cost) {
    const uint32_t p = l->prev[key];
    const uint32_t n = l->next[key];
    (p == kNone ? head : l->next[p]) = n;
    (n == kNone ? tail : l->prev[n]) = p;
    bytes -= cost;
    --count;
  }
};

// The last `capacity` keys that left probation unread. The daemon's is a table
// of 16-bit fingerprints. One key in `1 / false_rate` that is not there is
// taken for one that is.
class Ghost {
 public:
  Ghost(uint32_t n, double false_rate)
      : when_(n, 0), false_rate_(static_cast<uint64_t>(false_rate * 1e6)) {}
  void Add(uint32_t key) { when_[key] = ++clock_; }
  [[nodiscard]] bool Take(uint32_t key, uint64_t capacity) {
    const uint64_t at = when_[key];
    when_[key] = 0;
    if (at != 0 && clock_ - at < capacity) return true;
    seed_ = seed_ * 6364136223846793005ull + 1442695040888963407ull;
    return false_rate_ != 0 && (seed_ >> 33) % 1000000 < false_rate_;
  }

 private:
  std::vector<uint64_t> when_;
  uint64_t clock_ = 0;
  uint64_t false_rate_;
  uint64_t seed_ = 1;
};

}  // namespace cucache::sim

#endif  // CUCACHE_BENCH_SIM_POLICY_H_
