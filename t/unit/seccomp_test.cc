// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/seccomp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

namespace cucache {
namespace {

// The wait status of a process that does that.
int StatusOf(const std::function<bool()>& what) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    _exit(what() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

bool Ends(const std::function<void()>& what) {
  const int status = StatusOf([&] {
    if (DropPrivileges(false) != 0) return false;
    what();
    return true;
  });
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

TEST(Seccomp, WhatAServerNeverDoesEndsIt) {
  EXPECT_TRUE(Ends([] { execl("/bin/true", "true", nullptr); }));
  EXPECT_TRUE(Ends([] { (void)fork(); }));
  EXPECT_TRUE(Ends([] { (void)setuid(getuid()); }));
  EXPECT_TRUE(Ends([] { (void)socket(AF_INET, SOCK_STREAM, 0); }));
  EXPECT_TRUE(Ends([] { (void)unshare(CLONE_NEWUSER); }));
}

// Not only for the one that asked for it.
TEST(Seccomp, HoldsForThreadsThatCameBefore) {
  EXPECT_TRUE(WIFSIGNALED(StatusOf([] {
    int go[2];
    if (pipe(go) != 0) return false;
    std::thread other([&] {
      char byte;
      if (read(go[0], &byte, 1) == 1) (void)fork();
    });
    if (DropPrivileges(false) != 0) return false;
    if (write(go[1], "x", 1) != 1) return false;
    other.join();
    return true;
  })));
}

TEST(Seccomp, TheRestGoesOn) {
  const auto rest = [] {
    if (DropPrivileges(true) != 0) return false;
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    void* memory = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return ran && memory != MAP_FAILED && open("/dev/null", O_RDWR) >= 0 &&
           socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
  };
  EXPECT_EQ(StatusOf(rest), 0);
}

}  // namespace
}  // namespace cucache
