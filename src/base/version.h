// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The version that `-V`, the version command and `stats` report.
// Counterpart: VERSION in memcached's version.m4.
//
// It starts with the release of memcached whose behaviour is followed, because
// clients and proxies read the first three numbers; after them comes
// cucache's own version, the same as in configure.ac.

#ifndef CUCACHE_BASE_VERSION_H_
#define CUCACHE_BASE_VERSION_H_

namespace cucache {

inline constexpr char kVersion[] = "1.6.45-cucache-0.1.0";

}  // namespace cucache

#endif  // CUCACHE_BASE_VERSION_H_
