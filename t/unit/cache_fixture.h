// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A cache, and one thread that uses it, for tests. Values tell what they are:
// ValueFor() makes them from the key and a version.

#ifndef CUCACHE_T_UNIT_CACHE_FIXTURE_H_
#define CUCACHE_T_UNIT_CACHE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "cache/cache.h"
#include "cache/value.h"

namespace cucache {

inline Settings SmallSettings(uint64_t megabytes = 16) {
  Settings settings;
  settings.maxbytes = megabytes << 20;
  return settings;
}

inline std::string ValueFor(std::string_view key, uint32_t version,
                            size_t length) {
  std::string unit(key);
  unit += '#' + std::to_string(version) + '#' + std::to_string(length) + '|';
  std::string value;
  while (value.size() < length) value += unit;
  value.resize(length);
  return value;
}

inline std::string ReadValue(const Item& item) {
  std::string value(item.value_length, '\0');
  CopyValueOut(item, 0, value.data(), value.size());
  return value;
}

class CacheFixture : public ::testing::Test {
 protected:
  explicit CacheFixture(Settings settings = SmallSettings())
      : settings_(settings), cache_(settings_, clock_), t_(cache_, stats_) {
    t_.Online();
  }
  ~CacheFixture() override { t_.Offline(); }

  // nullptr when refused.
  Item* Make(std::string_view key, std::string_view value, RelTime exptime = 0,
             uint32_t flags = 0) {
    ItemShape shape;
    shape.key = key;
    shape.hash = cache_.Hash(key);
    shape.flags = flags;
    shape.exptime = exptime;
    shape.value_length = static_cast<uint32_t>(value.size());
    Item* item;
    if (cache_.Allocate(t_, shape, &item) != AllocateStatus::kOk) {
      return nullptr;
    }
    CopyValueIn(item, 0, value.data(), value.size());
    return item;
  }
  bool Set(std::string_view key, std::string_view value, RelTime exptime = 0,
           uint32_t flags = 0) {
    Item* item = Make(key, value, exptime, flags);
    if (item == nullptr) return false;
    const bool linked = cache_.Update(t_, cache_.Hash(key), key, [&](Item*) {
      return Cache::Decision{Cache::Action::kReplace, item};
    });
    if (!linked) cache_.Free(t_, item);
    return linked;
  }
  Item* Find(std::string_view key, Finding* why = nullptr) {
    return cache_.Find(t_, cache_.Hash(key), key, why);
  }
  bool Delete(std::string_view key) {
    bool found = false;
    EXPECT_TRUE(cache_.Update(t_, cache_.Hash(key), key, [&](Item* old) {
      found = old != nullptr;
      return Cache::Decision{Cache::Action::kRemove};
    }));
    return found;
  }
  // Until everything that was retired is free.
  void Settle() {
    for (int i = 0; i < 8; ++i) t_.Reclaim();
  }

  Clock clock_;
  Settings settings_;
  Cache cache_;
  ThreadStats stats_;
  CacheThread t_;
};

}  // namespace cucache

#endif  // CUCACHE_T_UNIT_CACHE_FIXTURE_H_
