// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What -h, -i and -V print. Counterpart: usage() and usage_license() in
// memcached.c. The options come from settings.def; those that are refused are
// not shown, because scripts look into this text for what a build can do.

#ifndef CUCACHE_BASE_USAGE_H_
#define CUCACHE_BASE_USAGE_H_

#include <ostream>
#include <string>

#include "base/settings.h"

namespace cucache {

void PrintUsage(std::ostream& out);
void PrintLicense(std::ostream& out);
void PrintVersion(std::ostream& out);

// "--memory-limit" of memory_limit.
std::string LongName(const OptionInfo& option);

}  // namespace cucache

#endif  // CUCACHE_BASE_USAGE_H_
