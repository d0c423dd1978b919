// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What of the program and its libraries stays resident. Most of the pages that
// are mapped when a server begins to serve were needed for the start only
// (relocation, locales, tables of ciphers); the kernel would leave them there
// for as long as nobody is short of memory. (No counterpart.)

#ifndef CUCACHE_BASE_RESIDENCY_H_
#define CUCACHE_BASE_RESIDENCY_H_

#include <cstddef>

namespace cucache {

// Unmaps the pages of files that this process maps privately and has not
// written to. What is used again is mapped again, from the page cache. Returns
// the bytes of the mappings that were looked through. Any thread, any time;
// others may be running that code meanwhile.
size_t DropFilePages();

}  // namespace cucache

#endif  // CUCACHE_BASE_RESIDENCY_H_
