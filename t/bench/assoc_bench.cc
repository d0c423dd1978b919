// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the table costs, in one process, beside libcuckoo. Keys are 12 bytes,
// values 32 bytes unless a row says otherwise; items lie in random order in
// 2 MiB pages. CUCACHE_BENCH_ITEMS sets the size of the large table (default
// 10 million items: 0.9 GB).
//
// Rows: hot (one key), l2 (4,000 items), large. Time is per key.

#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <libcuckoo/cuckoohash_map.hh>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cache/assoc.h"
#include "t/unit/assoc_items.h"

namespace cucache {
namespace {

constexpr size_t kKeyBytes = 12;

class Key {
 public:
  explicit Key(uint64_t n) {
    std::memcpy(bytes_, "key:", 4);
    std::memcpy(bytes_ + 4, &n, sizeof(n));
  }
  std::string_view view() const { return {bytes_, kKeyBytes}; }

 private:
  char bytes_[kKeyBytes];
};

// A generator cheap enough not to be seen (splitmix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u) {}
  uint64_t Below(uint64_t n) {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return static_cast<uint64_t>(static_cast<unsigned __int128>(z) * n >> 64);
  }

 private:
  uint64_t state_;
};

// Random keys, made some time before they are used: a key that was written just
// now stalls whoever reads it in other portions (store forwarding), which would
// keep the look-ups of a loop from overlapping, as they do in a server.
class Keys {
 public:
  Keys(const benchmark::State& state, uint64_t first, uint64_t range)
      : random_(static_cast<uint64_t>(state.thread_index()) + 1),
        first_(first),
        range_(range),
        keys_(kAhead, Key(0)) {}
  const Key& Next() { return *Next(1); }
  // n keys in a row, n up to kAhead.
  const Key* Next(size_t n) {
    if (next_ + n > kAhead) {
      for (Key& key : keys_) key = Key(first_ + random_.Below(range_));
      next_ = 0;
    }
    next_ += n;
    return &keys_[next_ - n];
  }

 private:
  static constexpr size_t kAhead = 512;
  Random random_;
  const uint64_t first_;
  const uint64_t range_;
  std::vector<Key> keys_;
  size_t next_ = kAhead;
};

// Memory in huge pages, never given back.
char* HugeMemory(size_t bytes) {
  constexpr size_t kHuge = size_t{2} << 20;
  bytes = (bytes + 2 * kHuge - 1) & ~(kHuge - 1);
  char* p = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (p == MAP_FAILED) std::abort();
  p += kHuge - reinterpret_cast<uintptr_t>(p) % kHuge;
  (void)madvise(p, bytes - kHuge, MADV_HUGEPAGE);
  return p;
}

// Items 0 .. n-1, each at a place that says nothing about its number.
class Items {
 public:
  Items(size_t n, size_t value_bytes)
      : n_(n),
        stride_(ItemBytes(kKeyBytes, value_bytes)),
        memory_(HugeMemory(n * stride_)) {
    const std::string value(value_bytes, 'v');
    for (size_t i = 0; i < n; ++i) InitItem(At(i), Key(i).view(), value);
  }
  ~Items() = default;
  Item* operator[](size_t i) const { return reinterpret_cast<Item*>(At(i)); }
  size_t size() const { return n_; }

 private:
  char* At(size_t i) const {
    // 1,000,003 is prime, and no n here is a multiple of it.
    return memory_ + i * 1000003 % n_ * stride_;
  }
  const size_t n_;
  const size_t stride_;
  char* const memory_;
};

const KeyHash& Hash() {
  static const KeyHash hash(99);
  return hash;
}

void Put(Assoc& table, Item* item) {
  const auto decide = [item](Item*) {
    return Assoc::Decision{Assoc::Action::kReplace, item};
  };
  if (table.Update(Hash()(item->key()), item->key(), decide) !=
      Assoc::Outcome::kDone) {
    std::abort();
  }
}

struct Filled {
  Filled(size_t n, size_t value_bytes)
      : items(n, value_bytes), table(Hash(), Options()) {
    for (size_t i = 0; i < n; ++i) {
      Put(table, items[i]);
      if (table.NeedsMaintenance()) table.Maintain();
    }
  }
  static Assoc::Options Options() {
    Assoc::Options o;
    o.max_segments = 1024;
    return o;
  }
  Items items;
  Assoc table;
};

size_t LargeSize() {
  const char* const s = std::getenv("CUCACHE_BENCH_ITEMS");
  return s != nullptr ? std::strtoull(s, nullptr, 10) : 10000000;
}
Filled& L2() {
  static Filled filled(4000, 32);
  return filled;
}
Filled& Large() {
  static Filled filled(LargeSize(), 32);
  return filled;
}
// 200-byte values need three times the memory: a smaller number of items.
Filled& Large200() {
  static Filled filled(LargeSize(), 200);
  return filled;
}

void FindKeys(benchmark::State& state, Filled& f, uint64_t first,
              uint64_t range) {
  Keys keys(state, first, range);
  char value[32];
  for (auto _ : state) {
    const Key& key = keys.Next();
    const Item* const item = f.table.Find(Hash()(key.view()), key.view());
    if (item != nullptr) std::memcpy(value, item->data(), sizeof(value));
    benchmark::DoNotOptimize(value);
  }
}
void BM_FindHot(benchmark::State& state) { FindKeys(state, L2(), 17, 1); }
void BM_FindL2(benchmark::State& state) { FindKeys(state, L2(), 0, 4000); }
void BM_FindLarge(benchmark::State& state) {
  FindKeys(state, Large(), 0, Large().items.size());
}
void BM_MissLarge(benchmark::State& state) {
  FindKeys(state, Large(), uint64_t{1} << 40, Large().items.size());
}
BENCHMARK(BM_FindHot)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_FindL2)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_FindLarge)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_MissLarge)->ThreadRange(1, 2)->UseRealTime();

