// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Locks that carry clang's thread-safety annotations, so that
// `clang++ -Wthread-safety` checks who holds what.
//
// Lock order in the whole process is written in doc/threads.md.

#ifndef CUCACHE_BASE_LOCKS_H_
#define CUCACHE_BASE_LOCKS_H_

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#if defined(__clang__)
#define CUCACHE_TSA(x) __attribute__((x))
#else
#define CUCACHE_TSA(x)
#endif

#define CAPABILITY(x) CUCACHE_TSA(capability(x))
#define SCOPED_CAPABILITY CUCACHE_TSA(scoped_lockable)
#define GUARDED_BY(x) CUCACHE_TSA(guarded_by(x))
#define PT_GUARDED_BY(x) CUCACHE_TSA(pt_guarded_by(x))
#define REQUIRES(...) CUCACHE_TSA(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) CUCACHE_TSA(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) CUCACHE_TSA(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) CUCACHE_TSA(release_capability(__VA_ARGS__))
#define EXCLUDES(...) CUCACHE_TSA(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS CUCACHE_TSA(no_thread_safety_analysis)

namespace cucache {

// Tells the core that this is a spin-wait loop.
inline void CpuRelax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// std::mutex with annotations; for everything off the hot path.
class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ACQUIRE() { mu_.lock(); }
  void Unlock() RELEASE() { mu_.unlock(); }
  [[nodiscard]] bool TryLock() TRY_ACQUIRE(true) { return mu_.try_lock(); }

  // For std::condition_variable_any.
  void lock() ACQUIRE() { mu_.lock(); }
  void unlock() RELEASE() { mu_.unlock(); }

 private:
  std::mutex mu_;
};

// A lock of one byte for sections of a few dozen instructions. It yields
// after a short spin, because the holder may have been preempted.
class CAPABILITY("mutex") SpinLock {
 public:
  SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void Lock() ACQUIRE() {
    while (held_.exchange(1, std::memory_order_acquire) != 0) WaitFree();
  }
  [[nodiscard]] bool TryLock() TRY_ACQUIRE(true) {
    return held_.load(std::memory_order_relaxed) == 0 &&
           held_.exchange(1, std::memory_order_acquire) == 0;
  }
  void Unlock() RELEASE() { held_.store(0, std::memory_order_release); }

 private:
  // Apart, so that the way without a wait stays short.
  __attribute__((noinline)) void WaitFree() const {
    for (int spins = 0; held_.load(std::memory_order_relaxed) != 0; ++spins) {
      if (spins < 128) {
        CpuRelax();
      } else {
        sched_yield();
      }
    }
  }

  std::atomic<uint8_t> held_{0};
};

template <class L>
class SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(L& lock) ACQUIRE(lock) : lock_(lock) { lock_.Lock(); }
  ~LockGuard() RELEASE() { lock_.Unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  L& lock_;
};

using MutexLock = LockGuard<Mutex>;
using SpinLockGuard = LockGuard<SpinLock>;

}  // namespace cucache

#endif  // CUCACHE_BASE_LOCKS_H_
