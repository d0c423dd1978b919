// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Growth and shrinking by linear hashing (source: Litwin, "Linear Hashing: A
// New Tool for File and Table Addressing", VLDB 1980), one segment at a time,
// with everybody else at work. A round turns the pair {split, split + 2^level}
// from one segment into two or back. doc/table.md has the arguments.
//
// Who may do what: the shape (state_) is changed under resize_ only; the words
// of a bucket are carried over by whoever holds its stripe, be it the sweep of
// Maintain() or a writer. A stripe is marked with the round's sequence number
// when nothing is left to carry in its bucket; the round ends when all are.

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/address_space.h"
#include "cache/assoc.h"

namespace cucache {

namespace {

// Percent of the slots of the unsplit segments. Growth at 88: a path is one or
// two moves long then. The merged segment starts at 60 at most: a table that
// shrank must gain half of its keys before it grows again.
constexpr unsigned kGrowPercent = 88;
constexpr unsigned kShrinkPercent = 60;
// An insert that found no room does not grow a table emptier than this: its
// keys collide by attack or by a bug, and more memory would not help.
constexpr unsigned kMinGrowPercent = 50;
constexpr uint32_t kHelpBatch = 16;
constexpr uint32_t kHelpSweep = 256;
constexpr uint32_t kPrefetchAhead = 8;
constexpr size_t kHugePage = size_t{2} << 20;

// At the start only, while other threads run already.
[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::_Exit(EXIT_FAILURE);
}

size_t WholePages(size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) & ~(page - 1);
}

unsigned LogOf(uint32_t segments) {
  unsigned level = 0;
  while ((uint32_t{2} << level) <= segments) ++level;
  return level;
}

Assoc::Options Checked(Assoc::Options o) {
  o.segment_bits = std::clamp(o.segment_bits, 6u, Probe::kIndexBits);
  o.max_segments = std::clamp(o.max_segments, 1u, TableState::kMaxSegments);
  o.initial_segments =
      1u << LogOf(std::clamp(o.initial_segments, 1u, o.max_segments));
  o.start_segments = 1u << LogOf(std::clamp(
                         o.start_segments, o.initial_segments, o.max_segments));
  return o;
}

}  // namespace

Assoc::Assoc(const KeyHash& hash, const Options& options)
    : hash_(hash),
      options_(Checked(options)),
      bits_(options_.segment_bits),
      mask_((1u << bits_) - 1) {
  MapReservation();
  if (options_.reserve) {
    (void)options_.reserve(stripe_count() * sizeof(Stripe) +
                           options_.start_segments * segment_bytes());
  }
  MutexLock lock(resize_);
  if (!TakeSegments(options_.start_segments)) Die("hash table: memory");
  Publish(LogOf(options_.start_segments), 0, Phase::kIdle);
}

Assoc::~Assoc() {
  munmap(mapping_, mapping_bytes_);
  if (options_.release) options_.release(bytes());
}

// Address space for the segments, which get their memory from TakeSegments, and
// behind it the stripes.
void Assoc::MapReservation() {
  stripes_bytes_ = WholePages(stripe_count() * sizeof(Stripe));
  const auto bytes_of = [this](uint64_t segments) {
    return kHugePage + WholePages(segments * segment_bytes()) + stripes_bytes_;
  };
  uint64_t segments = options_.max_segments;
  mapping_ = ReserveAddressSpace(&segments, options_.start_segments, bytes_of,
                                 options_.spare_address_space);
  if (mapping_ == nullptr) Die("hash table: address space");
  mapping_bytes_ = bytes_of(segments);
  max_segments_ = static_cast<uint32_t>(segments);
  const size_t bytes = WholePages(max_segments_ * segment_bytes());
  const uintptr_t at = reinterpret_cast<uintptr_t>(mapping_);
  const uintptr_t base = (at + kHugePage - 1) & ~(kHugePage - 1);
  base_ = reinterpret_cast<Bucket*>(base);
  stripes_ = reinterpret_cast<Stripe*>(base + bytes);
  if (mprotect(stripes_, stripes_bytes_, PROT_READ | PROT_WRITE) != 0) {
    Die("hash table: memory");
  }
  std::uninitialized_default_construct_n(stripes_, stripe_count());
  // Fails where huge pages are not configured; small ones do as well.
  if (segment_bytes() == kHugePage) (void)madvise(base_, bytes, MADV_HUGEPAGE);
}

