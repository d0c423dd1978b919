// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/address_space.h"

#include <glog/logging.h>
#include <sys/mman.h>

namespace cucache {
namespace {

void* Map(size_t bytes) {
  void* const at = mmap(nullptr, bytes, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

}  // namespace

void* ReserveAddressSpace(uint64_t* units, uint64_t least,
                          const std::function<size_t(uint64_t units)>& bytes) {
  void* at = Map(bytes(*units));
  if (at != nullptr) return at;
  while (at == nullptr && *units / 2 >= least) {
    *units /= 2;
    at = Map(bytes(*units));
  }
  if (at == nullptr || *units / 2 < least) return at;
  munmap(at, bytes(*units));
  *units /= 2;
  return Map(bytes(*units));
}

void* MapZeros(size_t bytes) {
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PCHECK(at != MAP_FAILED) << "No address space for " << bytes << " bytes";
  return at;
}

void UnmapZeros(void* at, size_t bytes) { munmap(at, bytes); }

}  // namespace cucache
