// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Readers, writers, displacement, growth and shrinking all at once, with values
// that check themselves. Made to be run under each of the sanitizers too.
//
//   assoc_stress [seconds [segment_bits [readers [writers [seed]]]]]
// CUCACHE_STRESS_SECONDS overrides the default of 2 seconds.
//
// What is checked, all the time:
//   - a stable key is there at any moment, whatever moves around it, and a
//     reader never sees one of its values after a newer one;
//   - who looks up two keys in a batch, and sees the later of two stores under
//     the first of them, sees the earlier one under the second;
//   - a key that was never inserted is never found;
//   - an item that is found has the key that was asked for and a whole value
//     (items are overwritten when they are freed, after their grace period);
//   - a writer finds its own keys exactly as it left them;
//   - counters that all the writers increment lose no increment;
//   - a walk meets every stable key, however they move meanwhile.
// At the end the table is walked over and counted. The run must have split,
// merged and turned merges around, or it proves nothing.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/epoch.h"
#include "cache/assoc.h"
#include "t/unit/assoc_items.h"
#include "t/unit/assoc_peer.h"

namespace cucache {
namespace {

#define CHECK(what)                                                   \
  do {                                                                \
    if (!(what)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
      std::abort();                                                   \
    }                                                                 \
  } while (false)

struct Config {
  double seconds = 2;
  unsigned segment_bits = 6;
  unsigned readers = 2;
  unsigned writers = 2;
  uint64_t seed = 1;
};

constexpr unsigned kStable = 400;
constexpr unsigned kCounters = 8;
constexpr uint32_t kForcedSegments = 16;
constexpr unsigned kPairs = 16;   // of each writer
constexpr unsigned kPasses = 64;  // operations between two quiescent states

// What every value consists of.
struct Value {
  uint64_t key;
  uint64_t number;
  uint64_t check;

  static Value Of(uint64_t key, uint64_t number) {
    return {key, number, (key * 0x9e3779b97f4a7c15u) ^ number};
  }
  bool whole() const { return check == Of(key, number).check; }
};

// Keys are words of eight bytes: what kind, whose, which.
enum Kind : uint64_t {
  kStableKey = 1,
  kCounterKey,
  kPairKey,
  kWaveKey,
  kNeverKey
};
uint64_t MakeKey(Kind kind, uint64_t owner, uint64_t n) {
  return uint64_t{kind} << 56 | owner << 48 | n;
}

class KeyView {
 public:
  explicit KeyView(uint64_t key) : key_(key) {}
  std::string_view view() const {
    return {reinterpret_cast<const char*>(&key_), sizeof(key_)};
  }

 private:
  uint64_t key_;
};

Value Read(const Item* item, uint64_t key) {
  CHECK(item->key() == KeyView(key).view());
  CHECK(item->value_length == sizeof(Value));
  Value value;
  std::memcpy(&value, item->data(), sizeof(value));
  CHECK(value.key == key);
  CHECK(value.whole());
  return value;
}

struct Shared {
  explicit Shared(const Config& c, const Assoc::Options& o)
      : config(c), table(hash, o) {}
  const Config config;
  const KeyHash hash{42};
  EpochDomain epochs;
  Assoc table;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> writes{0};
  std::atomic<uint64_t> turned{0};
  std::atomic<uint64_t> walks{0};
  std::atomic<uint64_t> full{0};
  std::atomic<int64_t> wave_keys{0};
  std::atomic<uint64_t> increments{0};
  // Updates under one stripe, and those that came too late for it.
  std::atomic<uint64_t> at_place{0};
  std::atomic<uint64_t> moved_on{0};
};

Item* Make(uint64_t key, uint64_t number) {
  const Value value = Value::Of(key, number);
  return NewItem(KeyView(key).view(),
                 {reinterpret_cast<const char*>(&value), sizeof(value)});
}

// --- Readers. ---

class Reader {
 public:
  Reader(Shared& shared, uint64_t seed)
      : shared_(shared), random_(seed), seen_(kStable, 0) {}