// Makes the first `segments` segments accessible and has the kernel give them
// memory now. They stay accessible for good, because readers with an old state
// may look at a segment after it was given back.
bool Assoc::TakeSegments(uint32_t segments) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t bytes = WholePages(segments * segment_bytes());
  if (mprotect(base_, bytes, PROT_READ | PROT_WRITE) != 0) return false;
  const uint32_t begin = prepared_.load(std::memory_order_relaxed);
  const size_t step = std::max<size_t>(page / sizeof(Bucket), 1);
  Bucket* const end = &At(segments, 0);
  // Nobody else writes there; a reader sees the zero that is there already.
  for (Bucket* b = &At(begin, 0); b < end; b += step) {
    b->slots[0].store(slot::kEmpty, std::memory_order_relaxed);
  }
  prepared_.store(segments, std::memory_order_relaxed);
  return true;
}

bool Assoc::Prepare(uint32_t segments) {
  const uint32_t have = prepared_.load(std::memory_order_relaxed);
  if (have >= segments) return true;
  if (segments > max_segments_) return false;
  const size_t more = (segments - have) * segment_bytes();
  if (options_.reserve && !options_.reserve(more)) return false;
  if (TakeSegments(segments)) return true;
  if (options_.release) options_.release(more);
  return false;
}

// All slots of what is given back are empty, and stay so: zero pages read the
// same. Where a segment is not made of whole pages there is nothing to give.
void Assoc::GiveBack(uint32_t segments) {
  const uint32_t have = prepared_.load(std::memory_order_relaxed);
  if (have <= segments) return;
  const size_t bytes = (have - segments) * segment_bytes();
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  if (segment_bytes() % page == 0) {
    (void)madvise(&At(segments, 0), bytes, MADV_DONTNEED);
  }
  prepared_.store(segments, std::memory_order_relaxed);
  if (options_.release) options_.release(bytes);
}

// Release: see State().
void Assoc::Publish(unsigned level, uint32_t split, Phase phase) {
  const uint64_t sequence = State().sequence() + 1;
  cursor_ = 0;
  help_cursor_.store(stripe_count(), std::memory_order_relaxed);
  state_.store(TableState(level, split, phase, sequence).word(),
               std::memory_order_release);
}

void Assoc::NotePressure() {
  const uint64_t n = pressure_.fetch_add(1, std::memory_order_relaxed);
  if (n + 1 == CrowdedAt() && options_.wake) options_.wake();
}

// --- Split: a bucket at a time, under its stripe. ---

// Words only, and prefetches of any address do no harm: needs no protection.
void Assoc::PrefetchMigration(TableState state, uint32_t x) const {
  if (stripes_[x].Marked(state.sequence())) return;
  PrefetchLine(&At(state.twin(), x));
  for (const Slot& slot : At(state.split(), x).slots) {
    const uint64_t word = slot.load(std::memory_order_relaxed);
    if (word == slot::kEmpty) continue;
    const char* const item = reinterpret_cast<const char*>(slot::ItemOf(word));
    PrefetchLine(item);
    // The key may go on in the next line.
    if (slot::Lines(word) > 1) PrefetchLine(item + kCacheLine);
  }
}

// Reads the keys of linked items without an epoch: to unlink one of them takes
// the stripe that we hold, and its memory is reused only after that.
// Never short of room: the twin's bucket is empty until this is done (I5).
void Assoc::MigrateSplit(TableState state,
                         uint32_t x) NO_THREAD_SAFETY_ANALYSIS {
  Stripe& stripe = stripes_[x];
  if (stripe.Marked(state.sequence())) return;
  Bucket& from = At(state.split(), x);
  Bucket& to = At(state.twin(), x);
  for (unsigned i = 0; i < kSlotsPerBucket; ++i) {
    const uint64_t word = from.slots[i].load(std::memory_order_relaxed);
    if (word == slot::kEmpty || !OddWord(state, word)) continue;
    MoveWord(from.slots[i], to.slots[i], word, stripe);
  }
  stripe.SetMark(state.sequence());
}

bool Assoc::OddWord(TableState state, uint64_t word) const {
  const uint64_t hash = hash_(slot::ItemOf(word)->key());
  return state.Odd(Probe(hash, mask_).group);
}

