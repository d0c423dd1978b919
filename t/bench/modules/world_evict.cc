// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Sets that have to throw something out, and how much the same -m holds.

#include "t/bench/modules/world.h"

namespace cucache::bench {
namespace {

constexpr size_t kValue = 32;

// Until new items replace old ones on both sides.
void FillTwice(Pair& pair, uint64_t megabytes, size_t value_bytes) {
  const uint64_t n = (megabytes << 20) * 2 / (value_bytes + 40);
  pair.FillAll(n, value_bytes);
}

void RegisterHeld(const std::string& name, uint64_t megabytes,
                  size_t value_bytes, double goal) {
  Shape shape;
  shape.megabytes = megabytes;
  auto* const pair = new Pair(shape);
  FillTwice(*pair, megabytes, value_bytes);
  RegisterOnce(name, [=](benchmark::State& state) {
    Figures figures;
    figures[Who::kCucache] = static_cast<double>(pair->ours().items());
    if (pair->has_peer()) {
      figures[Who::kMemcached] = static_cast<double>(PeerItems());
      figures.ratio = figures.side[0] / figures.side[1];
    }
    Publish(state, figures, {GoalOf::kRatioAtLeast, goal},
            "items held with -m " + std::to_string(megabytes));
  });
}

}  // namespace

void EvictWorld(const Options& o) {
  Shape shape;
  shape.megabytes = o.quick ? 128 : 512;
  shape.workers = std::max(4u, o.all_cores);
  auto* const pair = new Pair(shape);
  FillTwice(*pair, shape.megabytes, kValue);
  const auto set = pair->Set(kValue);
  const KeySources fresh = Fresh(uint64_t{1} << 50);
  Register(o, {"set_evicts", 1, fresh, set, AtMost(0.28)});
  Register(o, {"set_evicts", o.all_cores, fresh, set, AtMost(0.12)});
  RegisterOnce("set_evicts/failed", [=](benchmark::State& state) {
    Figures figures;
    for (const Who who : {Who::kCucache, Who::kMemcached}) {
      if (who == Who::kMemcached && !pair->has_peer()) continue;
      figures[who] = static_cast<double>(pair->failed_sets(who));
    }
    Publish(state, figures, {GoalOf::kOwnAtMost, 0}, "failed sets");
  });
}

void HeldWorld(const Options& o) {
  RegisterHeld("items_held/32_bytes", o.quick ? 64 : 1024, 32, 1.35);
}
void Held200World(const Options& o) {
  RegisterHeld("items_held/200_bytes", o.quick ? 64 : 1024, 200, 1.22);
}

}  // namespace cucache::bench
