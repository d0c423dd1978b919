// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A large table of which most rows are never used, in memory of its own that
// the kernel hands out as zeros: what nobody writes takes none. (A constructor
// that wrote the zeros would make all of it resident, once per thread.)
//
// T is what zero bytes are: its default value must be all zeros, atomics
// included, and it is never constructed nor destroyed.
//
// Thread safety: as T. Ownership: of the memory.

#ifndef CUCACHE_BASE_ZEROED_H_
#define CUCACHE_BASE_ZEROED_H_

#include <type_traits>

#include "base/address_space.h"

namespace cucache {

template <typename T>
class Zeroed {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  Zeroed() : at_(static_cast<T*>(MapZeros(sizeof(T)))) {}
  ~Zeroed() { UnmapZeros(at_, sizeof(T)); }
  Zeroed(const Zeroed&) = delete;
  Zeroed& operator=(const Zeroed&) = delete;

  T& operator*() const { return *at_; }
  T* operator->() const { return at_; }

 private:
  T* const at_;
};

}  // namespace cucache

#endif  // CUCACHE_BASE_ZEROED_H_
