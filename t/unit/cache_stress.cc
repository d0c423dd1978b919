// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Readers, writers, eviction, growth, expiry, flushes, moves and pins at once,
// with values that tell whether they are right: a value is made of its key, a
// version and its length, so that a torn, foreign or reused one shows. Small
// memory, so that pages change classes all the time. Meant for the sanitizers.
//
// Some keys have one writer each, who counts their versions. Of these nobody
// sees a version after a newer one, and their writer sees the last one or none,
// and none at all after a removal; with -M it sees the last one.
//
// CUCACHE_STRESS_SECONDS: how long each (default 1).

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache/cache_at_once.h"
#include "cache_fixture.h"

namespace cucache {
namespace {

using std::chrono::steady_clock;

int Seconds() {
  const char* seconds = std::getenv("CUCACHE_STRESS_SECONDS");
  return seconds == nullptr ? 1 : std::atoi(seconds);
}

constexpr int kThreads = 3;
constexpr uint64_t kKeys = 4000;
constexpr uint64_t kOwnKeys = 64;  // of each thread

constexpr uint64_t kNoFlushes = ~uint64_t{0};

// What happens besides.
struct Plan {
  uint64_t flushes = 2000;   // once in so many chances
  uint64_t small_limit = 0;  // megabytes between which -m goes up and down
  uint64_t holes = 0;   // once in so many steps every second key is deleted
  bool plenty = false;  // two items a page, and pages are reassigned
};

// At least, in a run.
constexpr uint64_t kHits = 100;
constexpr uint64_t kMovedPages = 100;  // if pages are reassigned

class Stress {
 public:
  Stress(Settings& settings, const Plan& plan)
      : settings_(settings), plan_(plan), cache_(settings, clock_) {
    std::string error;
    EXPECT_TRUE(cache_.StartMaintenance(&error)) << error;
  }

  void Run() {
    std::vector<std::thread> all;
    for (uint64_t i = 0; i < kThreads; ++i) {
      all.emplace_back([this, i] { Work(i); });
    }
    const uint64_t limit = settings_.maxbytes.load();
    // On a busy machine it may take longer until the run says something.
    for (int i = 0; i < Seconds() * 20 || (!Proved() && i < 1200); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (plan_.small_limit == 0) continue;
      const bool small = i % 4 < 2;
      EXPECT_TRUE(cache_.SetMemLimit(small ? plan_.small_limit << 20 : limit));
    }
    stop_ = true;
    for (std::thread& t : all) t.join();
    cache_.StopMaintenance();
  }

  std::atomic<uint64_t> wrong{0}, older{0}, lost{0}, hits{0}, refused{0};
  CacheFigures figures() { return cache_.figures(); }

 private:
  bool Proved() {
    const CacheFigures f = cache_.figures();
    return hits > kHits && (plan_.holes == 0 || f.compacted_pages > 0) &&
           (!plan_.plenty || f.slabs_moved > kMovedPages);
  }

  // What one thread knows.
  struct Known {
    uint64_t self;
    uint32_t written[kOwnKeys] = {};  // last version; 0 after a removal
    uint32_t next[kOwnKeys] = {};
    uint32_t seen[kThreads][kOwnKeys] = {};
  };

  void Work(uint64_t seed) {
    Known known;
    known.self = seed;
    ThreadStats stats;
    CacheThread t(cache_, stats);
    std::mt19937_64 random(seed);
    t.Online();
    for (uint64_t n = 0; !stop_; ++n) {
      One(t, random());
      Own(t, &known, random());
      if (plan_.holes != 0 && n % plan_.holes == seed) MakeHoles(t, n);
      if (n % 8 == 0) t.Quiescent();
      if (n % 512 == 0) {
        t.Offline();
        if (seed == 0) clock_.Advance(n % 4096 == 0 ? 1 : 0);
        t.Online();
      }
    }
    t.Offline();
  }

  void Own(CacheThread& t, Known* known, uint64_t r) {
    const uint64_t owner = (r >> 32) % kThreads, n = r % kOwnKeys;
    const std::string key =
        "own" + std::to_string(owner) + "/" + std::to_string(n);
    const uint64_t hash = cache_.Hash(key);
    if (owner == known->self) {
      if ((r >> 40) % 8 == 0) {
        Remove(t, hash, key);
        known->written[n] = 0;
      } else if ((r >> 40) % 8 < 4) {
        const uint32_t version = ++known->next[n];
        // A refused store may leave the old one.
        if (Put(t, hash, key, version, 40 + (r >> 44) % 2000)) {
          known->written[n] = version;
        }
      }
    }
    Item* item = cache_.Find(t, hash, key);
    if (item == nullptr) {
      if (owner == known->self && known->written[n] != 0) ++lost;
      return;
    }
    if ((r >> 60) == 0) item->Touch(clock_.now());
    const std::string value = ReadValue(*item);
    const size_t at = key.size() + 1;
    const auto version =
        static_cast<uint32_t>(std::strtoul(value.data() + at, nullptr, 10));
    if (value != ValueFor(key, version, value.size())) ++wrong;
    if (version < known->seen[owner][n]) ++older;
    known->seen[owner][n] = version;
    if (owner == known->self && version != known->written[n]) ++older;
  }

  void One(CacheThread& t, uint64_t r) {
    const std::string key = "key" + std::to_string(r % kKeys);
    const uint64_t hash = cache_.Hash(key);
    switch ((r >> 32) % 16) {
      case 0:
        Remove(t, hash, key);
        break;
      case 1:
        if ((r >> 40) % plan_.flushes == 0) cache_.FlushAll(t);
        if ((r >> 40) % 50 == 1 || plan_.plenty) {
          (void)cache_.ReassignPage(t, -1, 1);
        }
        PinAndCheck(t, hash, key);
        break;
      case 2:
      case 3:
      case 4:
      case 5:
        Store(t, hash, key, r);
        break;
      default:
        Read(t, hash, key);
    }
  }