// --- Merge and back: a word at a time, under its two stripes. ---

// A word that does not find room in its bucket may go to its other one. And
// both versions are bumped: a writer that read the state before a merge was
// turned around may still be at this while readers already look in the other
// order (I3 does not hold for the length of its locks), and the version of x1
// is what tells them. False: no room at all, or the round is over.
bool Assoc::TransferWord(TableState state, uint32_t x,
                         unsigned i) NO_THREAD_SAFETY_ANALYSIS {
  Slot& from = At(state.source(), x).slots[i];
  for (;;) {
    const uint64_t word = from.load(std::memory_order_acquire);
    if (word == slot::kEmpty) return true;
    const uint32_t other = x ^ Probe::Distance(slot::Tag(word), mask_);
    LockPair(x, other);
    const bool current = State() == state;  // I6
    const bool there = from.load(std::memory_order_relaxed) == word;
    bool done = current && there && !OddWord(state, word);
    if (current && there && !done) done = CarryLocked(state, from, x, other);
    UnlockPair(x, other);
    if (done) return true;
    if (!current) return false;
    if (there && Displace(state.target(), x, other) == Displaced::kNoPath) {
      return false;
    }
  }
}

bool Assoc::CarryLocked(TableState state, Slot& from, uint32_t x,
                        uint32_t other) NO_THREAD_SAFETY_ANALYSIS {
  Slot* to = FreeSlot(state.target(), x);
  if (to == nullptr) to = FreeSlot(state.target(), other);
  if (to == nullptr) return false;
  to->store(from.load(std::memory_order_relaxed), std::memory_order_release);
  stripes_[x].BumpVersion();
  stripes_[other].BumpVersion();
  from.store(slot::kEmpty, std::memory_order_release);
  return true;
}

// False: it could not be done now.
bool Assoc::TransferBucket(TableState state, uint32_t x) {
  do {
    for (unsigned i = 0; i < kSlotsPerBucket; ++i) {
      if (!TransferWord(state, x, i)) return false;
    }
    if (MarkTransferred(state, x)) return true;
  } while (State() == state);
  return false;
}

// Nothing odd comes into a source bucket during the round (writers insert into
// the target, MoveOne leaves the source alone), except by a writer that read
// the state before the round began and held the stripe until now.
bool Assoc::MarkTransferred(TableState state, uint32_t x) {
  Stripe& stripe = stripes_[x];
  LockGuard<Stripe> lock(stripe);
  if (State() != state) return false;
  for (const Slot& slot : At(state.source(), x).slots) {
    const uint64_t word = slot.load(std::memory_order_relaxed);
    if (word != slot::kEmpty && OddWord(state, word)) return false;
  }
  stripe.SetMark(state.sequence());
  return true;
}

// --- Rounds. ---

// One bucket, by whoever comes. False: it could not be done now.
bool Assoc::Carry(TableState state, uint32_t x) {
  Stripe& stripe = stripes_[x];
  if (stripe.Marked(state.sequence())) return true;
  if (state.phase() != Phase::kSplit) return TransferBucket(state, x);
  LockGuard<Stripe> lock(stripe);
  if (State() != state) return false;  // I6
  MigrateSplit(state, x);
  return true;
}

// A writer that found its buckets full pays a little for the growth that makes
// room, so that inserts cannot outrun it.
void Assoc::HelpMigrate() {
  const TableState state = State();
  if (state.busy()) {
    const int64_t end =
        help_cursor_.fetch_sub(kHelpBatch, std::memory_order_relaxed);
    const int64_t begin = std::max<int64_t>(end - kHelpBatch, 0);
    if (state.phase() == Phase::kSplit) {
      for (int64_t x = begin; x < end; ++x) {
        PrefetchMigration(state, static_cast<uint32_t>(x));
      }
    }
    for (int64_t x = begin; x < end; ++x) {
      (void)Carry(state, static_cast<uint32_t>(x));
    }
    if (end > 0) return;
  } else if (!growing_.load(std::memory_order_relaxed)) {
    return;
  }
  // What is left is to end a round, or to begin the next one.
  if (!resize_.TryLock()) return;
  if (State().busy()) {
    (void)Sweep(kHelpSweep);
  } else if (prepared_.load(std::memory_order_relaxed) > segments()) {
    (void)BeginSplit();
  }
  resize_.Unlock();
}

