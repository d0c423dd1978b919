// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Which cache lines of some memory does a piece of code write? The memory's
// pages become read-only; a store ends in SIGSEGV, whose handler notes the line
// and opens the page for this one instruction (single step), and SIGTRAP closes
// it again. So every store is seen, also one that leaves the bytes as they
// were, such as taking and releasing a lock.
//
// Needs Linux on x86-64, and signals that no sanitizer has its hands on:
// configure decides (HAVE_WRITE_TRACE).
//
// Thread safety: one trace at a time, and only the thread that made it runs.
// The traced code may not have the kernel write into the memory (read(2)).

#ifndef CUCACHE_T_UNIT_WRITE_TRACE_H_
#define CUCACHE_T_UNIT_WRITE_TRACE_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace cucache {

class WriteTrace {
 public:
  struct Region {
    std::string name;
    const void* at;
    size_t bytes;
  };
  // Distinct lines written, by the name of the region.
  using Lines = std::map<std::string, size_t>;

  explicit WriteTrace(std::vector<Region> regions);
  ~WriteTrace();
  WriteTrace(const WriteTrace&) = delete;
  WriteTrace& operator=(const WriteTrace&) = delete;

  // Runs `code` under the trace.
  template <class Code>
  Lines Run(Code&& code) {
    Begin();
    code();
    return End();
  }

 private:
  void Begin();
  Lines End();

  const std::vector<Region> regions_;
};

}  // namespace cucache

#endif  // CUCACHE_T_UNIT_WRITE_TRACE_H_
