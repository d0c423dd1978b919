// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#ifndef CUCACHE_T_BENCH_LOAD_SOCKET_H_
#define CUCACHE_T_BENCH_LOAD_SOCKET_H_

#include <string>

#include "t/bench/load/options.h"

namespace cucache::load {

// A connected, non-blocking socket, or -1 and an error. Connections beyond
// 20,000 to a loopback address come from further loopback addresses (number
// counts them), because one address has no more free ports.
[[nodiscard]] int ConnectTo(const Options& options, int number,
                            std::string* error);

}  // namespace cucache::load

#endif  // CUCACHE_T_BENCH_LOAD_SOCKET_H_
