// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/residency.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace cucache {

namespace {

struct Mapping {
  uintptr_t begin = 0, end = 0;
  bool file = false;  // private, and may not be written to
};

// The first line of a mapping in /proc/self/smaps; false: one of its figures.
bool ParseHead(const char* line, Mapping* mapping) {
  unsigned long begin, end;
  char mode[5];
  char path[2] = "";
  const int found = std::sscanf(line, "%lx-%lx %4s %*s %*s %*s %1s", &begin,
                                &end, mode, path);
  if (found < 3) return false;
  mapping->begin = begin;
  mapping->end = end;
  mapping->file =
      mode[0] == 'r' && mode[1] == '-' && mode[3] == 'p' && path[0] == '/';
  return true;
}

}  // namespace

// A page of its own in such a mapping was written to before the mapping was
// made read-only, as relocations are, or by a debugger: it would be lost.
// `Anonymous` counts these, so mappings that have any are left alone; nobody
// but a debugger makes more of them.
size_t DropFilePages() {
  FILE* smaps = std::fopen("/proc/self/smaps", "re");
  if (smaps == nullptr) return 0;
  size_t looked_through = 0;
  Mapping mapping;
  char line[512];
  while (std::fgets(line, sizeof(line), smaps) != nullptr) {
    if (ParseHead(line, &mapping)) continue;
    unsigned long own;
    if (!mapping.file || std::sscanf(line, "Anonymous: %lu kB", &own) != 1 ||
        own != 0) {
      continue;
    }
    const size_t bytes = mapping.end - mapping.begin;
    // Fails for what is locked in memory, which is as it should be.
    if (madvise(reinterpret_cast<void*>(mapping.begin), bytes, MADV_DONTNEED) ==
        0) {
      looked_through += bytes;
    }
  }
  std::fclose(smaps);
  return looked_through;
}

}  // namespace cucache
