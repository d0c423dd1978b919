// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// System calls that a running server has no use for. Counterpart:
// drop_privileges of memcached's linux_priv.c, which lists what is allowed
// instead, for each kind of thread. That needs libseccomp, and a list that fits
// the C library, OpenSSL and what they become; here the files of -e, -Y and of
// TLS are read and written later, too. So what is listed is what an intruder
// would want next. The kernel ends the process at the first of those calls
// (SIGSYS).

#ifndef CUCACHE_BASE_SECCOMP_H_
#define CUCACHE_BASE_SECCOMP_H_

namespace cucache {

// For all threads and those to come; to be called when the sockets are there.
// keep_sockets: a library still makes some (SASL asks its daemon). Returns 0,
// or the exit code after one line on stderr.
[[nodiscard]] int DropPrivileges(bool keep_sockets);

}  // namespace cucache

#endif  // CUCACHE_BASE_SECCOMP_H_
