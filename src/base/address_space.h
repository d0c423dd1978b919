// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Address space that is reserved before anybody knows how much of it will get
// memory. It costs none, and counts against no limit but that of address space
// itself (RLIMIT_AS, ulimit -v). Where there is such a limit, stacks and heaps
// have to fit below it as well.
//
// Thread safety: pure functions, but for what the process has mapped.

#ifndef CUCACHE_BASE_ADDRESS_SPACE_H_
#define CUCACHE_BASE_ADDRESS_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <functional>

namespace cucache {

// What is left free for the heap, and for the stacks of a server with so many
// workers.
[[nodiscard]] size_t SpareAddressSpace(int workers);

// Where address space is limited, gives every thread that is started from now
// on a stack that SpareAddressSpace() counts with, and where the limit is low
// for so many workers, has all of them allocate from one heap. Once, before
// there is a second thread.
void FitThreadsToAddressSpace(int workers);

// Reserves bytes(*units), without access and below the address `end`, if
// `spare` bytes are left then. Where there is not so much, *units is halved
// until there is, and then once more if that is not below `least`: others
// reserve as well. If there is not even enough for `least`, as much as there
// is, whatever is left; nullptr: none, and errno says why. The caller unmaps
// it.
[[nodiscard]] void* ReserveAddressSpace(
    uint64_t* units, uint64_t least,
    const std::function<size_t(uint64_t units)>& bytes, size_t spare,
    uint64_t end = ~uint64_t{0});

// Memory of zeros that takes none until it is written. Ends the program where
// there is no address space left.
[[nodiscard]] void* MapZeros(size_t bytes);
void UnmapZeros(void* at, size_t bytes);

}  // namespace cucache

#endif  // CUCACHE_BASE_ADDRESS_SPACE_H_
