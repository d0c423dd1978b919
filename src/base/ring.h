// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// A bounded queue of records of any size between two threads, that neither
// waits nor loses half a record: what does not fit is refused. (Counterpart:
// bipbuffer.c, which memcached guards with a mutex.)
//
// A record is two bytes of length and its bytes; it may wrap around the end.
//
// Invariants:
//   R1 head_ - tail_ <= capacity. Only the producer moves head_, only the
//      consumer tail_, both release what they did to the other side.
//   R2 Memory is taken with the first record, so that a ring which nobody
//      uses costs nothing. It is published by the first move of head_.
//
// Thread safety: one producer, one consumer at a time. Units: bytes.

#ifndef CUCACHE_BASE_RING_H_
#define CUCACHE_BASE_RING_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace cucache {

class Ring {
 public:
  static constexpr size_t kMaxRecord = 1024;

  explicit Ring(size_t capacity) : capacity_(capacity) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Appends a record made of two parts; false if there is no room for it.
  // Producer.
  [[nodiscard]] bool Push(std::string_view first, std::string_view second) {
    const size_t length = first.size() + second.size();
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t used = head - tail_.load(std::memory_order_acquire);
    if (length > kMaxRecord || used + kPrefix + length > capacity_) {
      return false;
    }
    if (bytes_ == nullptr) bytes_ = std::make_unique<char[]>(capacity_);
    const auto prefix = static_cast<uint16_t>(length);
    CopyIn(head, &prefix, kPrefix);
    CopyIn(head + kPrefix, first.data(), first.size());
    CopyIn(head + kPrefix + first.size(), second.data(), second.size());
    head_.store(head + kPrefix + length, std::memory_order_release);
    return true;
  }

  // Calls visit(record) for what is there at the beginning of the call, oldest
  // first, and removes it; returns how many there were. The record is valid
  // during its call only. Consumer.
  template <class Visit>
  size_t Drain(Visit&& visit) {
    const uint64_t head = head_.load(std::memory_order_acquire);
    uint64_t tail = tail_.load(std::memory_order_relaxed);
    size_t count = 0;
    char record[kMaxRecord];
    while (tail != head) {
      uint16_t length;
      CopyOut(tail, &length, kPrefix);
      CopyOut(tail + kPrefix, record, length);
      tail += kPrefix + length;
      tail_.store(tail, std::memory_order_release);
      visit(std::string_view(record, length));
      ++count;
    }
    return count;
  }

 private:
  static constexpr size_t kPrefix = sizeof(uint16_t);

  void CopyIn(uint64_t position, const void* from, size_t n) {
    const size_t at = position % capacity_;
    const size_t to_end = std::min(n, capacity_ - at);
    if (n == 0) return;
    std::memcpy(bytes_.get() + at, from, to_end);
    std::memcpy(bytes_.get(), static_cast<const char*>(from) + to_end,
                n - to_end);
  }
  void CopyOut(uint64_t position, void* to, size_t n) const {
    const size_t at = position % capacity_;
    const size_t to_end = std::min(n, capacity_ - at);
    std::memcpy(to, bytes_.get() + at, to_end);
    std::memcpy(static_cast<char*>(to) + to_end, bytes_.get(), n - to_end);
  }

  const size_t capacity_;
  std::unique_ptr<char[]> bytes_;
  alignas(64) std::atomic<uint64_t> head_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace cucache

#endif  // CUCACHE_BASE_RING_H_
