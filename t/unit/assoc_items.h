// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Items for the tests and benchmarks of the table, in plain aligned memory
// (the table does not care where they come from).
//
// Thread safety: none needed; each function works on its arguments only.

#ifndef CUCACHE_T_UNIT_ASSOC_ITEMS_H_
#define CUCACHE_T_UNIT_ASSOC_ITEMS_H_

#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "cache/item.h"

namespace cucache {

inline size_t ItemBytes(size_t key_length, size_t value_length) {
  const size_t bytes = sizeof(Item) + key_length + value_length;
  return (bytes + kItemAlignment - 1) & ~(kItemAlignment - 1);
}

inline Item* InitItem(void* memory, std::string_view key,
                      std::string_view value) {
  Item* const item = new (memory) Item();
  item->key_length = static_cast<uint8_t>(key.size());
  item->value_length = static_cast<uint32_t>(value.size());
  item->state.store(Item::kLinked, std::memory_order_relaxed);
  std::memcpy(item->mutable_data() - key.size(), key.data(), key.size());
  std::memcpy(item->mutable_data(), value.data(), value.size());
  return item;
}

// To be given back with FreeItem.
inline Item* NewItem(std::string_view key, std::string_view value = {}) {
  return InitItem(
      std::aligned_alloc(kItemAlignment, ItemBytes(key.size(), value.size())),
      key, value);
}

inline void FreeItem(Item* item) { std::free(item); }

inline std::string_view ValueOf(const Item* item) {
  return {item->data(), item->value_length};
}

}  // namespace cucache

#endif  // CUCACHE_T_UNIT_ASSOC_ITEMS_H_
