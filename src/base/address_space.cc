// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/address_space.h"

#include <glog/logging.h>
#include <sys/mman.h>

#include <cerrno>

namespace cucache {
namespace {

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

}  // namespace

void* ReserveAddressSpace(uint64_t* units, uint64_t least,
                          const std::function<size_t(uint64_t units)>& bytes,
                          uint64_t end) {
  void* at = MapBelow(end, bytes(*units));
  if (at != nullptr) return at;
  while (at == nullptr && *units / 2 >= least) {
    *units /= 2;
    at = MapBelow(end, bytes(*units));
  }
  if (at == nullptr || *units / 2 < least) return at;
  munmap(at, bytes(*units));
  *units /= 2;
  return MapBelow(end, bytes(*units));
}

void* MapZeros(size_t bytes) {
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PCHECK(at != MAP_FAILED) << "No address space for " << bytes << " bytes";
  return at;
}

void UnmapZeros(void* at, size_t bytes) { munmap(at, bytes); }

}  // namespace cucache
