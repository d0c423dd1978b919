// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// How much memory the server may take in all: items and table (-m), buffers of
// connections (-o read_buf_mem_limit), what the process needs besides, and
// where the kernel counts them for the process's control group (version 2) the
// buffers of sockets. What was not given is chosen, so that the sum stays
// within the limit of that group, if there is one. (No counterpart: memcached
// knows neither a limit of all buffers nor control groups.)
//
// Invariant:
//   Y1 Where sockets count and -m was not given, a connection's socket holds no
//      more than kSocketParts * socket_buffer. What the kernel does to keep
//      that is asked for by net/listener.cc and net/channel.h.
//
// Thread safety: pure functions, but for what they read of the file system.
// Units: bytes.

#ifndef CUCACHE_BASE_MEMORY_BUDGET_H_
#define CUCACHE_BASE_MEMORY_BUDGET_H_

#include <cstdint>
#include <string>

namespace cucache {

struct CgroupLimit {
  uint64_t bytes = 0;           // 0: there is none
  bool counts_sockets = false;  // as version 2 does
};

// The least limit of the memory of the process's control group and of those
// above it, version 2 and version 1. `root` is put before the names of files,
// for tests.
CgroupLimit CgroupMemoryLimit(const std::string& root = "");

// What both buffers of a TCP socket may grow to if the kernel sizes them.
uint64_t SocketReach(const std::string& root = "");

// What a socket may hold, in multiples of the size that SO_SNDBUF and SO_RCVBUF
// are set to. The kernel doubles both. It looks whether there is room before it
// adds a piece, not after: net/channel.h sees to it that the piece is no larger
// than that size.
constexpr uint64_t kSocketParts = 5;
// The least that either is set to. With half of it one connection cannot bring
// in as much as a gigabit network does, however near the client is.
constexpr uint64_t kLeastSocketBuffer = 8 * 1024;

struct MemoryBudget {
  uint64_t maxbytes = 0;
  bool maxbytes_given = false;
  uint64_t buffers = 0;  // 0 and given: no limit
  bool buffers_given = false;
  int threads = 0;
  int connections = 0;
  uint64_t socket_reach = 0;  // SocketReach()
  uint64_t socket_buffer =
      0;  // chosen, of one socket; 0: the kernel's business
};

// What the process needs beside items and buffers; doc/memory.md names it.
uint64_t ProcessBytes(const MemoryBudget& budget);

// Chooses what was not given. Returns what an operator should be told, empty if
// there is nothing to say.
std::string FitBudget(const CgroupLimit& limit, MemoryBudget* budget);

}  // namespace cucache

#endif  // CUCACHE_BASE_MEMORY_BUDGET_H_