// Called when there is no path. True: try again.
bool Assoc::GrowForWriter() {
  const TableState state = State();
  const bool may_grow = options_.expand && state.segments() < max_segments_;
  if (!may_grow && !state.busy()) return false;
  if (!resize_.TryLock()) {
    // Somebody is at it, and may have been preempted.
    sched_yield();
    return true;
  }
  bool retry;
  if (State().busy()) {
    retry = Sweep(kHelpSweep);
  } else {
    retry = crowding_percent() >= kMinGrowPercent && BeginSplit();
  }
  resize_.Unlock();
  return retry;
}

bool Assoc::BeginSplit() {
  const TableState state = State();
  if (!options_.expand || !Prepare(state.segments() + 1)) {
    growing_.store(false, std::memory_order_relaxed);
    return false;
  }
  growing_.store(true, std::memory_order_relaxed);
  Publish(state.level(), state.split(), Phase::kSplit);
  return true;
}

// Keys that a merge moves could get behind a walk.
bool Assoc::BeginMerge() {
  if (walks_begun_.load(std::memory_order_acquire) != 0) return false;
  const TableState state = State();
  if (state.split() > 0) {
    Publish(state.level(), state.split() - 1, Phase::kMerge);
  } else {
    const unsigned level = state.level() - 1;
    Publish(level, (1u << level) - 1, Phase::kMerge);
  }
  return true;
}

// Carries over up to max_buckets buckets, in order, and ends the round after
// the last. False: nothing could be done.
bool Assoc::Sweep(size_t max_buckets) {
  const TableState state = State();
  const uint32_t begin = cursor_;
  const bool split = state.phase() == Phase::kSplit;
  for (; cursor_ < stripe_count() && max_buckets > 0; --max_buckets) {
    const uint32_t ahead = cursor_ + kPrefetchAhead;
    if (split && ahead < stripe_count()) PrefetchMigration(state, ahead);
    if (!Carry(state, cursor_)) {
      if (state.phase() != Phase::kMerge) return cursor_ != begin;
      // The keys of two segments do not fit into one: back.
      Publish(state.level(), state.split(), Phase::kUnmerge);
      return true;
    }
    ++cursor_;
  }
  if (cursor_ == stripe_count()) Finish();
  return true;
}

// Every stripe is marked, so nobody acts on this round any more: a writer that
// read its state before it ended holds marked stripes, and does by them what
// it would do in the state that follows.
void Assoc::Finish() {
  const TableState state = State();
  if (state.phase() == Phase::kMerge) {
    Publish(state.level(), state.split(), Phase::kIdle);
    GiveBack(segments());
    return;
  }
  const uint32_t next = state.split() + 1;
  if (next < 1u << state.level()) {
    Publish(state.level(), next, Phase::kIdle);
  } else {
    Publish(state.level() + 1, 0, Phase::kIdle);
    growing_.store(false, std::memory_order_relaxed);
  }
}

// Once growth has begun it goes on until all segments of the level are split:
// those that are not yet are as full as before.
bool Assoc::StepIdle() {
  const TableState state = State();
  pressure_.store(0, std::memory_order_relaxed);
  if (!options_.expand) return false;
  if (growing_.load(std::memory_order_relaxed)) return BeginSplit();
  const unsigned crowding = crowding_percent();
  if (crowding >= kGrowPercent) return BeginSplit();
  // At the start of a level a merge goes back to the level below.
  const unsigned merged = state.split() > 0 ? crowding : 2 * crowding;
  if (state.segments() <= options_.initial_segments ||
      merged >= kShrinkPercent) {
    return false;
  }
  return BeginMerge();
}

bool Assoc::Maintain(size_t max_buckets) {
  // Whoever has the lock does what there is to do.
  if (!resize_.TryLock()) return true;
  bool more;
  if (State().busy()) {
    more = Sweep(max_buckets);
    // So that nobody has to wait for the kernel when the next round begins.
    const TableState state = State();
    if (growing_.load(std::memory_order_relaxed) &&
        state.split() + 1 < 1u << state.level()) {
      (void)Prepare(state.segments() + 1);
    }
  } else {
    more = StepIdle();
  }
  resize_.Unlock();
  return more;
}

}  // namespace cucache
