// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "write_trace.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ucontext.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

namespace cucache {
namespace {

constexpr uintptr_t kPage = 4096;
constexpr uintptr_t kLine = 64;
constexpr greg_t kTrapFlag = 0x100;
constexpr size_t kMaxWrites = 1 << 16;
constexpr size_t kMaxOpen = 8;

// What the handlers work on: plain memory, for nothing else is safe there.
struct Span {
  uintptr_t begin, end;
};
struct Active {
  Span pages[32];
  size_t page_spans = 0;
  uintptr_t addresses[kMaxWrites];
  size_t writes = 0;
  // Pages that are writable until the next trap.
  uintptr_t open[kMaxOpen];
  size_t open_count = 0;
  // A store may reach into the line behind the one that faulted.
  uintptr_t next_line = 0;
  char next_before[kLine];
};
Active active;
struct sigaction old_segv, old_trap;

bool Watched(uintptr_t address) {
  for (size_t i = 0; i < active.page_spans; ++i) {
    if (address >= active.pages[i].begin && address < active.pages[i].end) {
      return true;
    }
  }
  return false;
}

void Note(uintptr_t address) {
  if (active.writes < kMaxWrites) active.addresses[active.writes++] = address;
}

void OnFault(int, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (!Watched(address) || active.open_count == kMaxOpen) {
    sigaction(SIGSEGV, &old_segv, nullptr);  // a real fault: happens again
    return;
  }
  const uintptr_t line = address & ~(kLine - 1);
  Note(address);
  active.next_line = Watched(line + kLine) ? line + kLine : 0;
  if (active.next_line != 0) {
    std::memcpy(active.next_before,
                reinterpret_cast<const void*>(active.next_line), kLine);
  }
  const uintptr_t page = address & ~(kPage - 1);
  active.open[active.open_count++] = page;
  mprotect(reinterpret_cast<void*>(page), kPage, PROT_READ | PROT_WRITE);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
}

void OnTrap(int, siginfo_t*, void* context) {
  if (active.next_line != 0 &&
      std::memcmp(active.next_before,
                  reinterpret_cast<const void*>(active.next_line),
                  kLine) != 0) {
    Note(active.next_line);
  }
  active.next_line = 0;
  for (size_t i = 0; i < active.open_count; ++i) {
    mprotect(reinterpret_cast<void*>(active.open[i]), kPage, PROT_READ);
  }
  active.open_count = 0;
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
}

void Handle(int signal, void (*handler)(int, siginfo_t*, void*),
            struct sigaction* old) {
  struct sigaction action = {};
  action.sa_sigaction = handler;
  // Not on the stack of the code: its page may be one of the watched.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(signal, &action, old);
}

void Protect(int protection) {
  for (size_t i = 0; i < active.page_spans; ++i) {
    const Span& span = active.pages[i];
    if (mprotect(reinterpret_cast<void*>(span.begin), span.end - span.begin,
                 protection) != 0) {
      std::perror("mprotect");
      std::abort();
    }
  }
}

}  // namespace

WriteTrace::WriteTrace(std::vector<Region> regions)
    : regions_(std::move(regions)) {
  static char stack[64 * 1024];
  stack_t other = {};
  other.ss_sp = stack;
  other.ss_size = sizeof(stack);
  sigaltstack(&other, nullptr);
  active.page_spans = 0;
  for (const Region& region : regions_) {
    const auto at = reinterpret_cast<uintptr_t>(region.at);
    active.pages[active.page_spans++] = {
        at & ~(kPage - 1), (at + region.bytes + kPage - 1) & ~(kPage - 1)};
  }
  Handle(SIGSEGV, OnFault, &old_segv);
  Handle(SIGTRAP, OnTrap, &old_trap);
}

WriteTrace::~WriteTrace() {
  sigaction(SIGSEGV, &old_segv, nullptr);
  sigaction(SIGTRAP, &old_trap, nullptr);
}

void WriteTrace::Begin() {
  active.writes = 0;
  Protect(PROT_READ);
}

WriteTrace::Lines WriteTrace::End() {
  Protect(PROT_READ | PROT_WRITE);
  std::set<uintptr_t> seen;
  Lines result;
  for (size_t i = 0; i < active.writes; ++i) {
    const uintptr_t address = active.addresses[i];
    for (const Region& region : regions_) {
      const auto at = reinterpret_cast<uintptr_t>(region.at);
      // What only shares a page or a line with the region is not counted.
      if (address < at || address >= at + region.bytes) continue;
      if (seen.insert(address / kLine).second) ++result[region.name];
      break;
    }
  }
  return result;
}

}  // namespace cucache
