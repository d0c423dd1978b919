// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// How much memory the server may take in all: items and table (-m), buffers of
// connections (-o read_buf_mem_limit), and what the process needs besides. What
// was not given is chosen, so that the sum stays within the limit of the
// control group that the process runs in, if there is one. (No counterpart:
// memcached knows neither a limit of all buffers nor control groups.)
//
// Thread safety: pure functions, but for what they read of the file system.
// Units: bytes.

#ifndef CUCACHE_BASE_MEMORY_BUDGET_H_
#define CUCACHE_BASE_MEMORY_BUDGET_H_

#include <cstdint>
#include <string>

namespace cucache {

// The least limit of the memory of the process's control group and of those
// above it, version 2 and version 1; 0 if there is none. `root` is put before
// the names of files, for tests.
uint64_t CgroupMemoryLimit(const std::string& root = "");

struct MemoryBudget {
  uint64_t maxbytes = 0;
  bool maxbytes_given = false;
  uint64_t buffers = 0;  // 0 and given: no limit
  bool buffers_given = false;
  int threads = 0;
  int connections = 0;
};

// What the process needs beside items and buffers; doc/memory.md names it.
uint64_t ProcessBytes(const MemoryBudget& budget);

// Chooses what was not given. `limit` 0: there is none. Returns what an
// operator should be told, empty if there is nothing to say.
std::string FitBudget(uint64_t limit, MemoryBudget* budget);

}  // namespace cucache

#endif  // CUCACHE_BASE_MEMORY_BUDGET_H_