  void Run() {
    EpochParticipant self(shared_.epochs);
    self.Online();
    uint64_t reads = 0;
    while (!shared_.stop.load(std::memory_order_relaxed)) {
      for (unsigned i = 0; i < kPasses; ++i) ReadOne();
      ReadBatch();
      ReadPairs();
      reads += kPasses + kBatch + 2 * kPairs;
      self.Quiescent();
    }
    self.Offline();
    shared_.reads.fetch_add(reads);
  }

 private:
  static constexpr unsigned kBatch = 40;

  Item* Find(uint64_t key) const {
    const KeyView view(key);
    return shared_.table.Find(shared_.hash(view.view()), view.view());
  }
  void CheckStable(uint64_t n, const Item* item) {
    CHECK(item != nullptr);
    const Value value = Read(item, MakeKey(kStableKey, 0, n));
    CHECK(value.number >= seen_[n]);
    seen_[n] = value.number;
  }
  void ReadOne() {
    const uint64_t n = random_();
    CheckStable(n % kStable, Find(MakeKey(kStableKey, 0, n % kStable)));
    CHECK(Find(MakeKey(kNeverKey, 0, n % 10000)) == nullptr);
    const uint64_t owner = n / 7 % shared_.config.writers;
    const uint64_t wave = MakeKey(kWaveKey, owner, n / 64 % 8192);
    if (const Item* item = Find(wave)) (void)Read(item, wave);
  }
  void ReadBatch() {
    std::vector<KeyView> keys;
    std::vector<uint64_t> which;
    Lookup lookups[kBatch];
    for (unsigned i = 0; i < kBatch; ++i) {
      which.push_back(random_() % kStable);
      keys.emplace_back(MakeKey(kStableKey, 0, which[i]));
    }
    for (unsigned i = 0; i < kBatch; ++i) {
      lookups[i] = {keys[i].view(), shared_.hash(keys[i].view()), nullptr};
    }
    shared_.table.FindBatch(lookups, kBatch);
    for (unsigned i = 0; i < kBatch; ++i) {
      CheckStable(which[i], lookups[i].item);
    }
  }

  // The first keys of all pairs of a writer, then the second ones.
  void ReadPairs() {
    const uint64_t owner = random_() % shared_.config.writers;
    std::vector<KeyView> keys;
    Lookup lookups[2 * kPairs];
    for (unsigned i = 0; i < 2 * kPairs; ++i) {
      keys.emplace_back(MakeKey(kPairKey, owner, i));
    }
    for (unsigned i = 0; i < 2 * kPairs; ++i) {
      lookups[i] = {keys[i].view(), shared_.hash(keys[i].view()), nullptr};
    }
    shared_.table.FindBatch(lookups, 2 * kPairs);
    for (unsigned i = 0; i < kPairs; ++i) {
      const uint64_t key = MakeKey(kPairKey, owner, i);
      const Value first = Read(lookups[i].item, key);
      const Value second = Read(lookups[i + kPairs].item, key + kPairs);
      CHECK(second.number >= first.number);
    }
  }

  Shared& shared_;
  std::mt19937_64 random_;
  std::vector<uint64_t> seen_;  // the newest number of each stable key
};

// --- Writers. ---

class Writer {
 public:
  Writer(Shared& shared, unsigned id)
      : shared_(shared), id_(id), random_(shared.config.seed * 100 + id) {}
  ~Writer() {
    for (const Retired& r : retired_) FreeItem(r.item);
  }

  void Run() {
    EpochParticipant self(shared_.epochs);
    self.Online();
    while (!shared_.stop.load(std::memory_order_relaxed)) {
      for (unsigned i = 0; i < kPasses; ++i) WriteOne();
      self.Quiescent();
      shared_.epochs.TryAdvance();
      Reclaim();
    }
    self.Offline();
    shared_.writes.fetch_add(writes_);
    shared_.increments.fetch_add(increments_);
    shared_.wave_keys.fetch_add(static_cast<int64_t>(wave_.size()));
  }

 private:
  struct Retired {
    Item* item;
    uint64_t stamp;
  };

  void Retire(Item* item) {
    CHECK(item->state.exchange(0) == Item::kLinked);
    retired_.push_back({item, shared_.epochs.Stamp()});
  }
  void Reclaim() {
    while (!retired_.empty() && shared_.epochs.Passed(retired_.front().stamp)) {
      Item* const item = retired_.front().item;
      std::memset(item->mutable_data() - item->key_length, 0xdd,
                  item->key_length + item->value_length);
      FreeItem(item);
      retired_.pop_front();
    }
  }

