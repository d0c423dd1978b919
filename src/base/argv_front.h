// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Turns memcached's command line into gflags' long flags, because gflags
// refuses -p11211, -vv, -dv and -I 2m, and keeps only the last of several -l
// and -o. Counterpart: the getopt_long and getsubopt loops of memcached's
// main().
//
// Understood: clustered and attached short options; long options with `=` or
// with the value as the next word, abbreviated as getopt_long allows; several
// -l, -o and -v; the words of -o with their no_ forms. Any other long flag
// that gflags knows (--flagfile, --vmodule) goes through untouched.
// A pure function but for gflags' registry, which it reads.

#ifndef CUCACHE_BASE_ARGV_FRONT_H_
#define CUCACHE_BASE_ARGV_FRONT_H_

#include <string>
#include <vector>

namespace cucache {

struct FrontResult {
  enum class Action { kRun, kHelp, kLicense, kVersion };
  Action action = Action::kRun;
  std::vector<std::string> flags;     // --flag or --flag=value, for gflags
  std::vector<std::string> warnings;  // a line each
  std::string error;                  // not empty: do not start
  int exit_code = 0;                  // with an error
};

// `args` is argv without the name of the program.
FrontResult TranslateArguments(const std::vector<std::string>& args);

}  // namespace cucache

#endif  // CUCACHE_BASE_ARGV_FRONT_H_
