// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace cucache {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;
#endif

// To run something else, to look into others, to become somebody or somebody's
// root, and what has often been a way into the kernel.
constexpr int kForbidden[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_unshare,
    SYS_setns,
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
    SYS_capset,
    SYS_bpf,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_userfaultfd,
    SYS_perf_event_open,
    SYS_personality,
    SYS_io_uring_setup,
    SYS_open_by_handle_at,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
};
// All sockets are there.
constexpr int kForbiddenSockets[] = {SYS_socket, SYS_connect, SYS_bind,
                                     SYS_listen};

class Filter {
 public:
  Filter() {
    Load(offsetof(seccomp_data, arch));
    Unless(kArchitecture, SECCOMP_RET_KILL_PROCESS);
    Load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    // The numbers of x32 would pass by the others.
    constexpr uint32_t kX32 = 0x40000000;
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1));
    Return(SECCOMP_RET_KILL_PROCESS);
#endif
  }

  void Forbid(int call, uint32_t answer = SECCOMP_RET_KILL_PROCESS) {
    program_.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    Return(answer);
  }

  // A thread is no process. The flags of clone3 cannot be seen; the C library
  // takes clone where that is unknown.
  void ForbidProcesses() {
    Forbid(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4));
    Load(offsetof(seccomp_data, args[0]));  // its low half
    program_.push_back(
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
    Return(SECCOMP_RET_KILL_PROCESS);
    Return(SECCOMP_RET_ALLOW);
  }

  // For all threads. What is not forbidden is allowed.
  bool Install() {
    Return(SECCOMP_RET_ALLOW);
    const sock_fprog all = {static_cast<uint16_t>(program_.size()),
                            program_.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_TSYNC, &all) == 0;
  }

 private:
  void Load(size_t offset) {
    program_.push_back(
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)));
  }
  void Return(uint32_t answer) {
    program_.push_back(BPF_STMT(BPF_RET | BPF_K, answer));
  }
  void Unless(uint32_t value, uint32_t answer) {
    program_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    Return(answer);
  }

  std::vector<sock_filter> program_;
};

}  // namespace

int DropPrivileges(bool keep_sockets) {
  errno = ENOSYS;
  if (kArchitecture != 0) {
    Filter filter;
    for (const int call : kForbidden) filter.Forbid(call);
    if (!keep_sockets) {
      for (const int call : kForbiddenSockets) filter.Forbid(call);
    }
    filter.ForbidProcesses();
    if (filter.Install()) return 0;
  }
  std::fprintf(stderr, "cucached: -o drop_privileges: %s\n",
               std::strerror(errno));
  return EX_OSERR;
}

}  // namespace cucache
