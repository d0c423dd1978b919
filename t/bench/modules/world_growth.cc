// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What somebody waits for: sets into new memory, and look-ups and inserts
// while the table doubles. Each operation is timed by itself; the clock costs
// some 25 ns of it. Growth has a time of its own, so that sides cannot take
// turns there; they follow each other.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "cache/assoc.h"
#include "t/bench/load/histogram.h"
#include "t/bench/modules/cuckoo.h"
#include "t/bench/modules/world.h"
#include "t/unit/assoc_items.h"

namespace cucache::bench {
namespace {

using Timer = std::chrono::steady_clock;
constexpr size_t kValue = 32;

double Seconds(Timer::duration d) {
  return std::chrono::duration<double>(d).count();
}

// Times of single operations, in nanoseconds.
class Times {
 public:
  template <class Operation>
  void Time(Operation&& operation) {
    const auto begin = Timer::now();
    operation();
    const auto ns = std::chrono::nanoseconds(Timer::now() - begin).count();
    histogram_.Record(static_cast<uint64_t>(ns), 1);
  }
  double At(double share) const {
    if (histogram_.count() == 0) return kNone;
    return static_cast<double>(share == 1 ? histogram_.max()
                                          : histogram_.Quantile(share));
  }

 private:
  load::Histogram histogram_;
};

void PublishTimes(const std::string& name, const std::vector<Times>& times,
                  double share, const Goal& goal) {
  auto kept = std::make_shared<std::vector<double>>();
  for (const Times& t : times) kept->push_back(t.At(share));
  RegisterOnce(name, [=](benchmark::State& state) {
    Figures figures;
    for (size_t i = 0; i < kept->size(); ++i) figures.side[i] = (*kept)[i];
    figures.ratio = figures.side[0] / figures.side[1];
    Publish(state, figures, goal, "ns");
  });
}

// --- Growth. ---

// Inserts items from `first` on until `grown`, while another thread looks up
// what was there before. Returns how long `growing` was true.
struct Doubling {
  std::function<void(uint64_t)> insert;
  std::function<void(uint64_t)> find;
  std::function<bool()> growing;
  uint64_t first;
  uint64_t most;  // to insert

