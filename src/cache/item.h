// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// One cached item: a header of 24 bytes, four bytes of client flags if they
// are not zero, the key, the value. (Counterpart: struct _stritem in
// memcached.h, 48 bytes and 8 for the CAS id. There are no list links, no hash
// chain and no reference count here: order is kept by pages, memory by
// epochs.)
//
// Invariant I7 (doc/table.md): once it is published in the table everything
// in an item is immutable, except the atomics of its header; and its memory is
// reused only after a grace period. So copying key and value out is a plain
// memcpy that needs no check afterwards.
//
// A value that does not fit into one chunk is kept in pieces: the head chunk
// then holds, after the key, an array of pointers to Piece, and every piece
// but the last is full.
//
// How the atomics are written once the item is linked:
//   exptime, cas, and kStale of state
//            only with the stripe of its bucket locked (I8), in the decide of
//            Cache::Update, so that eviction, which moves items by copying
//            them under the same lock, loses none of it. A writer that makes
//            an item stale sets kStale first and cas second (release); readers
//            load cas first (acquire), so whoever sees the new id sees
//            stale.
//   state    by fetch_or / fetch_and, or exchanges. kLinked is set before
//            publication and cleared by the thread that unlinked it. kWinSent
//            is set by any reader, without a lock: what replaces the item takes
//            it first (command/item_marks.h, Cache::ReplaceMoved).
//   generation
//            before publication; again if that failed and is tried once more,
//            when a walk may have seen the item already
//   mark, last_access
//            relaxed load and store by any reader; racing stores, or a store
//            into an item that has just moved, may lose a hit, never an item
//
// Units: times in seconds of base/clock.h.

#ifndef CUCACHE_CACHE_ITEM_H_
#define CUCACHE_CACHE_ITEM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/clock.h"

namespace cucache {

inline constexpr size_t kMaxKeyLength = 250;
// Chunks begin at multiples of this. (Of 16 it would cost a tenth of an item
// with a short value.)
inline constexpr size_t kItemAlignment = 8;
// Chunks end below this address, so that the table can keep an address in 44
// bits.
inline constexpr uint64_t kItemAddressEnd = uint64_t{1} << 47;

struct Piece;

struct Item {
  // Bits of `state`.
  static constexpr uint8_t kLinked = 1;     // in the table
  static constexpr uint8_t kStale = 2;      // meta: invalidated (X)
  static constexpr uint8_t kWinSent = 4;    // meta: somebody recaches it (Z)
  static constexpr uint8_t kBinaryKey = 8;  // meta: stored with the b flag
  static constexpr uint8_t kChunked = 16;   // the value is in pieces
  static constexpr uint8_t kHasFlags = 32;  // four bytes of client flags
  static constexpr uint8_t kPinned = 64;    // ask cache/pins.h before reuse
  static constexpr uint8_t kPiece = 128;    // not an item: struct Piece

  // Bits of `mark`.
  static constexpr uint8_t kRecencyMask = 3;  // saturating hit counter
  static constexpr uint8_t kFetched = 4;      // asked for since it was stored

  std::atomic<RelTime> last_access;
  std::atomic<RelTime> exptime;  // 0: never
  std::atomic<uint64_t> cas;
  uint32_t value_length;
  std::atomic<uint8_t> state;
  std::atomic<uint8_t> mark;
  uint8_t key_length;
  // Of flush_all: another than the cache's means flushed.
  std::atomic<uint8_t> generation;

  // --- Immutable parts. ---
  // Where they stand. `state` says it and is read once: an atomic is read each
  // time that it is asked.
  class Layout {
   public:
    explicit Layout(const Item& item)
        : item_(item), state_(item.state.load(std::memory_order_relaxed)) {}
    bool chunked() const { return (state_ & kChunked) != 0; }
    bool has_flags() const { return (state_ & kHasFlags) != 0; }
    uint32_t flags() const {
      if (!has_flags()) return 0;
      uint32_t flags;
      std::memcpy(&flags, &item_ + 1, sizeof(flags));
      return flags;
    }
    const char* key_data() const {
      // Four bytes if there are flags, by a shift instead of a choice.
      return reinterpret_cast<const char*>(&item_ + 1) +
             (state_ & kHasFlags) / (kHasFlags / sizeof(uint32_t));
    }
    const char* data() const { return key_data() + item_.key_length; }

