// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Memory for input and for unsent output. (Counterpart: memcached's rbuf_cache
// and resp bundles.)
//
// A worker owns one input buffer that all its connections read into. Only a
// connection with something unfinished owns memory: an exact-size copy of what
// is left, or, when much is left, the worker's buffer itself, and the worker
// takes a fresh one from here.
//
// Everything a connection owns is charged to its worker's pool, which has a
// limit (-o read_buf_mem_limit, divided by the number of workers).
//
// Thread safety: one thread; the figures may be read by anyone.
// Units: bytes.

#ifndef CUCACHE_NET_BUFFERS_H_
#define CUCACHE_NET_BUFFERS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "command/buffer_account.h"

namespace cucache {

// A block of bytes of which [begin, end) is in use.
struct Buffer {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t capacity = 0;

  char* base() { return reinterpret_cast<char*>(this + 1); }
  char* data() { return base() + begin; }
  size_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
  void Clear() { begin = end = 0; }
  // Moves what is in use to the front, so that there is room behind it.
  void Compact();
};

class BufferPool final : public BufferAccount {
 public:
  // Capacity of the buffers that workers read into.
  static constexpr size_t kFullSize = 64 * 1024;

  // limit 0: none.
  explicit BufferPool(size_t limit) : limit_(limit) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // An empty full-size buffer for the worker; not charged. nullptr: out of
  // memory.
  [[nodiscard]] Buffer* TakeFull();
  void GiveFull(Buffer* buffer);

  // A charged buffer with a copy of the bytes and no room beyond them, or
  // nullptr: at the limit, or out of memory.
  Buffer* Copy(const char* bytes, size_t n);
  // Charges a full-size buffer that a connection is to own; false at the
  // limit.
  [[nodiscard]] bool Charge(Buffer* buffer);
  // The reverse: the worker has it again.
  void Uncharge(Buffer* buffer);
  // Gives back a charged buffer of either kind; nullptr is allowed.
  void Release(Buffer* buffer);

  // What connections own besides buffers.
  [[nodiscard]] bool Take(size_t bytes) override;
  void Give(size_t bytes) override;

  uint64_t owned_count() const { return owned_count_.load(kRelaxed); }
  uint64_t owned_bytes() const { return owned_bytes_.load(kRelaxed); }
  uint64_t free_bytes() const { return free_bytes_.load(kRelaxed); }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;
  // More than a handful is rarely needed at once, and memory that nobody uses
  // is to go back.
  static constexpr size_t kMaxFree = 4;

  static Buffer* New(size_t capacity);
  static size_t Cost(const Buffer* buffer) {
    return buffer->capacity + sizeof(Buffer);
  }
  bool Fits(size_t cost) const;
  void Account(int count, int64_t bytes);

  const size_t limit_;
  std::vector<Buffer*> free_;
  std::atomic<uint64_t> owned_count_{0};
  std::atomic<uint64_t> owned_bytes_{0};
  std::atomic<uint64_t> free_bytes_{0};
};

}  // namespace cucache

#endif  // CUCACHE_NET_BUFFERS_H_
