// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/address_space.h"

#include <glog/logging.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

namespace cucache {
namespace {

// Plenty: the deepest is in the libraries of TLS and SASL.
constexpr size_t kStack = size_t{1} << 20;
// The threads besides the workers: maintenance, signals, logger, reload; and a
// handshaker for each four.
constexpr int kOtherThreads = 4;
// Connections and their buffers, and what libraries load.
constexpr size_t kHeap = size_t{48} << 20;
// What glibc maps to make a heap of 64 MB for a thread.
constexpr size_t kThreadHeap = size_t{128} << 20;
// In so many places room is looked for.
constexpr uint64_t kHints = 64;

void* MapAt(uint64_t hint, size_t bytes) {
  void* const at = mmap(reinterpret_cast<void*>(hint), bytes, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

// Unasked, Linux gives the highest addresses that are free, which on AArch64
// lie above 2^47; but it follows a hint that names free ones.
void* MapBelow(uint64_t end, size_t bytes) {
  uint64_t hint = 0;
  for (uint64_t i = 0; i < kHints; ++i) {
    void* const at = MapAt(hint, bytes);
    if (at == nullptr) return nullptr;
    if (reinterpret_cast<uint64_t>(at) <= end &&
        bytes <= end - reinterpret_cast<uint64_t>(at)) {
      return at;
    }
    munmap(at, bytes);
    const uint64_t below = (i + 1) * (end / kHints);
    if (bytes > end - below) break;
    hint = end - below - bytes;
    hint -= hint % (uint64_t{2} << 20);
  }
  errno = ENOMEM;
  return nullptr;
}

void* MapBelowAndSpare(uint64_t end, size_t bytes, size_t spare) {
  if (spare == 0) return MapBelow(end, bytes);
  void* const room = MapAt(0, spare);
  if (room == nullptr) return nullptr;
  void* const at = MapBelow(end, bytes);
  munmap(room, spare);
  return at;
}

}  // namespace

size_t SpareAddressSpace(int workers) {
  const auto threads = static_cast<size_t>(workers + workers / 4);
  return kHeap + (threads + kOtherThreads) * kStack;
}

void FitThreadsToAddressSpace(int workers) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return;
  }
  pthread_attr_t attributes;
  size_t stack = 0;
  pthread_getattr_default_np(&attributes);
  pthread_attr_getstacksize(&attributes, &stack);
  pthread_attr_setstacksize(&attributes, std::min(stack, kStack));
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
  // A thread that finds no room for a heap of its own asks the system for each
  // few bytes, and one that did find it has taken the room of the others.
  const size_t heaps = static_cast<size_t>(workers) * kThreadHeap;
  if (limit.rlim_cur / 8 < heaps) mallopt(M_ARENA_MAX, 1);
}

void* ReserveAddressSpace(uint64_t* units, uint64_t least,
                          const std::function<size_t(uint64_t units)>& bytes,
                          size_t spare, uint64_t end) {
  const uint64_t wanted = *units;
  void* at = MapBelowAndSpare(end, bytes(*units), spare);
  if (at != nullptr) return at;
  while (at == nullptr && *units / 2 >= least) {
    *units /= 2;
    at = MapBelowAndSpare(end, bytes(*units), spare);
  }
  if (at == nullptr && spare != 0) {
    *units = wanted;
    return ReserveAddressSpace(units, least, bytes, 0, end);
  }
  if (at == nullptr || *units / 2 < least) return at;
  munmap(at, bytes(*units));
  *units /= 2;
  return MapBelowAndSpare(end, bytes(*units), spare);
}

void* MapZeros(size_t bytes) {
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PCHECK(at != MAP_FAILED) << "No address space for " << bytes << " bytes";
  return at;
}

void UnmapZeros(void* at, size_t bytes) { munmap(at, bytes); }

}  // namespace cucache
