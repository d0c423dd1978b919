// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Relacy models of the table's reader (Assoc::FindValidated) against moves
// within a segment, a split, and a merge that is turned around. There is one
// key, always in the table; whatever the writers do, the reader has to find it,
// and behind it the item's content (a plain variable, so that a missing
// happens-before is a data race). And of writers that take one stripe only
// (Assoc::UpdateAt) against each other, a move, and a reader.
//
//   assoc_model [iterations]
// Each model has variants that break one rule of doc/table.md. The run fails
// unless Relacy finds those errors, so we know that it looks at the right
// thing.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <relacy/relacy.hpp>

enum Variant {
  kAsBuilt,
  kNoVersion,      // I2 without the bump
  kClearFirst,     // I2 in the wrong order
  kRelaxedReader,  // slots read without acquire

  kTargetFirst,   // I3 the wrong way round
  kNoStateCheck,  // a miss does not look at the state again
  kOneBump,       // a merge bumps the version of its target bucket only

  kNoCompare,  // I8: the word is not compared again under the lock
  kNoStripe,   // I8: no lock at all
};

// What the state says of an odd key of the pair.
enum { kBefore, kSplit, kAfter, kMerge, kUnmerge };

template <Variant kVariant>
struct Table {
  rl::atomic<int> state;
  rl::atomic<int> versions[2];  // of x1 and x2
  rl::atomic<int> slots[2][2];  // [segment][bucket]: 0 or 1
  rl::var<int> item;

  void Init(int initial, int segment, int bucket) {
    state($) = initial;
    item($) = 7;
    for (int i = 0; i < 2; ++i) {
      versions[i]($) = 0;
      for (int k = 0; k < 2; ++k) slots[i][k]($) = 0;
    }
    slots[segment][bucket]($) = 1;
  }

  // --- The reader. ---
  bool LookIn(int segment) {
    for (int x = 0; x < 2; ++x) {
      const int word = kVariant == kRelaxedReader
                           ? slots[segment][x].load(rl::memory_order_relaxed)
                           : slots[segment][x].load(rl::memory_order_acquire);
      if (word != 0) {
        RL_ASSERT(item($) == 7);
        return true;
      }
    }
    return false;
  }
  bool LookInBoth(int source) {
    if (kVariant == kTargetFirst) source = 1 - source;
    return LookIn(source) || LookIn(1 - source);
  }
  bool Pass(int s) {
    switch (s) {
      case kBefore:
        return LookIn(0);
      case kAfter:
        return LookIn(1);
      case kMerge:
        return LookInBoth(1);
      default:
        return LookInBoth(0);
    }
  }
  void Find() {
    for (;;) {
      const int s = state.load(rl::memory_order_acquire);
      const int version = versions[0].load(rl::memory_order_acquire);
      if (Pass(s)) return;
      const bool same = versions[0].load(rl::memory_order_relaxed) == version &&
                        (kVariant == kNoStateCheck ||
                         state.load(rl::memory_order_acquire) == s);
      RL_ASSERT(!same);  // a miss
      if (same) return;
    }
  }

  // --- Writers; the caller holds what has to be held. ---
  void Bump(int x) {
    if (kVariant == kNoVersion) return;
    const int v = versions[x].load(rl::memory_order_relaxed);
    versions[x].store(v + 1, rl::memory_order_release);
  }
  void Move(int from_segment, int from, int to_segment, int to, bool both) {
    if (kVariant == kClearFirst) {
      slots[from_segment][from].store(0, rl::memory_order_release);
    }
    slots[to_segment][to].store(1, rl::memory_order_release);
    Bump(to);
    if (both) Bump(1 - to);
    if (kVariant != kClearFirst) {
      slots[from_segment][from].store(0, rl::memory_order_release);
    }
  }
};

// The key goes from one bucket to the other and back.
template <Variant kVariant>
struct MoveModel : rl::test_suite<MoveModel<kVariant>, 2> {
  Table<kVariant> table;
  void before() { table.Init(kBefore, 0, 1); }
  void thread(unsigned index) {
    if (index == 0) {
      table.Find();
      table.Find();
    } else {
      table.Move(0, 1, 0, 0, false);
      table.Move(0, 0, 0, 1, false);
      table.Move(0, 1, 0, 0, false);
    }
  }
};

// A split from its begin to its end; the key is in x2 and moves to x1 of the
// twin, or the other way, as soon as both are migrated.
template <Variant kVariant>
struct SplitModel : rl::test_suite<SplitModel<kVariant>, 2> {
  Table<kVariant> table;
  int start;
  void before() {
    start = rl::rand(2);
    table.Init(kBefore, 0, start);
  }
  void thread(unsigned index) {
    if (index == 0) {
      table.Find();
      table.Find();
    } else {
      table.state.store(kSplit, rl::memory_order_release);
      table.Move(0, start, 1, start, false);
      table.Move(1, start, 1, 1 - start, false);
      table.state.store(kAfter, rl::memory_order_release);
      table.Move(1, 1 - start, 1, start, false);
    }
  }
};

// A writer that read "merge" under its locks carries the key from the twin
// while another one turns the merge around and then carries it back.
template <Variant kVariant>
struct TurnModel : rl::test_suite<TurnModel<kVariant>, 3> {
  Table<kVariant> table;
  rl::mutex stripes;  // both of the key
  int start;
  void before() {
    start = rl::rand(2);
    table.Init(kMerge, 1, start);
  }
  void thread(unsigned index) {
    if (index == 0) {
      table.Find();
    } else if (index == 1) {
      stripes.lock($);
      if (table.state.load(rl::memory_order_acquire) == kMerge) {
        table.Move(1, start, 0, start, kVariant != kOneBump);
      }
      stripes.unlock($);
    } else {
      table.state.store(kUnmerge, rl::memory_order_release);
      stripes.lock($);
      if (table.slots[0][start].load(rl::memory_order_relaxed) != 0) {
        table.Move(0, start, 1, start, kVariant != kOneBump);
      }
      stripes.unlock($);
    }
  }
};

