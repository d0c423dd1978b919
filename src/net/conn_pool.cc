// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/conn_pool.h"

#include <glog/logging.h>
#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace cucache {

ConnPool::ConnPool(size_t object_size)
    : object_size_((object_size + 15) / 16 * 16),
      per_block_((kBlockSize - sizeof(Block)) / object_size_) {}

ConnPool::~ConnPool() {
  while (with_room_ != nullptr) {
    Block* block = with_room_;
    CHECK_EQ(block->used, 0u);
    Unlink(block);
    munmap(block, kBlockSize);
  }
}

void ConnPool::Link(Block* block) {
  block->previous = nullptr;
  block->next = with_room_;
  if (with_room_ != nullptr) with_room_->previous = block;
  with_room_ = block;
}

void ConnPool::Unlink(Block* block) {
  if (block->next != nullptr) block->next->previous = block->previous;
  (block->previous != nullptr ? block->previous->next : with_room_) =
      block->next;
}

ConnPool::Block* ConnPool::NewBlock() {
  // Twice the size has an aligned block somewhere inside.
  void* memory = mmap(nullptr, 2 * kBlockSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  const uintptr_t start = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t aligned = (start + kBlockSize - 1) & ~(kBlockSize - 1);
  if (aligned > start) munmap(memory, aligned - start);
  const uintptr_t end = aligned + kBlockSize;
  const size_t behind = start + 2 * kBlockSize - end;
  if (behind > 0) munmap(reinterpret_cast<void*>(end), behind);
  return new (reinterpret_cast<void*>(aligned))
      Block{nullptr, nullptr, nullptr, 0, per_block_};
}

void* ConnPool::Take() {
  if (with_room_ == nullptr) {
    Block* const fresh = NewBlock();
    if (fresh == nullptr) return nullptr;
    Link(fresh);
  }
  Block* block = with_room_;
  void* object = block->free;
  if (object != nullptr) {
    block->free = block->free->next;
  } else {
    --block->untouched;
    object = reinterpret_cast<char*>(block + 1) +
             (per_block_ - 1 - block->untouched) * object_size_;
  }
  ++block->used;
  if (Full(*block)) Unlink(block);
  return object;
}

void ConnPool::Give(void* object) {
  Block* block = reinterpret_cast<Block*>(reinterpret_cast<uintptr_t>(object) &
                                          ~(kBlockSize - 1));
  if (Full(*block)) Link(block);
  block->free = new (object) Object{block->free};
  // The last block with room stays, for the next client.
  if (--block->used > 0 || (block == with_room_ && block->next == nullptr)) {
    return;
  }
  Unlink(block);
  munmap(block, kBlockSize);
}

}  // namespace cucache
