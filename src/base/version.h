// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The versions that the server reports.
// Counterpart: VERSION in memcached's version.m4.

#ifndef CUCACHE_BASE_VERSION_H_
#define CUCACHE_BASE_VERSION_H_

namespace cucache {

// What clients are told: the release of memcached whose behaviour is followed,
// and not a character more. Some refuse what is not made of numbers and dots,
// some read the last three numbers and some the first.
inline constexpr char kVersion[] = "1.6.45";
// What people are told: the same as in configure.ac.
inline constexpr char kOwnVersion[] = "0.1.0";
// Both, for -V and the log.
inline constexpr char kFullVersion[] = "1.6.45-cucache-0.1.0";

}  // namespace cucache

#endif  // CUCACHE_BASE_VERSION_H_
