// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Ten million items: what a look-up costs when nothing is in a cache, and what
// an item costs in memory. Both sides in 2 MiB pages (-L for both; memcached's
// table through glibc.malloc.hugetlb, which main.cc sets), except in the world
// that shows what they are worth.

#include <cstring>

#include "t/bench/modules/cuckoo.h"
#include "t/bench/modules/world.h"

namespace cucache::bench {
namespace {

uint64_t MegabytesFor(uint64_t items, size_t value_bytes) {
  return items * (value_bytes + 200) * 3 / 2 >> 20;
}

unsigned HashPowerFor(uint64_t items) {
  unsigned power = 16;
  while ((uint64_t{3} << power) / 2 < items) ++power;
  return power;
}

Shape ShapeFor(const Options& o, size_t value_bytes, bool huge_pages) {
  Shape shape;
  shape.megabytes = MegabytesFor(o.large, value_bytes);
  shape.huge_pages = huge_pages;
  shape.workers = std::max(4u, o.all_cores);
  // As it would stand after growing there, without the time for it.
  shape.hashpower = HashPowerFor(o.large);
  return shape;
}

struct Weight {
  double bytes[2] = {kNone, kNone};
  uint64_t huge = 0;
};

// Fills both, and what the process grew by.
Weight FillAndWeigh(Pair& pair, uint64_t items, size_t value_bytes) {
  Weight weight;
  for (const Who who : {Who::kMemcached, Who::kCucache}) {
    if (who == Who::kMemcached && !pair.has_peer()) continue;
    const uint64_t before = ResidentBytes();
    pair.Fill(who, 0, items, value_bytes);
    pair.AwaitGrowth();
    weight.bytes[static_cast<size_t>(who)] =
        static_cast<double>(ResidentBytes() - before) /
        static_cast<double>(items);
  }
  weight.huge = HugeBytes();
  return weight;
}

void RegisterWeight(const std::string& name, const Weight& weight,
                    size_t value_bytes, const Goal& goal) {
  RegisterOnce(name, [=](benchmark::State& state) {
    Figures figures;
    for (size_t i = 0; i < 2; ++i) {
      figures.side[i] =
          weight.bytes[i] - static_cast<double>(kKeyBytes + value_bytes);
    }
    figures.ratio = figures.side[0] / figures.side[1];
    Publish(state, figures, goal,
            "resident bytes beyond key and value; " +
                std::to_string(weight.huge >> 20) +
                " MiB of all in huge pages");
  });
}

// --- One after the other: each key depends on the item found before. ---

// The floor of a look-up: a random line of a memory as large as the table,
// then a random one of a memory as large as the items.
class Floor {
 public:
  Floor(uint64_t items, size_t item_bytes)
      : table_lines_(items * 8 / 64 * 10 / 9),
        item_bytes_(item_bytes),
        items_(items),
        table_(HugeMemory(table_lines_ * 64)),
        memory_(HugeMemory(items * item_bytes)) {
    std::memset(table_, 0, table_lines_ * 64);
    std::memset(memory_, 0, items * item_bytes);
  }
  void Run(const Key* keys, size_t n) const {
    uint64_t wait = 0;
    for (size_t i = 0; i < n; ++i) {
      const uint64_t hash = Cuckoo::Hash()(keys[i + wait].view());
      const uint64_t slot = static_cast<uint64_t>(
          static_cast<unsigned __int128>(hash) * table_lines_ >> 64);
      wait = static_cast<uint64_t>(table_[slot * 64]);
      const uint64_t item = static_cast<uint64_t>(
          static_cast<unsigned __int128>(hash * 0x9e3779b97f4a7c15u) * items_ >>
          64);
      wait = static_cast<uint64_t>(memory_[item * item_bytes_ + wait]);
      benchmark::DoNotOptimize(wait);
    }
  }