  void WriteOne() {
    ++writes_;
    switch (random_() % 8) {
      case 0:
        return ReplaceStable();
      case 1:
        return Increment();
      case 2:
        return AdvancePair();
      default:
        return Wave();
    }
  }

  // One writer per stable key, so that its numbers grow.
  void ReplaceStable() {
    const uint64_t n = random_() % (kStable / shared_.config.writers) *
                           shared_.config.writers +
                       id_;
    const KeyView key(MakeKey(kStableKey, 0, n));
    const uint64_t hash = shared_.hash(key.view());
    Item* const old = shared_.table.Find(hash, key.view());
    CHECK(old != nullptr);
    const Value value = Read(old, MakeKey(kStableKey, 0, n));
    Item* const item = Make(value.key, value.number + 1);
    Item* replaced = nullptr;
    const auto decide = [&](Item* found) {
      replaced = found;
      return Assoc::Decision{Assoc::Action::kReplace, item};
    };
    Update(hash, key.view(), decide);
    CHECK(replaced == old);
    Retire(old);
  }

  void Increment() {
    const uint64_t number = MakeKey(kCounterKey, 0, random_() % kCounters);
    const KeyView key(number);
    Item* const item = Make(number, 0);
    Item* old = nullptr;
    const auto decide = [&](Item* found) {
      old = found;
      const uint64_t count = found == nullptr ? 0 : Read(found, number).number;
      const Value next = Value::Of(number, count + 1);
      std::memcpy(item->mutable_data(), &next, sizeof(next));
      return Assoc::Decision{Assoc::Action::kReplace, item};
    };
    Update(shared_.hash(key.view()), key.view(), decide);
    if (old != nullptr) Retire(old);
    ++increments_;
  }

  // Under one stripe, if the key stands where it stood (I8).
  template <class Decide>
  bool UpdateAt(uint64_t hash, std::string_view key, const Decide& decide) {
    Assoc::Place place;
    (void)shared_.table.Locate(hash, key, &place);
    if (!place.known()) return false;
    if (random_() % 16 == 0) sched_yield();
    const bool done = shared_.table.UpdateAt(place, decide);
    (done ? shared_.at_place : shared_.moved_on).fetch_add(1);
    return done;
  }

  // kFull is rare (counted, and judged at the end) and does not last: there is
  // always room for the table to grow.
  template <class Decide>
  void Update(uint64_t hash, std::string_view key, const Decide& decide) {
    if (random_() % 2 == 0 && UpdateAt(hash, key, decide)) return;
    if (shared_.table.Update(hash, key, decide) == Assoc::Outcome::kDone)
      return;
    shared_.full.fetch_add(1);
    for (int tries = 0; tries < 100000; ++tries) {
      sched_yield();
      if (shared_.table.Update(hash, key, decide) == Assoc::Outcome::kDone) {
        return;
      }
    }
    CHECK(!"the table stays full");
  }

  // The second key of a pair is always stored before the first.
  void AdvancePair() {
    const uint64_t n = random_() % kPairs;
    ++number_;
    for (const uint64_t i : {n + kPairs, n}) {
      const uint64_t number = MakeKey(kPairKey, id_, i);
      const KeyView key(number);
      Item* const item = Make(number, number_);
      Item* old = nullptr;
      Update(shared_.hash(key.view()), key.view(), [&](Item* found) {
        old = found;
        return Assoc::Decision{Assoc::Action::kReplace, item};
      });
      Retire(old);
    }
  }

