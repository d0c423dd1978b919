// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Which slot of a bucket has a tag, without a branch for each: which of them it
// is cannot be predicted. (Counterpart: none. Vectors for this: Zhou et al.,
// "Scalable, High Performance Ethernet Forwarding with CuckooSwitch", CoNEXT
// 2013.)
//
// With SSE2, which every x86-64 has, 17 instructions instead of 43. By the
// letter of C++ its loads race with the writers' stores. What is relied on is
// the machine's: each aligned half of such a load is one load of a slot, so
// that a tag is one that was stored, and loads are not reordered. So a vector
// is as good as four relaxed loads with a fence behind it, and here it stands
// only for such. Elsewhere, and under ThreadSanitizer, which would not know
// that, the loads are those of atomics.
//
// Thread safety: pure functions of a bucket that others write.

#ifndef CUCACHE_CACHE_TAGS_H_
#define CUCACHE_CACHE_TAGS_H_

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
#define CUCACHE_TAGS_SSE2
#include <emmintrin.h>
#endif

#include "cache/assoc_layout.h"

namespace cucache {

#ifdef CUCACHE_TAGS_SSE2

// Bit 2i + 1: slot i has the tag.
CUCACHE_ALWAYS_INLINE unsigned TagMask(const Bucket& bucket, uint64_t tag) {
  static_assert(slot::kTagShift == 48 && kSlotsPerBucket == 8);
  const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(tag));
  const auto same = [&](unsigned i) {
    const auto* two = reinterpret_cast<const __m128i*>(&bucket.slots[2 * i]);
    return _mm_cmpeq_epi16(_mm_load_si128(two), wanted);
  };
  // Twice from two bytes to one that keeps the sign: that of the upper byte.
  const __m128i packed = _mm_packs_epi16(_mm_packs_epi16(same(0), same(1)),
                                         _mm_packs_epi16(same(2), same(3)));
  return static_cast<unsigned>(_mm_movemask_epi8(packed)) & 0xaaaa;
}

// A slot that has the tag, or nullptr. A hint: orders nothing.
CUCACHE_ALWAYS_INLINE const std::atomic<uint64_t>* FindTag(const Bucket& bucket,
                                                           uint64_t tag) {
  const unsigned mask = TagMask(bucket, tag);
  return mask == 0 ? nullptr : &bucket.slots[std::countr_zero(mask) / 2];
}

// Has any slot this tag? As if each were loaded with acquire.
CUCACHE_ALWAYS_INLINE bool HasTag(const Bucket& bucket, uint64_t tag) {
  const unsigned mask = TagMask(bucket, tag);
  std::atomic_thread_fence(std::memory_order_acquire);
  return mask != 0;
}

#else

namespace tags_internal {

// Unrolled by hand, which g++ -O2 does not.
template <size_t... kIndex>
CUCACHE_ALWAYS_INLINE const std::atomic<uint64_t>* FindTag(
    const Bucket& bucket, uint64_t tag, std::index_sequence<kIndex...>) {
  const std::atomic<uint64_t>* found = nullptr;
  ((found =
        slot::Tag(bucket.slots[kIndex].load(std::memory_order_relaxed)) == tag
            ? &bucket.slots[kIndex]
            : found),
   ...);
  return found;
}

// The least difference of kCount slots from kFirst on, as a tree.
template <unsigned kFirst, unsigned kCount>
CUCACHE_ALWAYS_INLINE uint64_t LeastDifference(const Bucket& bucket,
                                               uint64_t wanted) {
  if constexpr (kCount == 1) {
    return bucket.slots[kFirst].load(std::memory_order_acquire) ^ wanted;
  } else {
    constexpr unsigned kHalf = kCount / 2;
    return std::min(LeastDifference<kFirst, kHalf>(bucket, wanted),
                    LeastDifference<kFirst + kHalf, kHalf>(bucket, wanted));
  }
}

}  // namespace tags_internal

// A slot that has the tag, or nullptr. A hint: orders nothing.
CUCACHE_ALWAYS_INLINE const std::atomic<uint64_t>* FindTag(const Bucket& bucket,
                                                           uint64_t tag) {
  return tags_internal::FindTag(bucket, tag,
                                std::make_index_sequence<kSlotsPerBucket>());
}

// Has any slot this tag? Each is loaded with acquire.
CUCACHE_ALWAYS_INLINE bool HasTag(const Bucket& bucket, uint64_t tag) {
  return slot::Tag(tags_internal::LeastDifference<0, kSlotsPerBucket>(
             bucket, tag << slot::kTagShift)) == 0;
}

#endif

}  // namespace cucache

#endif  // CUCACHE_CACHE_TAGS_H_
