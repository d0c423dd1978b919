// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "privs.h"

#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace cucache {
namespace {

// Descriptors besides the clients': standard streams, event loops and their
// pipes, a few listeners.
constexpr rlim_t kOwnFiles = 64;
constexpr rlim_t kFilesPerThread = 4;

bool IsRoot() { return getuid() == 0 || geteuid() == 0; }

}  // namespace

int RaiseCoreLimit() {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_CORE, &limit) != 0 &&
      getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_CORE, &limit);
  }
  if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur != 0) return 0;
  std::fprintf(stderr, "cucached: -r: core files are not allowed here\n");
  return EX_OSERR;
}

int RaiseFileLimit(const Settings& settings) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    std::fprintf(stderr, "cucached: the limit of open files is unknown: %s\n",
                 std::strerror(errno));
    return EX_OSERR;
  }
  const rlim_t clients = static_cast<rlim_t>(settings.maxconns);
  const rlim_t wanted =
      clients + kOwnFiles +
      kFilesPerThread * static_cast<rlim_t>(settings.num_threads);
  if (limit.rlim_cur >= wanted) return 0;
  rlimit raised{wanted, std::max(wanted, limit.rlim_max)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return 0;
  // The hard limit is lower, and only root may raise it. As memcached counts,
  // -c includes the server's own files, so exactly -c is still right.
  raised = {limit.rlim_max, limit.rlim_max};
  if (limit.rlim_max >= clients && setrlimit(RLIMIT_NOFILE, &raised) == 0) {
    return 0;
  }
  std::fprintf(stderr,
               "cucached: the system allows %llu open files, too few for -c "
               "%d; start as root or with a smaller -c\n",
               static_cast<unsigned long long>(limit.rlim_max),
               settings.maxconns);
  return EX_OSERR;
}

int CheckUser(const std::string& user) {
  if (!IsRoot()) return 0;
  if (user.empty()) {
    std::fprintf(stderr,
                 "cucached: add -u root to run as root, or -u <user>\n");
    return EX_USAGE;
  }
  if (getpwnam(user.c_str()) != nullptr) return 0;
  std::fprintf(stderr, "cucached: -u: there is no user %s\n", user.c_str());
  return EX_NOUSER;
}

int DropUser(const std::string& user, bool keep_dumpable) {
  if (!IsRoot()) return 0;
  if (int code = CheckUser(user); code != 0) return code;
  const passwd* entry = getpwnam(user.c_str());
  // EPERM: a container that has no groups to give up.
  if (setgroups(0, nullptr) != 0 && errno != EPERM) {
    std::fprintf(stderr, "cucached: the groups cannot be given up: %s\n",
                 std::strerror(errno));
    return EX_OSERR;
  }
  if (setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0) {
    std::fprintf(stderr, "cucached: -u: cannot become %s: %s\n", user.c_str(),
                 std::strerror(errno));
    return EX_OSERR;
  }
  // The kernel forbids core files of a process that changed its user.
  if (keep_dumpable) (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return 0;
}

void LockMemory() {
  // Without it, a later mapping of the user that -u names would fail.
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  (void)setrlimit(RLIMIT_MEMLOCK, &limit);
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return;
  std::fprintf(stderr, "cucached: warning: -k: memory cannot be locked: %s\n",
               std::strerror(errno));
}

}  // namespace cucache