// I8: two writers that saw the key in its first bucket replace it under that
// stripe alone, or, if it is not there any more, under both; a third moves it
// to its second bucket. Each of the two unlinks an item of its own, no
// replacement gets lost, and a reader finds the key whenever it looks.
template <Variant kVariant>
struct ReplaceModel : rl::test_suite<ReplaceModel<kVariant>, 4> {
  static constexpr int kItems = 3;  // the first, and one from each writer
  rl::atomic<int> slots[2];         // 0, or the number of an item
  rl::mutex stripes[2];
  rl::var<int> contents[kItems + 1];
  rl::atomic<int> unlinked[kItems + 1];

  void before() {
    for (int i = 1; i <= kItems; ++i) {
      contents[i]($) = 0;
      unlinked[i]($) = 0;
    }
    contents[1]($) = 7;
    slots[0]($) = 1;
    slots[1]($) = 0;
  }
  void Publish(int bucket, int item) {
    slots[bucket].store(item, rl::memory_order_release);
  }
  void Unlink(int item) {
    RL_ASSERT(unlinked[item].exchange(1, rl::memory_order_relaxed) == 0);
  }
  bool ReplaceAt(int word, int item) {
    if (kVariant != kNoStripe) stripes[0].lock($);
    const bool there = kVariant == kNoCompare ||
                       slots[0].load(rl::memory_order_relaxed) == word;
    if (there) Publish(0, item);
    if (kVariant != kNoStripe) stripes[0].unlock($);
    if (there) Unlink(word);
    return there;
  }
  void Replace(int item) {
    contents[item]($) = 7;
    const int word = slots[0].load(rl::memory_order_acquire);
    if (word != 0 && ReplaceAt(word, item)) return;
    stripes[0].lock($);
    stripes[1].lock($);
    const int first = slots[0].load(rl::memory_order_relaxed);
    const int second = slots[1].load(rl::memory_order_relaxed);
    RL_ASSERT((first == 0) != (second == 0));  // I1
    Publish(first != 0 ? 0 : 1, item);
    stripes[1].unlock($);
    stripes[0].unlock($);
    Unlink(first != 0 ? first : second);
  }
  void Move() {
    stripes[0].lock($);
    stripes[1].lock($);
    const int word = slots[0].load(rl::memory_order_relaxed);
    Publish(1, word);
    Publish(0, 0);
    stripes[1].unlock($);
    stripes[0].unlock($);
  }
  void Find() {
    for (int x = 0; x < 2; ++x) {
      const int word = slots[x].load(rl::memory_order_acquire);
      if (word == 0) continue;
      RL_ASSERT(contents[word]($) == 7);
      return;
    }
    RL_ASSERT(false);  // a miss
  }
  void thread(unsigned index) {
    if (index < 2) {
      Replace(2 + static_cast<int>(index));
    } else if (index == 2) {
      Move();
    } else {
      Find();
    }
  }
  void after() {
    const int first = slots[0].load(rl::memory_order_relaxed);
    const int second = slots[1].load(rl::memory_order_relaxed);
    RL_ASSERT(first == 0 && second > 1);
    for (int i = 1; i <= kItems; ++i) {
      RL_ASSERT((unlinked[i].load(rl::memory_order_relaxed) == 0) ==
                (i == second));
    }
  }
};

// In a process of its own: Relacy does not clean up after a failed run.
template <class Model>
bool Holds(unsigned iterations) {
  const pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stdout) == nullptr) _exit(2);
    rl::test_params params;
    params.iteration_count = iterations;
    _exit(rl::simulate<Model>(params) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int Report(const char* what, bool holds, bool expected) {
  std::cout << what << (holds ? ": holds" : ": fails")
            << (holds == expected ? "" : "  <-- NOT AS EXPECTED") << std::endl;
  return holds == expected ? 0 : 1;
}

int main(int argc, char** argv) {
  const unsigned n = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200000;
  int wrong = 0;
  wrong += Report("move", Holds<MoveModel<kAsBuilt>>(n), true);
  wrong += Report("move, no version", Holds<MoveModel<kNoVersion>>(n), false);
  wrong +=
      Report("move, clears first", Holds<MoveModel<kClearFirst>>(n), false);
  wrong += Report("move, relaxed reader", Holds<MoveModel<kRelaxedReader>>(n),
                  false);
  wrong += Report("split", Holds<SplitModel<kAsBuilt>>(n), true);
  wrong += Report("split, no version", Holds<SplitModel<kNoVersion>>(n), false);
  wrong +=
      Report("split, target first", Holds<SplitModel<kTargetFirst>>(n), false);
  wrong += Report("split, no state check", Holds<SplitModel<kNoStateCheck>>(n),
                  false);
  wrong += Report("turned merge", Holds<TurnModel<kAsBuilt>>(n), true);
  wrong += Report("turned merge, one version only",
                  Holds<TurnModel<kOneBump>>(n), false);
  wrong += Report("one stripe", Holds<ReplaceModel<kAsBuilt>>(n), true);
  wrong += Report("one stripe, word not compared",
                  Holds<ReplaceModel<kNoCompare>>(n), false);
  wrong += Report("no stripe", Holds<ReplaceModel<kNoStripe>>(n), false);
  return wrong;
}