   private:
    const Item& item_;
    const uint8_t state_;
  };
  Layout layout() const { return Layout(*this); }
  bool chunked() const { return layout().chunked(); }
  uint32_t flags() const { return layout().flags(); }
  const char* key_data() const { return layout().key_data(); }
  std::string_view key() const { return {key_data(), key_length}; }
  // The value, when it is not in pieces.
  const char* data() const { return layout().data(); }
  char* mutable_data() { return const_cast<char*>(data()); }
  // A piece of the value, when it is. The pointers to them stand unaligned.
  Piece* piece(size_t i) const {
    Piece* p;
    std::memcpy(&p, data() + i * sizeof(p), sizeof(p));
    return p;
  }
  // Bytes of header, flags and key.
  size_t prefix_size() const {
    return static_cast<size_t>(data() - reinterpret_cast<const char*>(this));
  }

  // --- State that changes after publication. ---
  bool HasState(uint8_t bits) const {
    return (state.load(std::memory_order_relaxed) & bits) != 0;
  }
  bool expired(RelTime now) const {
    const RelTime at = exptime.load(std::memory_order_relaxed);
    return at != 0 && at <= now;
  }
  bool fetched() const {
    return (mark.load(std::memory_order_relaxed) & kFetched) != 0;
  }
  uint8_t recency() const {
    return mark.load(std::memory_order_relaxed) & kRecencyMask;
  }
  // Seconds since the last access. That may lie before the clock's start, if
  // a restart brought the item here: times wrap around, differences do not.
  RelTime idle(RelTime now) const {
    const auto passed =
        static_cast<int32_t>(now - last_access.load(std::memory_order_relaxed));
    return passed > 0 ? static_cast<RelTime>(passed) : 0;
  }

  // A reader's hit. Writes nothing once the mark is saturated and the access
  // time is younger than a minute: a warm read writes no shared memory.
  void Touch(RelTime now) {
    const uint8_t m = mark.load(std::memory_order_relaxed);
    if (m != (kRecencyMask | kFetched)) {
      const uint8_t next =
          (m & kRecencyMask) == kRecencyMask ? m : static_cast<uint8_t>(m + 1);
      mark.store(next | kFetched, std::memory_order_relaxed);
    }
    if (now - last_access.load(std::memory_order_relaxed) >= kAccessInterval) {
      last_access.store(now, std::memory_order_relaxed);
    }
  }

  // Eviction came by and left it in place.
  void TakeMark() {
    const uint8_t m = mark.load(std::memory_order_relaxed);
    if ((m & kRecencyMask) == 0) return;
    mark.store(static_cast<uint8_t>(m - 1), std::memory_order_relaxed);
  }

  // Seconds between two updates of last_access (memcached's
  // ITEM_UPDATE_INTERVAL).
  static constexpr RelTime kAccessInterval = 60;
};

static_assert(sizeof(Item) == 24);
static_assert(alignof(Item) <= kItemAlignment);
static_assert(std::atomic<uint8_t>::is_always_lock_free);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// A part of a large value. The header has the shape of an Item's, so that a
// walk over a page can tell what a chunk is from `state` alone.
struct Piece {
  std::atomic<uint64_t> unused_times;
  std::atomic<Item*> owner;    // the item whose value this is part of
  uint32_t length;             // bytes of value that stand here
  std::atomic<uint8_t> state;  // Item::kPiece while it belongs to an item
  uint8_t unused[3];

  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
};

static_assert(sizeof(Piece) == 24);
static_assert(offsetof(Piece, state) == offsetof(Item, state));

}  // namespace cucache

#endif  // CUCACHE_CACHE_ITEM_H_