 private:
  const uint64_t table_lines_;
  const size_t item_bytes_;
  const uint64_t items_;
  char* const table_;
  char* const memory_;
};

void SerialRow(const Options& o, Pair& pair) {
  auto* const floor = new Floor(o.large, 80);
  Ours* const ours = &pair.ours();
  std::vector<Side> sides;
  sides.push_back(
      {Who::kCucache, [=](unsigned thread, const Key* keys, size_t n) {
         if (ours->GetSerial(thread, keys, n) != n) Fail("get");
       }});
  pair.AddPeer(&sides, [](void* worker, const Key* keys, size_t n) {
    char value[32];
    uint64_t wait = 0;
    for (size_t i = 0; i < n; ++i) {
      const Key key = keys[i + wait];
      if (PeerGet(worker, key.bytes, kKeyBytes, 1, value, 32) != 1) Fail("get");
      wait = value[0] & 0x80;
    }
  });
  sides.push_back({Who::kFloor, [=](unsigned, const Key* keys, size_t n) {
                     floor->Run(keys, n);
                   }});
  Register(o, {"get_serial/large:against_two_misses", 1, Uniform(o.large),
               sides, AtMost(1.05)});
}

std::vector<Side> With(std::vector<Side> sides, Side another) {
  sides.push_back(std::move(another));
  return sides;
}

}  // namespace

void LargeWorld(const Options& o) {
  constexpr size_t kValue = 32;
  auto* const pair = new Pair(ShapeFor(o, kValue, true));
  RegisterWeight("memory_per_item/32_bytes",
                 FillAndWeigh(*pair, o.large, kValue), kValue, AtMost(0.55));
  auto* const cuckoo = new Cuckoo(o.large, kValue, o.large);
  cuckoo->Insert(0, o.large);
  const unsigned all = o.all_cores;
  const auto get = With(pair->Get(kValue), cuckoo->Get());
  Register(o, {"get/large_uniform", 1, Uniform(o.large), get, AtMost(0.33)});
  Register(o, {"get/large_uniform", all, Uniform(o.large), get});
  Register(o, {"get/large_uniform", 4, Uniform(o.large), get});
  Register(o, {"get/large_zipf", 1, Zipf(o.large), get});
  Register(o, {"get/large_zipf", all, Zipf(o.large), get});
  Register(o, {"get_miss/large", 1, Uniform(o.large, kMissBase),
               With(pair->Get(kValue, 0), cuckoo->Get(false)), AtMost(0.24)});
  for (const size_t batch : {24, 100}) {
    Register(o,
             {"get_batch_" + std::to_string(batch) + "/large", 1,
              Uniform(o.large), pair->GetBatch(batch, kValue), AtMost(0.07)});
  }
  SerialRow(o, *pair);
  const auto set = With(pair->Set(kValue), cuckoo->Update());
  Register(o, {"update/large", 1, Uniform(o.large), set, AtMost(0.38)});
  Register(o, {"update/large", all, Uniform(o.large), set, AtMost(0.28)});
}

void Large200World(const Options& o) {
  constexpr size_t kValue = 200;
  auto* const pair = new Pair(ShapeFor(o, kValue, true));
  RegisterWeight("memory_per_item/200_bytes",
                 FillAndWeigh(*pair, o.large, kValue), kValue, AtMost(0.52));
  Register(o, {"get/large_200_bytes", 1, Uniform(o.large), pair->Get(kValue)});
  for (const size_t batch : {24, 100}) {
    Register(o,
             {"get_batch_" + std::to_string(batch) + "/large_200_bytes", 1,
              Uniform(o.large), pair->GetBatch(batch, kValue), AtMost(0.11)});
  }
}

void SmallPagesWorld(const Options& o) {
  constexpr size_t kValue = 32;
  auto* const pair = new Pair(ShapeFor(o, kValue, false));
  RegisterWeight("memory_per_item/32_bytes:no_L",
                 FillAndWeigh(*pair, o.large, kValue), kValue, {});
  Register(o,
           {"get/large_uniform:no_L", 1, Uniform(o.large), pair->Get(kValue)});
  Register(o, {"get_batch_24/large:no_L", 1, Uniform(o.large),
               pair->GetBatch(24, kValue)});
  Register(o, {"update/large:no_L", 1, Uniform(o.large), pair->Set(kValue)});
}

}  // namespace cucache::bench
