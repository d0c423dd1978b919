// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Memory in 2 MiB pages, never given back.

#ifndef CUCACHE_T_BENCH_MODULES_HUGE_H_
#define CUCACHE_T_BENCH_MODULES_HUGE_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace cucache::bench {

inline char* HugeMemory(size_t bytes) {
  constexpr size_t kHuge = size_t{2} << 20;
  bytes = (bytes + 2 * kHuge - 1) & ~(kHuge - 1);
  char* p = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (p == MAP_FAILED) std::abort();
  p += kHuge - reinterpret_cast<uintptr_t>(p) % kHuge;
  (void)madvise(p, bytes - kHuge, MADV_HUGEPAGE);
  return p;
}

}  // namespace cucache::bench

#endif  // CUCACHE_T_BENCH_MODULES_HUGE_H_
