// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Limits and rights of the process. Counterpart: that part of memcached's
// main(), and linux_priv.c.
//
// Each returns 0, or the exit code after one line on stderr (sysexits:
// EX_USAGE 64, EX_NOUSER 67, EX_OSERR 71). To be called before threads start.

#ifndef CUCACHE_PRIVS_H_
#define CUCACHE_PRIVS_H_

#include <string>

#include "base/settings.h"

namespace cucache {

// Core files as large as the system lets them be.
[[nodiscard]] int RaiseCoreLimit();

// Open files for -c connections and what the server itself needs. Unlike
// memcached, a limit that is high enough already is left alone.
[[nodiscard]] int RaiseFileLimit(const Settings& settings);

// Whether the user of -u can be become, so that a mistake shows before
// anything is bound. Root must name one.
[[nodiscard]] int CheckUser(const std::string& user);

// Becomes that user, and gives up the supplementary groups. Does nothing
// unless started as root. keep_dumpable: core files are still wanted.
[[nodiscard]] int DropUser(const std::string& user, bool keep_dumpable);

// Keeps every page in memory once it was touched; what is only reserved stays
// free. A failure is a warning.
void LockMemory();

}  // namespace cucache

#endif  // CUCACHE_PRIVS_H_