// One after the other: the key depends on the item found before.
void BM_FindLargeSerial(benchmark::State& state) {
  Filled& f = Large();
  Random random(3);
  uint64_t zero = 0;
  for (auto _ : state) {
    const Key key((random.Below(f.items.size())) ^ zero);
    const Item* const item = f.table.Find(Hash()(key.view()), key.view());
    zero = item->exptime.load(std::memory_order_relaxed);
  }
}
BENCHMARK(BM_FindLargeSerial)->UseRealTime();

// The floor for that: a random line of each of the two memories.
void BM_TwoMissFloor(benchmark::State& state) {
  Filled& f = Large();
  const size_t bytes = size_t{64} << 20 >> 3;
  static uint64_t* const memory =
      reinterpret_cast<uint64_t*>(HugeMemory(bytes * 8 * 2));
  static const bool touched = (std::memset(memory, 0, bytes * 16), true);
  benchmark::DoNotOptimize(touched);
  Random random(3);
  uint64_t zero = 0;
  for (auto _ : state) {
    zero = memory[random.Below(bytes * 2) ^ zero];
    const Item* item = f.items[random.Below(f.items.size()) ^ zero];
    zero = item->exptime.load(std::memory_order_relaxed);
  }
}
BENCHMARK(BM_TwoMissFloor)->UseRealTime();