  // Gives up after `patience`, and returns that.
  double Run(std::chrono::seconds patience, Times* finds,
             Times* inserts) const {
    std::atomic<bool> stop{false};
    std::thread reader([&] {
      load::Random random(5);
      while (!stop.load(std::memory_order_relaxed)) {
        const uint64_t n = random.Below(first);
        finds->Time([&] { find(n); });
      }
    });
    const auto none = Timer::time_point{};
    auto begin = none;
    auto end = none;
    for (uint64_t i = first; i < first + most; ++i) {
      inserts->Time([&] { insert(i); });
      if (i % 64 != 0) continue;
      const bool now = growing();
      if (now && begin == none) begin = Timer::now();
      if (begin != none && (!now || Timer::now() - begin > patience)) {
        end = Timer::now();
        break;
      }
    }
    // Inserted all, and it is still at it.
    while (begin != none && end == none) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      if (!growing() || Timer::now() - begin > patience) end = Timer::now();
    }
    stop = true;
    reader.join();
    return begin == none ? kNone : Seconds(end - begin);
  }
};

constexpr uint64_t kOursFirst = 3650000;       // 16 segments, nearly full
constexpr uint64_t kPeerFirst = 3100000;       // 1.5 items per chain of 2^21
constexpr uint64_t kLibcuckooFirst = 3900000;  // 2^20 buckets of 4, 93 %

Doubling OursDoubling(Pair& pair) {
  Ours* const ours = &pair.ours();
  Doubling d;
  d.insert = [=](uint64_t n) {
    const Key key(n);
    if (ours->Set(0, &key, 1,
                  std::string_view("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
                                   kValue)) != 0) {
      Fail("set");
    }
  };
  d.find = [=](uint64_t n) {
    const Key key(n);
    if (ours->Get(1, &key, 1, ScratchFor(1), kValue) != 1) Fail("get");
  };
  d.growing = [=] { return ours->cache().figures().hash_is_expanding != 0; };
  d.first = kOursFirst;
  d.most = 1500000;
  return d;
}

Doubling PeerDoubling(Pair& pair) {
  void* const writer = pair.worker(0);
  void* const reader = pair.worker(1);
  Doubling d;
  d.insert = [=](uint64_t n) {
    const Key key(n);
    static const std::string value(kValue, 'v');
    PeerEnter(writer);
    PeerSet(writer, key.bytes, kKeyBytes, 1, value.data(), kValue);
    PeerLeave();
  };
  d.find = [=](uint64_t n) {
    const Key key(n);
    PeerEnter(reader);
    PeerGet(reader, key.bytes, kKeyBytes, 1, ScratchFor(1), kValue);
    PeerLeave();
  };
  d.growing = [] { return PeerExpanding() != 0; };
  d.first = kPeerFirst;
  // It looks once a second whether it should grow.
  d.most = 6000000;
  return d;
}

Doubling CuckooDoubling(Cuckoo* cuckoo) {
  Doubling d;
  d.insert = [=](uint64_t n) { cuckoo->InsertOne(n); };
  d.find = [=](uint64_t n) {
    const Key key(n);
    benchmark::DoNotOptimize(cuckoo->map().contains(key.view()));
  };
  // The insert that finds no room doubles it, and everybody waits.
  const size_t power = cuckoo->map().hashpower();
  d.growing = [=] { return cuckoo->map().hashpower() != power; };
  d.first = kLibcuckooFirst;
  d.most = 600000;
  return d;
}

void MeasureDoublings(Pair& pair, std::chrono::seconds patience) {
  std::vector<Times> finds(3);
  std::vector<Times> inserts(3);
  Figures seconds;
  if (pair.has_peer()) {
    pair.Fill(Who::kMemcached, 0, kPeerFirst, kValue);
    seconds[Who::kMemcached] =
        PeerDoubling(pair).Run(patience, &finds[1], &inserts[1]);
  }
  pair.Fill(Who::kCucache, 0, kOursFirst, kValue);
  seconds[Who::kCucache] =
      OursDoubling(pair).Run(patience, &finds[0], &inserts[0]);
  Cuckoo cuckoo(kLibcuckooFirst + 600000, kValue, kLibcuckooFirst);
  cuckoo.Insert(0, kLibcuckooFirst);
  CuckooDoubling(&cuckoo).Run(patience, &finds[2], &inserts[2]);
  seconds.ratio = seconds.side[0] / seconds.side[1];
  RegisterOnce("growth/duration", [=](benchmark::State& state) {
    Publish(state, seconds, {GoalOf::kOwnAtMost, 0.5},
            "s, 4 M items, while one thread inserts and one looks up; given "
            "up after " +
                std::to_string(patience.count()));
  });
  PublishTimes("growth/get_p99.99", finds, 0.9999, {});
  PublishTimes("growth/get_max", finds, 1, {});
  PublishTimes("growth/set_p99.99", inserts, 0.9999, {});
  PublishTimes("growth/set_max", inserts, 1, {});
}

// --- The table alone. ---

struct Alone {
  explicit Alone(size_t n)
      : count(n), memory(HugeMemory(n * ItemBytes(kKeyBytes, kValue))) {
    const std::string value(kValue, 'v');
    for (size_t i = 0; i < n; ++i) InitItem(At(i), Key(i).view(), value);
  }
  Item* At(size_t i) const {
    return reinterpret_cast<Item*>(memory + i * 1000003 % count *
                                                ItemBytes(kKeyBytes, kValue));
  }
  bool Insert(Assoc& table, size_t i) const {
    Item* const item = At(i);
    return table.Update(hash(item->key()), item->key(), [item](Item*) {
      return Assoc::Decision{Assoc::Action::kReplace, item};
    }) == Assoc::Outcome::kDone;
  }
  const KeyHash hash{99};
  const size_t count;
  char* const memory;
};

// How full the table is when an insert first finds no room.
void FirstFailure(const Alone& items, benchmark::State& state) {
  Assoc::Options o;
  o.initial_segments = 4;
  o.max_segments = 4;
  o.expand = false;
  Assoc table(items.hash, o);
  size_t n = 0;
  const auto begin = Timer::now();
  while (n < items.count && items.Insert(table, n)) ++n;
  const double seconds = Seconds(Timer::now() - begin);
  Figures figures;
  figures[Who::kCucache] =
      static_cast<double>(n) / static_cast<double>(table.buckets() * 8);
  Publish(state, figures, {GoalOf::kOwnAtLeast, 0.98},
          "load, " + std::to_string(seconds * 1e9 / static_cast<double>(n)) +
              " ns per insert");
}

// One bucket after the other, each timed: an upper bound of how long its
// stripe is held.
void HoldTimes(const Alone& items, benchmark::State& state) {
  Assoc::Options o;
  o.initial_segments = 16;
  o.max_segments = 64;
  Assoc table(items.hash, o);
  for (size_t i = 0; i < items.count && table.segments() == 16; ++i) {
    if (!items.Insert(table, i)) Fail("insert");
  }
  Times times;
  bool more = true;
  const auto begin = Timer::now();
  while (more || table.is_expanding()) {
    times.Time([&] { more = table.Maintain(1); });
  }
  const double seconds = Seconds(Timer::now() - begin);
  Figures figures;
  figures[Who::kCucache] = times.At(0.99);
  Publish(state, figures, {GoalOf::kOwnAtMost, 1000},
          "ns, p99; p50 " + std::to_string(static_cast<int>(times.At(0.5))) +
              "; all of them " + std::to_string(seconds) + " s");
}

}  // namespace

void GrowthWorld(const Options& options) {
  Shape shape;
  shape.megabytes = 4096;
  shape.hashpower = 21;
  auto* const pair = new Pair(shape);
  MeasureDoublings(*pair, std::chrono::seconds(options.quick ? 4 : 60));
  auto* const items = new Alone(4000000);
  RegisterOnce("growth/load_at_first_failure",
               [=](benchmark::State& state) { FirstFailure(*items, state); });
  RegisterOnce("growth/lock_held_per_bucket",
               [=](benchmark::State& state) { HoldTimes(*items, state); });
}

// A fresh cache: every so many sets one needs a page that has no memory yet.
void ColdWorld(const Options& o) {
  Shape shape;
  shape.megabytes = 2048;
  shape.hashpower = 22;  // growing is another row
  auto* const pair = new Pair(shape);
  const auto sides = pair->Set(kValue);
  std::vector<Times> times(2);
  const uint64_t turns = o.quick ? 40 : 200;
  uint64_t next = 0;
  for (uint64_t turn = 0; turn < turns; ++turn) {
    for (size_t i = 0; i < sides.size(); ++i) {
      const Side& side = sides[turn % 2 == 0 ? i : sides.size() - 1 - i];
      for (uint64_t n = 0; n < 20000; ++n) {
        const Key key(next + n);
        times[static_cast<size_t>(side.who)].Time(
            [&] { side.run(0, &key, 1); });
      }
    }
    next += 20000;
  }
  PublishTimes("cold_start/set_p50", times, 0.5, {});
  PublishTimes("cold_start/set_p99", times, 0.99, {});
  PublishTimes("cold_start/set_p99.99", times, 0.9999, AtMost(0.15));
}

}  // namespace cucache::bench