  void Store(CacheThread& t, uint64_t hash, const std::string& key,
             uint64_t r) {
    size_t length = (r >> 40) % 600;
    // Of few classes, so that each has many pages.
    if (plan_.holes != 0) length = 200 + length % 3 * 300;
    if (plan_.plenty) return (void)Put(t, hash, key, 0, 8000);
    if ((r >> 50) % 64 == 0) length = (r >> 36) % 150000;
    (void)Put(t, hash, key, 0, length,
              (r >> 56) % 8 == 0 ? clock_.now() + 2 : 0);
  }

  bool Put(CacheThread& t, uint64_t hash, const std::string& key,
           uint32_t version, size_t length, RelTime exptime = 0) {
    ItemShape shape;
    shape.key = key;
    shape.hash = hash;
    shape.exptime = exptime;
    shape.value_length = static_cast<uint32_t>(length);
    const std::string value = ValueFor(key, version, length);
    // As clients' sets come, half of them; the others in steps.
    int c;
    if (length % 2 == 0 &&
        cache_.SetAtOnce(t, shape, value.data(), 0, &c) != nullptr) {
      return true;
    }
    Item* item;
    if (cache_.Allocate(t, shape, &item) != AllocateStatus::kOk) {
      ++refused;
      return false;
    }
    CopyValueIn(item, 0, value.data(), length);
    const bool linked = cache_.Update(t, hash, key, [&](Item*) {
      return Cache::Decision{Cache::Action::kReplace, item};
    });
    if (linked) return true;
    cache_.Free(t, item);
    ++refused;
    return false;
  }

  void Remove(CacheThread& t, uint64_t hash, const std::string& key) {
    if (!cache_.Update(t, hash, key, [&](Item*) {
          return Cache::Decision{Cache::Action::kRemove};
        })) {
      ++refused;
    }
  }

  // So that there are sparse pages, of different pages each time.
  void MakeHoles(CacheThread& t, uint64_t n) {
    for (uint64_t i = n % 2; i < kKeys; i += 2) {
      const std::string key = "key" + std::to_string(i);
      Remove(t, cache_.Hash(key), key);
      if (i % 64 < 2) t.Quiescent();
    }
  }

  void Check(const Item& item, const std::string& key) {
    ++hits;
    const std::string value = ReadValue(item);
    if (item.key() != key || value != ValueFor(key, 0, value.size())) ++wrong;
  }

  void Read(CacheThread& t, uint64_t hash, const std::string& key) {
    Item* item = cache_.Find(t, hash, key);
    if (item == nullptr) return;
    item->Touch(clock_.now());
    Check(*item, key);
  }

  // Holds an item over quiescent states.
  void PinAndCheck(CacheThread& t, uint64_t hash, const std::string& key) {
    Item* item = cache_.Find(t, hash, key);
    if (item == nullptr) return;
    cache_.Pin(item);
    for (int i = 0; i < 4; ++i) {
      t.Quiescent();
      std::this_thread::yield();
    }
    Check(*item, key);
    cache_.Unpin(t, item);
  }

  Clock clock_;
  Settings& settings_;
  const Plan plan_;
  Cache cache_;
  std::atomic<bool> stop_{false};
};

CacheFigures RunPlan(uint64_t megabytes, bool evict, const Plan& plan) {
  Settings settings = SmallSettings(megabytes);
  settings.page_size = 16384;
  settings.evict_to_free = evict;
  Stress stress(settings, plan);
  stress.Run();
  EXPECT_EQ(stress.wrong, 0u);
  EXPECT_EQ(stress.older, 0u);
  if (!evict && plan.flushes == kNoFlushes) {
    EXPECT_EQ(stress.lost, 0u);
  }
  EXPECT_GT(stress.hits, kHits);
  const CacheFigures f = stress.figures();
  EXPECT_LE(f.curr_items, kKeys + kThreads * kOwnKeys);
  if (plan.small_limit == 0) {
    EXPECT_LE(f.malloced_bytes, settings.maxbytes.load());
  }
  std::printf("hits %lu evictions %lu refused %lu\n", stress.hits.load(),
              f.evictions, stress.refused.load());
  return f;
}

TEST(CacheStress, EverythingAtOnce) { RunPlan(8, true, {}); }
TEST(CacheStress, LimitUpAndDown) { RunPlan(32, true, {.small_limit = 2}); }
TEST(CacheStress, FlushStorm) { RunPlan(4, true, {.flushes = 20}); }
TEST(CacheStress, NothingLeaves) { RunPlan(4, false, {.flushes = kNoFlushes}); }
// Half of the memory is free all the time: nothing leaves for a reassignment.
TEST(CacheStress, Reassigned) {
  const CacheFigures f =
      RunPlan(128, true, {.flushes = kNoFlushes, .plenty = true});
  EXPECT_EQ(f.evictions, 0u);
  EXPECT_GT(f.slabs_moved, kMovedPages);
}
TEST(CacheStress, SparsePages) {
  for (const bool evict : {true, false}) {
    const CacheFigures f = RunPlan(4, evict, {.small_limit = 3, .holes = 2000});
    EXPECT_GT(f.compacted_pages, 0u);
    std::printf("compacted pages %lu items %lu\n", f.compacted_pages,
                f.compacted_items);
  }
}

}  // namespace
}  // namespace cucache
