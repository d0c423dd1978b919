// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Relacy model of base/epoch.h: is the memory of an unlinked item reused while
// a reader may look at it? Relacy runs the threads in random interleavings and
// lets each load return any value that the C++ memory model allows; a plain
// access that races with another ends the run.
//
// A reader goes on line twice and announces a quiescent state between two
// reads; a writer unlinks, takes a stamp, and overwrites when the stamp has
// passed; a third thread moves the epoch on. Or, as in cache/limbo.h (G2), the
// writer only says that it has unlinked, and the third thread does the rest.
//
//   epoch_model [iterations]
// The other variants leave out a fence each, or take the stamp before they ask
// what it is for. The run fails unless Relacy finds
// those errors, so we know that it would have found one in the first.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <relacy/relacy.hpp>

enum Variant {
  kAsBuilt,
  kExchange,
  kNoFenceInStamp,
  kNoFenceInAnnounce,
  kOtherStamps,
  kOtherStampsTooEarly
};

template <Variant kVariant>
struct EpochModel : rl::test_suite<EpochModel<kVariant>, 3> {
  static constexpr int kOffline = 0;

  rl::atomic<int> epoch;
  rl::atomic<int> announced;
  rl::atomic<int> slot;  // which of the two items is linked
  rl::atomic<int> end;   // how many were unlinked
  rl::var<int> items[2];

  void before() {
    epoch($) = 1;
    announced($) = kOffline;
    slot($) = 0;
    end($) = 0;
    items[0]($) = 100;
    items[1]($) = 101;
  }

  void Announce(int e) {
    if (kVariant == kExchange) {
      announced.exchange(e, rl::memory_order_seq_cst);
      return;
    }
    announced.store(e, rl::memory_order_release);
    if (kVariant != kNoFenceInAnnounce) {
      rl::atomic_thread_fence(rl::memory_order_seq_cst);
    }
  }
  void Online() { Announce(epoch.load(rl::memory_order_acquire)); }
  void Quiescent() {
    const int e = epoch.load(rl::memory_order_acquire);
    if (announced.load(rl::memory_order_relaxed) != e) Announce(e);
  }
  void Offline() { announced.store(kOffline, rl::memory_order_release); }

  int Stamp() {
    if (kVariant != kNoFenceInStamp) {
      rl::atomic_thread_fence(rl::memory_order_seq_cst);
    }
    return epoch.load(rl::memory_order_relaxed);
  }
  void TryAdvance() {
    const int e = epoch.load(rl::memory_order_relaxed);
    rl::atomic_thread_fence(rl::memory_order_seq_cst);
    const int seen = announced.load(rl::memory_order_acquire);
    if (seen == kOffline || seen == e) {
      epoch.store(e + 1, rl::memory_order_release);
    }
  }

  void Read() {
    const int i = slot.load(rl::memory_order_acquire);
    RL_ASSERT(items[i]($) == 100 + i);
  }

  // What was unlinked when somebody looked has a stamp, and is overwritten when
  // that has passed.
  void StampAndFree() {
    int stamp = 0, before = Stamp();
    for (int i = 0; i < 6; ++i) {
      TryAdvance();
      if (stamp == 0 && end.load(rl::memory_order_acquire) == 1) {
        stamp = kVariant == kOtherStampsTooEarly ? before : Stamp();
      }
      if (kVariant == kOtherStampsTooEarly) before = Stamp();
      if (stamp != 0 && epoch.load(rl::memory_order_acquire) >= stamp + 2) {
        items[0]($) = -1;
        return;
      }
    }
  }

  void thread(unsigned index) {
    const bool other =
        kVariant == kOtherStamps || kVariant == kOtherStampsTooEarly;
    if (index == 0) {
      Online();
      Read();
      Quiescent();
      Read();
      Offline();
      Online();
      Read();
      Offline();
    } else if (index == 1 && other) {
      slot.store(1, rl::memory_order_release);
      end.store(1, rl::memory_order_release);
    } else if (index == 2 && other) {
      StampAndFree();
    } else if (index == 1) {
      slot.store(1, rl::memory_order_release);
      const int stamp = Stamp();
      for (int i = 0; i < 4; ++i) {
        if (epoch.load(rl::memory_order_acquire) >= stamp + 2) {
          items[0]($) = -1;
          return;
        }
      }
    } else {
      for (int i = 0; i < 4; ++i) TryAdvance();
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
  wrong += Report("epoch", Holds<EpochModel<kAsBuilt>>(n), true);
  wrong += Report("epoch, another thread stamps",
                  Holds<EpochModel<kOtherStamps>>(n), true);
  wrong += Report("epoch, another thread stamps, and looks then",
                  Holds<EpochModel<kOtherStampsTooEarly>>(n), false);
  wrong += Report("epoch, no fence in Stamp",
                  Holds<EpochModel<kNoFenceInStamp>>(n), false);
  wrong += Report("epoch, no fence in Quiescent and Online",
                  Holds<EpochModel<kNoFenceInAnnounce>>(n), false);
  wrong += Report("epoch, exchange instead of a fence in Quiescent and Online",
                  Holds<EpochModel<kExchange>>(n), false);
  return wrong;
}