  // Own keys that come and go, more and less of them in turn.
  void Wave() {
    const bool rising =
        wave_.size() < low_ || (wave_.size() < high_ && rising_);
    rising_ = rising;
    if (rising) {
      Insert(MakeKey(kWaveKey, id_, next_++ % 8192));
    } else {
      Erase();
    }
  }
  void Insert(uint64_t number) {
    const KeyView key(number);
    const uint64_t hash = shared_.hash(key.view());
    Item* const before = shared_.table.Find(hash, key.view());
    Item* const item = Make(number, ++number_);
    Item* old = item;
    const auto decide = [&](Item* found) {
      old = found;
      return Assoc::Decision{Assoc::Action::kReplace, item};
    };
    Update(hash, key.view(), decide);
    CHECK(old == before);
    if (old != nullptr) {
      Retire(old);
    } else {
      wave_.push_back(number);
    }
    CHECK(shared_.table.Find(hash, key.view()) == item);
  }
  void Erase() {
    const size_t i = random_() % wave_.size();
    const KeyView key(wave_[i]);
    const uint64_t hash = shared_.hash(key.view());
    Item* const old = shared_.table.Find(hash, key.view());
    CHECK(old != nullptr);
    CHECK(shared_.table.Remove(hash, old));
    CHECK(shared_.table.Find(hash, key.view()) == nullptr);
    Retire(old);
    wave_[i] = wave_.back();
    wave_.pop_back();
  }

  Shared& shared_;
  const uint64_t id_;
  std::mt19937_64 random_;
  std::deque<Retired> retired_;
  std::vector<uint64_t> wave_;
  const size_t low_ = 20;
  const size_t high_ = 7000;
  bool rising_ = true;
  uint64_t next_ = 0;
  uint64_t number_ = 0;
  uint64_t writes_ = 0;
  uint64_t increments_ = 0;
};

// --- Walks, with pauses between them, because they hold merges up. ---

class Walker {
 public:
  explicit Walker(Shared& shared) : shared_(shared) {}

