// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Files of users and passwords, which are read while clients wait.

#ifndef CUCACHE_BASE_FILES_H_
#define CUCACHE_BASE_FILES_H_

#include <cstddef>
#include <string>

namespace cucache {

// The whole of a regular file of at most `most` bytes: what is none (a fifo, a
// terminal, /dev/zero) could keep its reader for ever. False, and why in
// *error, if that cannot be had.
[[nodiscard]] bool ReadRegularFile(const std::string& path, size_t most,
                                   std::string* text, std::string* error);

}  // namespace cucache

#endif  // CUCACHE_BASE_FILES_H_
