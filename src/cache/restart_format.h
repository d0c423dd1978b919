// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The file of a warm restart (-e), byte by byte: a header, blocks of at most
// kBlockBytes, a last block with sums. It holds items, not memory: keys,
// values and what is known about them, in the order of eviction. So it fits
// any -m, -t and page size. (Counterpart: memcached's FILE, which is the
// memory of its slabs, and FILE.meta.)
//
//   FileHeader
//   { BlockHeader, payload }...   kItems, or kLarge and its kMore
//   { BlockHeader, Trailer }      kEnd; the file ends behind it
//
// Invariants:
//   F1 Every byte of the file is under a checksum that is verified before the
//      byte is used. A block's covers its payload, its length and kind, its
//      number, and the id of the file; so a block of another file, which a
//      crash may have left on the disk, does not pass for one of this.
//   F2 The file is complete if and only if kEnd is there with the right
//      number of blocks and items, and nothing behind it.
//   F3 A checksum says that the bytes are those which were written, not that
//      their writer meant well: every length is checked before it is used.
//   F4 What a reader does not know it can pass over: header_bytes and
//      record_bytes may grow. `format` changes when that is not enough.
//
// Times are seconds relative to the moment of the save, which the header
// holds: the clock of the next process begins anew.

#ifndef CUCACHE_CACHE_RESTART_FORMAT_H_
#define CUCACHE_CACHE_RESTART_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/hash.h"
#include "cache/item.h"

namespace cucache::restart {

inline constexpr char kMagic[8] = {'c', 'u', 'c', 'a', 'c', 'h', 'e', 0x1a};
inline constexpr uint32_t kFormat = 1;
inline constexpr uint32_t kByteOrder = 0x01020304;
inline constexpr uint32_t kBlockBytes = 1 << 20;

// A point in time that two processes agree about.
struct Moment {
  int64_t wall_seconds;  // of the wall clock
  int64_t boot_seconds;  // since the system was booted, asleep or not
  uint8_t boot_id[16];   // of this boot; all 0 if it is not known

  static Moment Now();
  // Seconds from `saved` to this, at least 0. The wall clock is asked only if
  // the system was booted in between, since it may be set.
  int64_t Since(const Moment& saved) const;
};

struct FileHeader {
  char magic[sizeof(kMagic)];
  uint32_t format;
  uint32_t byte_order;
  uint32_t header_bytes;  // where the blocks begin
  uint32_t record_bytes;  // of a Record
  uint64_t file_id;       // random
  Moment moment;
  uint64_t next_cas;   // above every id that the server gave
  uint64_t items;      // about how many follow
  uint32_t flush_in;   // seconds to a flush_all that was asked for; 0: none
  char writer[27];     // version, for the log
  uint8_t hash_power;  // Cache::HashPower(); 0: not known
  uint64_t checksum;   // of all before; the last 8 bytes of header_bytes
};
static_assert(sizeof(FileHeader) == 120);

enum class BlockKind : uint32_t {
  kItems = 1,  // Record, key, value; and so on
  kLarge = 2,  // Record, key, the beginning of a value
  kMore = 3,   // what follows of it; all but the last as long as can be
  kEnd = 4,    // Trailer
};

struct BlockHeader {
  BlockKind kind;
  uint32_t length;  // of the payload
  uint64_t number;  // from 0
  uint64_t checksum;
};
static_assert(sizeof(BlockHeader) == 24);

// Two halves of the CAS id, so that records need no gaps.
struct Record {
  uint32_t cas_low, cas_high;
  uint32_t expires_in;  // seconds; 0: never
  uint32_t idle;        // seconds since the last access
  uint32_t flags;
  uint32_t value_length;
  uint8_t key_length;
  uint8_t state;  // kSavedStates of Item::state
  uint8_t mark;   // Item::mark
  uint8_t queue;  // Queue
};
static_assert(sizeof(Record) == 28);

inline constexpr uint8_t kSavedStates =
    Item::kStale | Item::kWinSent | Item::kBinaryKey;
inline constexpr uint8_t kSavedMarks = Item::kRecencyMask | Item::kFetched;

struct Trailer {
  uint64_t items;
  uint64_t blocks;  // before this one
  uint64_t bytes;   // of keys and values
  uint64_t chain;   // of the checksums of these blocks, see Chain()
  uint64_t millis;  // that the save took up to here
};
static_assert(sizeof(Trailer) == 40);

inline constexpr uint32_t kMaxHeaderBytes = 4096;
inline constexpr uint32_t kMaxRecordBytes = 256;

// F1. `header` without its checksum.
inline uint64_t BlockChecksum(uint64_t file_id, const BlockHeader& header,
                              const char* payload) {
  const uint64_t seed =
      XXH3_64bits_withSeed(&header, offsetof(BlockHeader, checksum), file_id);
  return XXH3_64bits_withSeed(payload, header.length, seed);
}

inline uint64_t HeaderChecksum(const char* header, size_t header_bytes) {
  return XXH3_64bits(header, header_bytes - sizeof(uint64_t));
}

inline uint64_t Chain(uint64_t chain, uint64_t block_checksum) {
  return XXH3_64bits_withSeed(&block_checksum, sizeof(block_checksum), chain);
}

}  // namespace cucache::restart

#endif  // CUCACHE_CACHE_RESTART_FORMAT_H_
