// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Address space that is taken before anybody knows how much of it will get
// memory. It costs none, and counts against no limit but that of address space
// itself (ulimit -v).
//
// Thread safety: pure functions, but for what the process has mapped.

#ifndef CUCACHE_BASE_ADDRESS_SPACE_H_
#define CUCACHE_BASE_ADDRESS_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <functional>

namespace cucache {

// Reserves bytes(*units), without access. Where there is not so much, *units is
// halved until there is, and then once more if that is not below `least`: the
// rest is for stacks and heaps. nullptr: not even for `least`, and errno says
// why. All of it lies below the address `end`. The caller unmaps it.
[[nodiscard]] void* ReserveAddressSpace(
    uint64_t* units, uint64_t least,
    const std::function<size_t(uint64_t units)>& bytes,
    uint64_t end = ~uint64_t{0});

// Memory of zeros that takes none until it is written. Ends the program where
// there is no address space left.
[[nodiscard]] void* MapZeros(size_t bytes);
void UnmapZeros(void* at, size_t bytes);

}  // namespace cucache

#endif  // CUCACHE_BASE_ADDRESS_SPACE_H_
