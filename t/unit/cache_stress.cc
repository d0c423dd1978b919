// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Readers, writers, eviction, growth, expiry, flushes, moves and pins at once,
// with values that tell whether they are right: a value is made of its key and
// its length, so that a torn, foreign or reused one shows. Small memory, so
// that pages change classes all the time. Meant for the sanitizers.
//
// CUCACHE_STRESS_SECONDS: how long (default 2).

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache_fixture.h"

namespace cucache {
namespace {

using std::chrono::steady_clock;

int Seconds() {
  const char* seconds = std::getenv("CUCACHE_STRESS_SECONDS");
  return seconds == nullptr ? 2 : std::atoi(seconds);
}

class Stress {
 public:
  explicit Stress(Settings& settings) : cache_(settings, clock_) {
    cache_.StartMaintenance();
  }

  void Run(int threads) {
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([this, i] { Work(static_cast<uint64_t>(i)); });
    }
    std::this_thread::sleep_for(std::chrono::seconds(Seconds()));
    stop_ = true;
    for (std::thread& t : all) t.join();
    cache_.StopMaintenance();
  }

  std::atomic<uint64_t> wrong{0}, hits{0}, refused{0}, twice{0};
  CacheFigures figures() { return cache_.figures(); }

 private:
  void Work(uint64_t seed) {
    ThreadStats stats;
    CacheThread t(cache_, stats);
    std::mt19937_64 random(seed);
    t.Online();
    for (uint64_t n = 0; !stop_; ++n) {
      One(t, random());
      if (n % 8 == 0) t.Quiescent();
      if (n % 512 == 0) {
        t.Offline();
        if (seed == 0) clock_.AdvanceForTest(n % 4096 == 0 ? 1 : 0);
        t.Online();
      }
    }
    t.Offline();
  }

  void One(CacheThread& t, uint64_t r) {
    const std::string key = "key" + std::to_string(r % 4000);
    const uint64_t hash = cache_.Hash(key);
    switch ((r >> 32) % 16) {
      case 0:
        Remove(t, hash, key);
        break;
      case 1:
        if ((r >> 40) % 2000 == 0) cache_.FlushAll(t);
        if ((r >> 40) % 50 == 1) (void)cache_.ReassignPage(t, -1, 1);
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
    if ((r >> 50) % 64 == 0) length = (r >> 36) % 150000;
    ItemShape shape;
    shape.key = key;
    shape.hash = hash;
    shape.exptime = (r >> 56) % 8 == 0 ? clock_.now() + 2 : 0;
    shape.value_length = static_cast<uint32_t>(length);
    Item* item;
    if (cache_.Allocate(t, shape, &item) != AllocateStatus::kOk) {
      ++refused;
      return;
    }
    const std::string value = ValueFor(key, 0, length);
    CopyValueIn(item, 0, value.data(), length);
    if (!cache_.Update(t, hash, key, [&](Item*) {
          return Cache::Decision{Cache::Action::kReplace, item};
        })) {
      cache_.Free(t, item);
      ++refused;
    }
  }

  void Remove(CacheThread& t, uint64_t hash, const std::string& key) {
    if (!cache_.Update(t, hash, key, [&](Item*) {
          return Cache::Decision{Cache::Action::kRemove};
        })) {
      ++refused;
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
  Cache cache_;
  std::atomic<bool> stop_{false};
};

TEST(CacheStress, EverythingAtOnce) {
  Settings settings = SmallSettings(8);
  settings.page_size = 16384;
  Stress stress(settings);
  stress.Run(3);
  EXPECT_EQ(stress.wrong, 0u);
  EXPECT_GT(stress.hits, 1000u);
  const CacheFigures f = stress.figures();
  EXPECT_LE(f.curr_items, 4000u);
  EXPECT_LE(f.malloced_bytes, settings.maxbytes.load());
  RecordProperty("hits", static_cast<int>(stress.hits));
  RecordProperty("evictions", static_cast<int>(f.evictions));
  RecordProperty("refused", static_cast<int>(stress.refused));
}

}  // namespace
}  // namespace cucache
