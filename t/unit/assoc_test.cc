// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/assoc.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <deque>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/tags.h"
#include "t/unit/assoc_items.h"
#include "t/unit/assoc_peer.h"

namespace cucache {
namespace {

using Action = Assoc::Action;
using Decision = Assoc::Decision;
using Outcome = Assoc::Outcome;

std::string KeyOf(uint64_t n) { return "key:" + std::to_string(n); }

// A table and the items that were made for it, freed at the end.
class Fixture {
 public:
  explicit Fixture(const Assoc::Options& options) : table(hash, options) {}
  ~Fixture() {
    for (Item* item : items_) FreeItem(item);
  }
  Item* Make(const std::string& key, const std::string& value = "") {
    items_.push_back(NewItem(key, value));
    return items_.back();
  }
  Outcome SetItem(Item* item) {
    return table.Update(hash(item->key()), item->key(), [&](Item*) {
      return Decision{Action::kReplace, item};
    });
  }
  Outcome Set(const std::string& key, const std::string& value = "") {
    return SetItem(Make(key, value));
  }
  bool Delete(const std::string& key) {
    bool there = false;
    EXPECT_EQ(Outcome::kDone, table.Update(hash(key), key, [&](Item* old) {
      there = old != nullptr;
      return Decision{Action::kRemove};
    }));
    return there;
  }
  Item* Find(const std::string& key) { return table.Find(hash(key), key); }

  const KeyHash hash{12345};
  Assoc table;

 private:
  std::deque<Item*> items_;
};

Assoc::Options Small(unsigned bits = 6, bool expand = true) {
  Assoc::Options o;
  o.segment_bits = bits;
  o.max_segments = 256;
  o.expand = expand;
  return o;
}

// I8: an update at a place, as Cache::Update() does it.
class PlaceTest : public ::testing::Test {
 protected:
  PlaceTest() : f_(Small()) {}
  Item* Locate(const std::string& key) {
    return f_.table.Locate(f_.hash(key), key, &place_);
  }
  // True if decide was called, with `expected`.
  bool UpdateAt(Item* expected, Decision decision) {
    bool called = false;
    const bool done = f_.table.UpdateAt(place_, [&](Item* old) {
      called = true;
      EXPECT_EQ(expected, old);
      return decision;
    });
    EXPECT_EQ(done, called);
    return done;
  }

