// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/buffers.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace cucache {

void Buffer::Compact() {
  if (begin == 0) return;
  std::memmove(base(), data(), size());
  end -= begin;
  begin = 0;
}

BufferPool::~BufferPool() {
  for (Buffer* buffer : free_) std::free(buffer);
}

Buffer* BufferPool::New(size_t capacity) {
  void* memory = std::malloc(sizeof(Buffer) + capacity);
  if (memory == nullptr) return nullptr;
  Buffer* buffer = new (memory) Buffer;
  buffer->capacity = static_cast<uint32_t>(capacity);
  return buffer;
}

Buffer* BufferPool::TakeFull() {
  if (free_.empty()) return New(kFullSize);
  Buffer* buffer = free_.back();
  free_.pop_back();
  free_bytes_.store(free_.size() * kFullSize, kRelaxed);
  return buffer;
}

void BufferPool::GiveFull(Buffer* buffer) {
  if (free_.size() >= kMaxFree) return std::free(buffer);
  buffer->Clear();
  free_.push_back(buffer);
  free_bytes_.store(free_.size() * kFullSize, kRelaxed);
}

bool BufferPool::Fits(size_t cost) const {
  return limit_ == 0 || owned_bytes() + cost <= limit_;
}

void BufferPool::Account(int count, int64_t bytes) {
  owned_count_.store(owned_count() + static_cast<uint64_t>(count), kRelaxed);
  owned_bytes_.store(owned_bytes() + static_cast<uint64_t>(bytes), kRelaxed);
}

Buffer* BufferPool::Copy(const char* bytes, size_t n) {
  if (!Fits(sizeof(Buffer) + n)) return nullptr;
  Buffer* buffer = New(n);
  if (buffer == nullptr) return nullptr;
  std::memcpy(buffer->base(), bytes, n);
  buffer->end = static_cast<uint32_t>(n);
  Account(1, static_cast<int64_t>(Cost(buffer)));
  return buffer;
}

bool BufferPool::Charge(Buffer* buffer) {
  if (!Fits(Cost(buffer))) return false;
  Account(1, static_cast<int64_t>(Cost(buffer)));
  return true;
}

void BufferPool::Uncharge(Buffer* buffer) {
  Account(-1, -static_cast<int64_t>(Cost(buffer)));
}

bool BufferPool::Take(size_t bytes) {
  if (!Fits(bytes)) return false;
  Account(0, static_cast<int64_t>(bytes));
  return true;
}

void BufferPool::Give(size_t bytes) {
  Account(0, -static_cast<int64_t>(bytes));
}

void BufferPool::Release(Buffer* buffer) {
  if (buffer == nullptr) return;
  Uncharge(buffer);
  if (buffer->capacity == kFullSize) return GiveFull(buffer);
  std::free(buffer);
}

}  // namespace cucache
