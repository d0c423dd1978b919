// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Memory for connections, in blocks that go back to the system when the last
// connection in them has closed. From the general heap they would not: what
// others keep for longer would lie between them. (Counterpart: memcached's
// conns array, which never shrinks.)
//
// Thread safety: one thread.

#ifndef CUCACHE_NET_CONN_POOL_H_
#define CUCACHE_NET_CONN_POOL_H_

#include <cstddef>

namespace cucache {

class ConnPool {
 public:
  explicit ConnPool(size_t object_size);
  ~ConnPool();  // every object must have been given back
  ConnPool(const ConnPool&) = delete;
  ConnPool& operator=(const ConnPool&) = delete;

  // nullptr: out of memory.
  [[nodiscard]] void* Take();
  void Give(void* object);

 private:
  // Also its alignment, so that an object's address names its block.
  static constexpr size_t kBlockSize = 64 * 1024;

  struct Object {
    Object* next;
  };
  struct Block {
    Block* next;  // among those with room
    Block* previous;
    Object* free;
    size_t used;
    size_t untouched;  // objects that were never taken
  };

  Block* NewBlock();
  void Link(Block* block);
  void Unlink(Block* block);
  bool Full(const Block& block) const {
    return block.free == nullptr && block.untouched == 0;
  }

  const size_t object_size_;
  const size_t per_block_;
  Block* with_room_ = nullptr;
};

}  // namespace cucache

#endif  // CUCACHE_NET_CONN_POOL_H_