  void Run() {
    EpochParticipant self(shared_.epochs);
    while (!shared_.stop.load(std::memory_order_relaxed)) {
      self.Online();
      if (Walk(self)) shared_.walks.fetch_add(1);
      self.Offline();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

 private:
  // False: it was told to stop.
  bool Walk(EpochParticipant& self) {
    Assoc::Walk walk(shared_.table);
    CHECK(walk.valid());
    std::vector<bool> seen(kStable);
    for (;;) {
      Item* items[kSlotsPerBucket];
      size_t n = 0;
      const Assoc::Walk::Step step = walk.Next(items, &n);
      if (step == Assoc::Walk::Step::kDone) break;
      for (size_t i = 0; i < n; ++i) See(items[i], &seen);
      self.Quiescent();
      if (shared_.stop.load(std::memory_order_relaxed)) return false;
      if (random_() % 256 == 0) std::this_thread::yield();
    }
    for (const bool met : seen) CHECK(met);
    return true;
  }
  static void See(const Item* item, std::vector<bool>* seen) {
    uint64_t key;
    std::memcpy(&key, item->key_data(), sizeof(key));
    (void)Read(item, key);
    if (key >> 56 == kStableKey) (*seen)[key & 0xffff] = true;
  }

  Shared& shared_;
  std::mt19937_64 random_{7};
};

// --- Growth: what load asks for, and now and then what it does not. ---

void Maintenance(Shared& shared) {
  std::mt19937_64 random(shared.config.seed);
  while (!shared.stop.load(std::memory_order_relaxed)) {
    const uint64_t n = random();
    // A walk forbids merges, but should not make the table endless.
    if (n % 16 == 0 && shared.table.segments() < kForcedSegments) {
      (void)AssocPeer::BeginSplit(shared.table);
    }
    if (n % 16 == 1) (void)AssocPeer::BeginMerge(shared.table);
    if (n % 16 == 2 && AssocPeer::TurnMerge(shared.table)) {
      shared.turned.fetch_add(1);
    }
    (void)shared.table.Maintain(n / 16 % 40);
    if (n % 64 == 3) std::this_thread::yield();
  }
  shared.table.Maintain();
}

void Insert(Shared& shared, uint64_t key) {
  Item* const item = Make(key, 0);
  CHECK(shared.table.Update(shared.hash(item->key()), item->key(), [&](Item*) {
    return Assoc::Decision{Assoc::Action::kReplace, item};
  }) == Assoc::Outcome::kDone);
}

void Fill(Shared& shared) {
  for (uint64_t n = 0; n < kStable; ++n) {
    Insert(shared, MakeKey(kStableKey, 0, n));
  }
  for (uint64_t owner = 0; owner < shared.config.writers; ++owner) {
    for (uint64_t n = 0; n < 2 * kPairs; ++n) {
      Insert(shared, MakeKey(kPairKey, owner, n));
    }
  }
}

// Removes everything, counting what the counters say.
uint64_t Drain(Shared& shared) {
  uint64_t increments = 0;
  for (uint64_t kind = kStableKey; kind <= kWaveKey; ++kind) {
    for (uint64_t owner = 0; owner < shared.config.writers; ++owner) {
      for (uint64_t n = 0; n < 8192; ++n) {
        const uint64_t number = MakeKey(static_cast<Kind>(kind), owner, n);
        const KeyView key(number);
        const uint64_t hash = shared.hash(key.view());
        Item* const item = shared.table.Find(hash, key.view());
        if (item == nullptr) continue;
        if (kind == kCounterKey) increments += Read(item, number).number;
        CHECK(shared.table.Remove(hash, item));
        FreeItem(item);
      }
    }
  }
  return increments;
}

int Run(const Config& config) {
  Assoc::Options options;
  options.segment_bits = config.segment_bits;
  options.max_segments = 1024;
  Shared shared(config, options);
  Fill(shared);
  std::vector<std::thread> threads;
  std::deque<Writer> writers;
  std::deque<Reader> readers;
  uint32_t most = 0;
  uint64_t last_sequence = 0;
  for (unsigned i = 0; i < config.writers; ++i) {
    Writer& w = writers.emplace_back(shared, i);
    threads.emplace_back([&w] { w.Run(); });
  }
  for (unsigned i = 0; i < config.readers; ++i) {
    Reader& r = readers.emplace_back(shared, config.seed * 1000 + i);
    threads.emplace_back([&r] { r.Run(); });
  }
  threads.emplace_back([&shared] { Maintenance(shared); });
  threads.emplace_back([&shared] { Walker(shared).Run(); });
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(config.seconds);
  // On a busy machine it may take longer until the run proves something.
  const auto latest = end + std::chrono::minutes(1);
  const auto proves = [&] {
    return last_sequence > 4 && shared.turned > 0 && shared.walks > 0;
  };
  while (Clock::now() < end || (!proves() && Clock::now() < latest)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    most = std::max(most, shared.table.segments());
    last_sequence = AssocPeer::State(shared.table).sequence();
  }
  shared.stop = true;
  for (std::thread& t : threads) t.join();
  const int64_t expected = static_cast<int64_t>(kStable + kCounters) +
                           static_cast<int64_t>(2 * kPairs * config.writers) +
                           shared.wave_keys;
  CHECK(shared.table.Verify() == expected);
  std::printf("at the place %lu, too late %lu\n", shared.at_place.load(),
              shared.moved_on.load());
  CHECK(shared.at_place > 0);
  CHECK(static_cast<int64_t>(shared.table.size()) == expected);
  CHECK(Drain(shared) == shared.increments);
  CHECK(shared.table.size() == 0);
  CHECK(last_sequence > 4);
  CHECK(shared.turned > 0);
  CHECK(shared.full <= shared.writes / 1000);
  CHECK(shared.walks > 0);
  std::printf(
      "reads %lu writes %lu moves %lu rounds %lu turned %lu walks %lu full %lu "
      "segments <= %u\n",
      shared.reads.load(), shared.writes.load(), shared.table.moves(),
      last_sequence / 2, shared.turned.load(), shared.walks.load(),
      shared.full.load(), most);
  return 0;
}

}  // namespace
}  // namespace cucache

int main(int argc, char** argv) {
  cucache::Config config;
  if (const char* s = std::getenv("CUCACHE_STRESS_SECONDS")) {
    config.seconds = std::atof(s);
  }
  const auto number = [&](int i, uint64_t otherwise) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  if (argc > 1) config.seconds = std::atof(argv[1]);
  config.segment_bits = static_cast<unsigned>(number(2, config.segment_bits));
  config.readers = static_cast<unsigned>(number(3, config.readers));
  config.writers = static_cast<unsigned>(number(4, config.writers));
  config.seed = number(5, config.seed);
  if (config.writers < 1 || config.writers > 16 || config.seconds <= 0) {
    std::fprintf(stderr,
                 "usage: %s [seconds [segment_bits [readers [writers "
                 "[seed]]]]]\n",
                 argv[0]);
    return 2;
  }
  return cucache::Run(config);
}