  Fixture f_;
  Assoc::Place place_;
};

// Two of seven keys are in their second bucket when it is full.
TEST_F(PlaceTest, ReplacesAndRemovesInEitherBucket) {
  int keys = 0;
  while (f_.table.load_percent() < 80) {
    ASSERT_EQ(Outcome::kDone, f_.Set(KeyOf(static_cast<uint64_t>(keys++))));
  }
  for (int i = 0; i < keys; ++i) {
    const std::string key = KeyOf(static_cast<uint64_t>(i));
    Item* const old = f_.Find(key);
    ASSERT_EQ(old, Locate(key));
    // Behind another key with the same tag, or not: nearly all are known.
    if (!place_.known()) continue;
    EXPECT_EQ(old, place_.item(f_.hash(key)));
    EXPECT_EQ(nullptr, place_.item(f_.hash(key) + 1));
    Item* const item = f_.Make(key);
    ASSERT_TRUE(UpdateAt(old, {Action::kReplace, item}));
    ASSERT_EQ(item, f_.Find(key));
    // It is not what stood there any more.
    ASSERT_FALSE(UpdateAt(old, {Action::kRemove}));
    ASSERT_EQ(item, Locate(key));
    ASSERT_TRUE(UpdateAt(item, {Action::kKeep}));
    ASSERT_EQ(item, f_.Find(key));
    ASSERT_TRUE(UpdateAt(item, {Action::kRemove}));
    ASSERT_EQ(nullptr, f_.Find(key));
    ASSERT_EQ(nullptr, Locate(key));
    EXPECT_FALSE(place_.known());
  }
  EXPECT_EQ(0u, f_.table.size());
  EXPECT_EQ(0, f_.table.Verify());
}

TEST_F(PlaceTest, IsOfNoUseOnceTheKeyIsGone) {
  ASSERT_EQ(Outcome::kDone, f_.Set("a"));
  Item* const old = Locate("a");
  ASSERT_NE(nullptr, old);
  ASSERT_TRUE(f_.Delete("a"));
  EXPECT_FALSE(UpdateAt(old, {Action::kReplace, f_.Make("a")}));
  EXPECT_EQ(nullptr, f_.Find("a"));
}

// Others fill the table, and displace keys that were located before.
TEST(AssocTest, PlacesOfKeysThatWereMovedMeanwhile) {
  Fixture f(Small(6, false));
  std::vector<Assoc::Place> places(200);
  std::vector<Item*> items;
  for (size_t i = 0; i < places.size(); ++i) {
    const std::string key = KeyOf(i);
    ASSERT_EQ(Outcome::kDone, f.Set(key));
    items.push_back(f.table.Locate(f.hash(key), key, &places[i]));
    ASSERT_NE(nullptr, items.back());
  }
  uint64_t next = places.size();
  while (f.Set(KeyOf(next)) == Outcome::kDone) ++next;
  size_t moved = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    if (!places[i].known()) continue;
    Item* const item = f.Make(KeyOf(i));
    const bool done = f.table.UpdateAt(places[i], [&](Item* old) {
      EXPECT_EQ(items[i], old);
      return Decision{Action::kReplace, item};
    });
    EXPECT_EQ(done ? item : items[i], f.Find(KeyOf(i)));
    moved += !done;
  }
  EXPECT_LT(0u, moved);
  EXPECT_GT(places.size(), moved);
  EXPECT_EQ(static_cast<int64_t>(next), f.table.Verify());
}

// The shape has changed, though the word may be where it was (I5).
TEST_F(PlaceTest, IsOfNoUseOnceTheTableGrows) {
  int keys = 0;
  while (f_.table.segments() < 2 && keys < 2000) {
    ASSERT_EQ(Outcome::kDone, f_.Set("a"));
    Item* const old = Locate("a");
    if (place_.known()) {
      // What is known stays right until the state changes.
      const uint32_t segments = f_.table.segments();
      ASSERT_EQ(Outcome::kDone, f_.Set(KeyOf(static_cast<uint64_t>(keys))));
      f_.table.Maintain();
      Item* const item = f_.Make("a");
      if (f_.table.segments() != segments) {
        EXPECT_FALSE(UpdateAt(old, {Action::kReplace, item}));
      }
    }
    ++keys;
  }
  EXPECT_LT(1u, f_.table.segments());
  EXPECT_EQ(static_cast<int64_t>(f_.table.size()), f_.table.Verify());
}

TEST(AssocTest, InsertFindReplaceRemove) {
  Fixture f(Small());
  EXPECT_EQ(nullptr, f.Find("a"));
  Item* const first = f.Make("a", "1");
  EXPECT_EQ(Outcome::kDone, f.SetItem(first));
  EXPECT_EQ(first, f.Find("a"));
  EXPECT_EQ(nullptr, f.Find("aa"));
  EXPECT_EQ(1u, f.table.size());
  Item* const second = f.Make("a", "2");
  EXPECT_EQ(Outcome::kDone, f.SetItem(second));
  EXPECT_EQ(second, f.Find("a"));
  EXPECT_EQ(1u, f.table.size());
  EXPECT_TRUE(f.Delete("a"));
  EXPECT_FALSE(f.Delete("a"));
  EXPECT_EQ(nullptr, f.Find("a"));
  EXPECT_EQ(0u, f.table.size());
  EXPECT_EQ(0, f.table.Verify());
}

TEST(AssocTest, DecideSeesTheOldItemAndKeepChangesNothing) {
  Fixture f(Small());
  Item* seen = nullptr;
  const auto keep = [&](Item* old) {
    seen = old;
    return Decision{Action::kKeep};
  };
  EXPECT_EQ(Outcome::kDone, f.table.Update(f.hash("k"), "k", keep));
  EXPECT_EQ(nullptr, seen);
  EXPECT_EQ(nullptr, f.Find("k"));
  Item* const item = f.Make("k");
  EXPECT_EQ(Outcome::kDone, f.SetItem(item));
  EXPECT_EQ(Outcome::kDone, f.table.Update(f.hash("k"), "k", keep));
  EXPECT_EQ(item, seen);
  EXPECT_EQ(item, f.Find("k"));
}

TEST(AssocTest, RemoveGoesByIdentity) {
  Fixture f(Small());
  Item* const a = f.Make("k", "a");
  Item* const b = f.Make("k", "b");
  const uint64_t h = f.hash("k");
  EXPECT_FALSE(f.table.Remove(h, a));
  EXPECT_EQ(Outcome::kDone, f.SetItem(a));
  EXPECT_FALSE(f.table.Remove(h, b));
  EXPECT_EQ(a, f.Find("k"));
  EXPECT_EQ(Outcome::kDone, f.SetItem(b));
  EXPECT_FALSE(f.table.Remove(h, a));
  EXPECT_EQ(b, f.Find("k"));
  EXPECT_TRUE(f.table.Remove(h, b));
  EXPECT_EQ(nullptr, f.Find("k"));
  EXPECT_EQ(0u, f.table.size());
}

TEST(AssocTest, LongEmptyAndBinaryKeys) {
  Fixture f(Small());
  const std::string keys[] = {"", std::string(250, 'x'), std::string(1, '\0'),
                              std::string("\0a", 2), "a"};
  for (const std::string& key : keys) {
    EXPECT_EQ(Outcome::kDone, f.Set(key, key + "!"));
  }
  for (const std::string& key : keys) {
    ASSERT_NE(nullptr, f.Find(key));
    EXPECT_EQ(key + "!", ValueOf(f.Find(key)));
  }
}

TEST(AssocTest, FirstFailedInsertIsAbove98Percent) {
  for (const unsigned bits : {10u, 15u}) {
    Fixture f(Small(bits, false));
    uint64_t n = 0;
    while (f.Set(KeyOf(n)) == Outcome::kDone) ++n;
    const double load = static_cast<double>(n) / (uint64_t{8} << bits);
    EXPECT_GE(load, 0.98) << bits;
    EXPECT_EQ(n, f.table.size());
    EXPECT_EQ(static_cast<int64_t>(n), f.table.Verify());
    EXPECT_EQ(nullptr, f.Find(KeyOf(n)));
    for (uint64_t i = 0; i < n; ++i) ASSERT_NE(nullptr, f.Find(KeyOf(i)));
    RecordProperty("load_" + std::to_string(bits), std::to_string(load));
  }
}

TEST(AssocTest, FullTableStillReplacesAndHasVictims) {
  Fixture f(Small(6, false));
  uint64_t n = 0;
  while (f.Set(KeyOf(n)) == Outcome::kDone) ++n;
  EXPECT_EQ(Outcome::kDone, f.Set(KeyOf(0), "new"));
  EXPECT_EQ("new", ValueOf(f.Find(KeyOf(0))));
  const uint64_t h = f.hash(KeyOf(n));
  Item* const victim = f.table.Victim(h);
  ASSERT_NE(nullptr, victim);
  EXPECT_TRUE(f.table.Remove(f.hash(victim->key()), victim));
  EXPECT_EQ(Outcome::kDone, f.Set(KeyOf(n)));
  EXPECT_EQ(static_cast<int64_t>(n), f.table.Verify());
}

TEST(AssocTest, VictimHasTheLowestRecency) {
  Fixture f(Small(6, false));
  std::vector<Item*> items;
  for (uint64_t n = 0; n < 480; ++n) {
    items.push_back(f.Make(KeyOf(n)));
    ASSERT_EQ(Outcome::kDone, f.SetItem(items.back()));
    items.back()->mark.store(3);
  }
  items[77]->mark.store(1);
  EXPECT_EQ(items[77], f.table.Victim(f.hash(KeyOf(77))));
}

// The same 64 bits of hash: more keys than two buckets hold. No growth helps.
TEST(AssocTest, KeysOfOneHashFillTwoBucketsAndDoNotGrowTheTable) {
  Fixture f(Small());
  const uint64_t h = f.hash("victim");
  for (int n = 0; n < 100; ++n) {
    Item* const item = f.Make(KeyOf(n));
    const Outcome outcome = f.table.Update(h, item->key(), [&](Item*) {
      return Decision{Action::kReplace, item};
    });
    EXPECT_EQ(n < 16 ? Outcome::kDone : Outcome::kFull, outcome) << n;
  }
  for (int n = 0; n < 100; ++n) {
    EXPECT_EQ(n < 16, f.table.Find(h, KeyOf(n)) != nullptr) << n;
  }
  EXPECT_EQ(1u, f.table.segments());
}

// I2: a reader that missed a word that was moved learns it from the version of
// the bucket that the word was moved into. Returns how many were moved.
int MovesAreTold(const AssocPeer::Picture& before,
                 const AssocPeer::Picture& after) {
  int moved = 0;
  for (const auto& [word, place] : after.words) {
    const auto old = before.words.find(word);
    if (old == before.words.end() || old->second == place) continue;
    ++moved;
    EXPECT_GT(after.versions[place.second], before.versions[place.second])
        << "bucket " << place.second;
  }
  return moved;
}

TEST(AssocTest, DisplacementBumpsTheVersionOfTheDestination) {
  Fixture f(Small(6, false));
  int moved = 0;
  auto before = AssocPeer::Take(f.table);
  for (uint64_t n = 0; n < 480; ++n) {
    ASSERT_EQ(Outcome::kDone, f.Set(KeyOf(n))) << n;
    const auto after = AssocPeer::Take(f.table);
    moved += MovesAreTold(before, after);
    before = after;
  }
  EXPECT_GT(moved, 20);
}

TEST(AssocTest, MergingBumpsTheVersionsOfTheDestination) {
  Fixture f(Small(6));
  uint64_t n = 0;
  for (; n < 3000; ++n) ASSERT_EQ(Outcome::kDone, f.Set(KeyOf(n)));
  f.table.Maintain();
  while (n > 1000) ASSERT_TRUE(f.Delete(KeyOf(--n)));
  int moved = 0;
  ASSERT_TRUE(AssocPeer::BeginMerge(f.table));
  auto before = AssocPeer::Take(f.table);
  while (AssocPeer::Sweep(f.table, 1)) {
    const auto after = AssocPeer::Take(f.table);
    moved += MovesAreTold(before, after);
    before = after;
  }
  EXPECT_GT(moved, 20);
}

TEST(AssocTest, GrowsWithoutMaintenance) {
  Fixture f(Small());
  for (uint64_t n = 0; n < 40000; ++n) {
    ASSERT_EQ(Outcome::kDone, f.Set(KeyOf(n))) << n;
  }
  EXPECT_GE(f.table.segments(), 40000u / 512);
  EXPECT_EQ(40000u, f.table.size());
  EXPECT_EQ(40000, f.table.Verify());
}

TEST(AssocTest, MaintainGrowsAndShrinks) {
  size_t reserved = 0;
  Assoc::Options o = Small();
  o.initial_segments = 2;
  o.reserve = [&](size_t bytes) { return reserved += bytes, true; };
  o.release = [&](size_t bytes) { reserved -= bytes; };
  {
    Fixture f(o);
    EXPECT_EQ(f.table.bytes(), reserved);
    uint64_t n = 0;
    for (; n < 20000; ++n) {
      ASSERT_EQ(Outcome::kDone, f.Set(KeyOf(n)));
      if (f.table.NeedsMaintenance()) f.table.Maintain(3);
    }
    f.table.Maintain();
    EXPECT_FALSE(f.table.is_expanding());
    EXPECT_EQ(64u, f.table.segments());
    EXPECT_EQ(15u, f.table.hash_power());
    EXPECT_EQ(20000u * 100 / 32768, f.table.load_percent());
    EXPECT_EQ(20000, f.table.Verify());
    EXPECT_EQ(f.table.bytes(), reserved);
    for (n = 0; n < 19900; ++n) {
      ASSERT_TRUE(f.Delete(KeyOf(n)));
      if (n % 16 == 0) f.table.Maintain(7);
    }
    f.table.Maintain();
    EXPECT_EQ(2u, f.table.segments());
    EXPECT_EQ(100, f.table.Verify());
    for (; n < 20000; ++n) ASSERT_NE(nullptr, f.Find(KeyOf(n)));
    EXPECT_EQ(f.table.bytes(), reserved);
  }
  EXPECT_EQ(0u, reserved);
}

TEST(AssocTest, AsksBeforeItGrows) {
  int allowed = 3;
  Assoc::Options o = Small();
  o.reserve = [&](size_t) { return allowed-- > 0; };
  Fixture f(o);
  uint64_t n = 0;
  while (f.Set(KeyOf(n)) == Outcome::kDone) ++n;
  // The first permission went to the initial segment, two splits followed.
  EXPECT_EQ(3u, f.table.segments());
  EXPECT_EQ(static_cast<int64_t>(n), f.table.Verify());
  allowed = 1000;
  EXPECT_EQ(Outcome::kDone, f.Set(KeyOf(n)));
}

// Every operation at every step of splits and merges, against a map.
TEST(AssocTest, AgreesWithAMapWhileItGrowsAndShrinks) {
  Fixture f(Small());
  std::unordered_map<std::string, Item*> model;
  std::mt19937_64 random(7);
  uint64_t range = 300;
  for (int step = 0; step < 300000; ++step) {
    if (step % 30000 == 0) range = range == 300 ? 12000 : 300;
    const std::string key = KeyOf(random() % 12000);
    const auto it = model.find(key);
    Item* const old = it == model.end() ? nullptr : it->second;
    ASSERT_EQ(old, f.Find(key));
    if (model.size() < range && random() % 4 != 0) {
      Item* const item = f.Make(key);
      ASSERT_EQ(Outcome::kDone, f.SetItem(item));
      model[key] = item;
    } else if (old != nullptr) {
      const bool by_identity = random() % 2 == 0;
      ASSERT_TRUE(by_identity ? f.table.Remove(f.hash(key), old)
                              : f.Delete(key));
      model.erase(key);
    }
    if (step % 8 == 0) f.table.Maintain(random() % 20);
    if (step % 5000 == 0) {
      ASSERT_EQ(static_cast<int64_t>(model.size()), f.table.Verify());
      ASSERT_EQ(model.size(), f.table.size());
    }
  }
}

TEST(AssocTest, BatchFindsWhatFindFinds) {
  Fixture f(Small());
  for (uint64_t n = 0; n < 3000; ++n) {
    ASSERT_EQ(Outcome::kDone, f.Set(KeyOf(n), std::string(n % 2000, 'v')));
  }
  for (const size_t size : {0, 1, 2, 31, 32, 33, 64, 100, 6000}) {
    std::vector<std::string> keys;
    for (size_t i = 0; i < size; ++i) keys.push_back(KeyOf(i * 7 % 6000));
    std::vector<Lookup> lookups;
    for (const std::string& key : keys) {
      lookups.push_back({key, f.hash(key), reinterpret_cast<Item*>(1)});
    }
    f.table.FindBatch(lookups.data(), lookups.size());
    for (size_t i = 0; i < size; ++i) {
      ASSERT_EQ(f.Find(keys[i]), lookups[i].item) << keys[i];
    }
  }
}

// A read writes nothing: neither a hit in either bucket, nor a miss, nor a
// batch touches memory that it may only read.
TEST(AssocTest, ReadsWriteNothing) {
  Fixture f(Small());
  for (uint64_t n = 0; n < 3000; ++n) {
    ASSERT_EQ(Outcome::kDone, f.Set(KeyOf(n)));
  }
  const Assoc::Region regions[] = {f.table.slots_region(),
                                   f.table.stripes_region()};
  for (const Assoc::Region& r : regions) {
    ASSERT_EQ(0, mprotect(r.at, r.bytes, PROT_READ));
  }
  for (uint64_t n = 0; n < 6000; ++n) {
    const std::string key = KeyOf(n);
    ASSERT_EQ(n < 3000, f.Find(key) != nullptr);
    Lookup lookup = {key, f.hash(key), nullptr};
    f.table.FindBatch(&lookup, 1);
    ASSERT_EQ(n < 3000, lookup.item != nullptr);
  }
  for (const Assoc::Region& r : regions) {
    ASSERT_EQ(0, mprotect(r.at, r.bytes, PROT_READ | PROT_WRITE));
  }
}

// Words of few different parts, so that a tag also stands where an address
// does.
TEST(TagsTest, AreFoundWhereTheyStandAndNowhereElse) {
  constexpr uint64_t kParts[] = {0, 1, 0x00ff, 0xff00, 0x8000, 0xffff};
  std::mt19937_64 random(1);
  const auto part = [&] { return kParts[random() % std::size(kParts)]; };
  for (int round = 0; round < 100000; ++round) {
    Bucket bucket;
    for (auto& slot : bucket.slots) {
      slot = part() << 48 | part() << 32 | part() << 16 | part();
    }
    const uint64_t tag = part();
    bool there = false;
    for (auto& slot : bucket.slots) there |= slot::Tag(slot) == tag;
    ASSERT_EQ(there, HasTag(bucket, tag));
    const std::atomic<uint64_t>* const found = FindTag(bucket, tag);
    ASSERT_EQ(there, found != nullptr);
    if (there) {
      ASSERT_EQ(tag, slot::Tag(*found));
    }
  }
}

TEST(TagsTest, EverySlotIsLookedAt) {
  for (auto kept = 0u; kept < kSlotsPerBucket; ++kept) {
    Bucket bucket{};
    bucket.slots[kept] = uint64_t{0x1234} << slot::kTagShift;
    EXPECT_EQ(&bucket.slots[kept], FindTag(bucket, 0x1234));
    EXPECT_TRUE(HasTag(bucket, 0x1234));
    EXPECT_FALSE(HasTag(bucket, 0x1235));
  }
}

TEST(AssocLayoutTest, SlotWordKeepsTagAddressAndLines) {
  alignas(64) char memory[4096];
  for (const size_t offset : {0, 16, 48}) {
    for (const size_t length : {0, 1, 100, 936, 3000}) {
      Item* const item =
          InitItem(memory + offset, "k", std::string(length, 'v'));
      const uint64_t word = slot::Pack(0xfedc, item, slot::BytesToRead(*item));
      EXPECT_EQ(0xfedcu, slot::Tag(word));
      EXPECT_EQ(item, slot::ItemOf(word));
      const size_t lines = (offset + 25 + length + 63) / 64;
      EXPECT_EQ(lines < 16 ? lines : 16, slot::Lines(word));
    }
  }
}

TEST(AssocLayoutTest, EachBucketLeadsToTheOther) {
  for (const uint32_t mask : {63u, 32767u}) {
    for (uint64_t tag = 0; tag < 65536; ++tag) {
      const uint32_t distance = Probe::Distance(tag, mask);
      ASSERT_EQ(1u, distance & 1);
      ASSERT_LE(distance, mask);
    }
  }
}

TEST(AssocLayoutTest, StatePacksItsParts) {
  const TableState s(5, 17, Phase::kMerge, 123456789);
  EXPECT_EQ(5u, s.level());
  EXPECT_EQ(17u, s.split());
  EXPECT_EQ(Phase::kMerge, s.phase());
  EXPECT_EQ(123456789u, s.sequence());
  EXPECT_EQ(49u, s.twin());
  EXPECT_EQ(50u, s.segments());
  EXPECT_EQ(3u + 32, s.SegmentOf(3 + 32));
  EXPECT_EQ(17u, s.SegmentOf(17 + 32));
  EXPECT_EQ(20u, s.SegmentOf(20 + 32));
}

}  // namespace
}  // namespace cucache