void FindBatches(benchmark::State& state, Filled& f, size_t value_bytes) {
  const size_t n = static_cast<size_t>(state.range(0));
  Keys source(state, 0, f.items.size());
  std::vector<Lookup> lookups(n);
  std::vector<char> out(n * value_bytes);
  for (auto _ : state) {
    const Key* const keys = source.Next(n);
    for (size_t i = 0; i < n; ++i) {
      lookups[i] = {keys[i].view(), Hash()(keys[i].view()), nullptr};
    }
    f.table.FindBatch(lookups.data(), n);
    for (size_t i = 0; i < n; ++i) {
      std::memcpy(&out[i * value_bytes], lookups[i].item->data(), value_bytes);
    }
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["per_key"] = benchmark::Counter(
      static_cast<double>(state.iterations() * n),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
void BM_BatchLarge(benchmark::State& state) { FindBatches(state, Large(), 32); }
void BM_BatchLarge200(benchmark::State& state) {
  FindBatches(state, Large200(), 200);
}
BENCHMARK(BM_BatchLarge)->Arg(24)->Arg(100)->UseRealTime();
BENCHMARK(BM_BatchLarge200)->Arg(24)->Arg(100)->UseRealTime();

// Replaces an item by itself: the table's part of an update.
void UpdateKeys(benchmark::State& state, Filled& f) {
  Keys keys(state, 0, f.items.size());
  for (auto _ : state) {
    const Key& key = keys.Next();
    const auto decide = [](Item* old) {
      return Assoc::Decision{Assoc::Action::kReplace, old};
    };
    benchmark::DoNotOptimize(
        f.table.Update(Hash()(key.view()), key.view(), decide));
  }
}
void BM_UpdateL2(benchmark::State& state) { UpdateKeys(state, L2()); }
void BM_UpdateLarge(benchmark::State& state) { UpdateKeys(state, Large()); }
BENCHMARK(BM_UpdateL2)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_UpdateLarge)->ThreadRange(1, 2)->UseRealTime();

// Inserts into a table that may not grow until one fails: 4 segments.
void BM_InsertUntilFull(benchmark::State& state) {
  static const Items items(1200000, 32);
  size_t done = 0;
  uint64_t moves = 0;
  size_t inserted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Assoc::Options o;
    o.initial_segments = 4;
    o.max_segments = 4;
    o.expand = false;
    auto table = std::make_unique<Assoc>(Hash(), o);
    state.ResumeTiming();
    for (done = 0; done < items.size(); ++done) {
      Item* const item = items[done];
      const auto decide = [item](Item*) {
        return Assoc::Decision{Assoc::Action::kReplace, item};
      };
      if (table->Update(Hash()(item->key()), item->key(), decide) !=
          Assoc::Outcome::kDone) {
        break;
      }
    }
    inserted += done;
    moves = table->moves();
    state.PauseTiming();
    table.reset();
    state.ResumeTiming();
  }
  state.counters["load"] = static_cast<double>(done) / (4 * 262144);
  state.counters["moves_per_insert"] =
      static_cast<double>(moves) / static_cast<double>(done);
  state.counters["per_key"] = benchmark::Counter(
      static_cast<double>(inserted),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_InsertUntilFull)->Iterations(3)->Unit(benchmark::kMillisecond);

double Seconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

// A doubling of a table of 4 million items, and how long each bucket took (an
// upper bound for how long its stripe was held).
void BM_Doubling(benchmark::State& state) {
  using Timer = std::chrono::steady_clock;
  static const Items items(4000000, 32);
  std::vector<float> steps;
  for (auto _ : state) {
    Assoc::Options o;
    o.initial_segments = 16;
    o.max_segments = 64;
    Assoc table(Hash(), o);
    // 95 % of 16 segments, without growing on the way.
    for (size_t i = 0; i < items.size(); ++i) {
      Put(table, items[i]);
      if (table.segments() > 16) break;
    }
    const auto begin = Timer::now();
    auto last = begin;
    const bool each = state.range(0) != 0;
    while (table.Maintain(each ? 1 : 1024) || table.is_expanding()) {
      const auto now = Timer::now();
      if (each) steps.push_back(static_cast<float>(Seconds(now - last) * 1e9));
      last = now;
    }
    state.SetIterationTime(Seconds(Timer::now() - begin));
    state.counters["items"] = static_cast<double>(table.size());
    state.counters["segments"] = table.segments();
  }
  if (steps.empty()) return;
  std::sort(steps.begin(), steps.end());
  state.counters["bucket_p50_ns"] = steps[steps.size() / 2];
  state.counters["bucket_p99_ns"] = steps[steps.size() * 99 / 100];
  state.counters["bucket_p99.9_ns"] = steps[steps.size() * 999 / 1000];
}
BENCHMARK(BM_Doubling)
    ->Arg(0)
    ->Arg(1)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// --- libcuckoo, with keys that point into the items. ---

struct StringHash {
  size_t operator()(std::string_view key) const { return Hash()(key); }
};
using Cuckoo = libcuckoo::cuckoohash_map<std::string_view, Item*, StringHash>;

struct CuckooFilled {
  explicit CuckooFilled(const Items& items) : map(items.size()) {
    for (size_t i = 0; i < items.size(); ++i) {
      map.insert(items[i]->key(), items[i]);
    }
  }
  Cuckoo map;
};
CuckooFilled& CuckooL2() {
  static CuckooFilled filled(L2().items);
  return filled;
}
CuckooFilled& CuckooLarge() {
  static CuckooFilled filled(Large().items);
  return filled;
}

void CuckooFind(benchmark::State& state, Cuckoo& map, uint64_t first,
                uint64_t range) {
  Keys keys(state, first, range);
  char value[32];
  for (auto _ : state) {
    const Key& key = keys.Next();
    map.find_fn(key.view(), [&](const Item* item) {
      std::memcpy(value, item->data(), sizeof(value));
    });
    benchmark::DoNotOptimize(value);
  }
}
void BM_LibcuckooFindHot(benchmark::State& state) {
  CuckooFind(state, CuckooL2().map, 17, 1);
}
void BM_LibcuckooFindL2(benchmark::State& state) {
  CuckooFind(state, CuckooL2().map, 0, 4000);
}
void BM_LibcuckooFindLarge(benchmark::State& state) {
  CuckooFind(state, CuckooLarge().map, 0, Large().items.size());
}
void BM_LibcuckooMissLarge(benchmark::State& state) {
  CuckooFind(state, CuckooLarge().map, uint64_t{1} << 40, LargeSize());
}
void BM_LibcuckooUpdateLarge(benchmark::State& state) {
  Keys keys(state, 0, Large().items.size());
  Cuckoo& map = CuckooLarge().map;
  for (auto _ : state) {
    const Key& key = keys.Next();
    map.update_fn(key.view(),
                  [](Item*& item) { benchmark::DoNotOptimize(item); });
  }
}
BENCHMARK(BM_LibcuckooFindHot)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_LibcuckooFindL2)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_LibcuckooFindLarge)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_LibcuckooMissLarge)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_LibcuckooUpdateLarge)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace cucache

BENCHMARK_MAIN();
