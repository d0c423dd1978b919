// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What a client asks, and what it is told, without a word about bytes: every
// protocol makes Requests and writes Results. One vocabulary serves all: a
// classic `get` is a meta get without options, `cas` a set that compares.
//
// Ownership: a Request's key points into the input buffer; a Result's item
// belongs to the cache and is valid until the thread's next quiescent state.
//
// What is filled by whom, as the protocols rely on it:
//   hash      of a Lookup: by Executor::Locator. Of a Request: may be left 0,
//             and the Executor computes it; for a store, which is two calls,
//             the protocol takes it from Executor::Hash().
//   exptime, vivify_exptime   Executor::clock().FromExptime(client's number).
//   Result    starts as Result{} and is filled by every command:
//     status   Fetch, Touch: kHit, kNotFound. Store: kStored, kNotStored,
//              kExists, kNotFound. Delete: kDeleted (also for md I and md x),
//              kNotFound, kExists, kNoMemory. Arithmetic: kHit (also when it
//              created the item), kNotFound, kExists, kNonNumeric, kNoMemory.
//     item     Fetch: what is answered, nullptr on a miss. Arithmetic: the new
//              item (ma t shows its expiry).
//     cas      the item's CAS id; after a Store 0 unless kStored.

#ifndef CUCACHE_COMMAND_REQUEST_H_
#define CUCACHE_COMMAND_REQUEST_H_

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "cache/item_shape.h"

namespace cucache {

enum class StoreMode : uint8_t { kSet, kAdd, kReplace, kAppend, kPrepend };

// Options of a request; each command looks at the ones that mean something to
// it.
enum Option : uint16_t {
  kCompareCas = 1 << 0,   // cas, meta C: act only if the CAS id is `cas`
  kExplicitCas = 1 << 1,  // meta E: the new CAS id is `new_cas`
  kTouch = 1 << 2,        // gat, meta T: store `exptime`
  kNoBump = 1 << 3,       // meta u: do not count as a hit
  kVivify = 1 << 4,       // meta N: create on a miss with `vivify_exptime`
  kRecache = 1 << 5,      // meta R: win when it expires within recache_ttl
  kInvalidate = 1 << 6,   // meta I: mark as stale (ms: if `cas` is older)
  kDropValue = 1 << 7,    // meta md x: the item stays, without its value
  kDecrement = 1 << 8,    // decr, ma MD
  kIsTouch = 1 << 9,      // counts as touch in the stats (gat, touch)
  kIsMeta = 1 << 10,      // it came as md: counted and shown differently
  kNoWin = 1 << 11,       // no meta command: it cannot win the right to recache
  kRecacheFirst = 1 << 12,  // meta R looks at the expiry before this command
};

// Key, hash, flags, exptime and value_length are those of the item that a store
// asks for.
struct Request : ItemShape {
  StoreMode mode = StoreMode::kSet;
  uint16_t options = 0;
  RelTime vivify_exptime = 0;
  int32_t recache_ttl = 0;  // seconds
  uint64_t cas = 0;
  uint64_t new_cas = 0;
  uint64_t delta = 1;
  uint64_t initial = 0;

  bool Has(Option o) const { return (options & o) != 0; }
};
// One is made for each command: what is larger g++ clears by a string
// instruction, which takes as long as parsing a set.
static_assert(sizeof(Request) <= 80);

enum class Status : uint8_t {
  kHit,  // get, touch, gat: found. vivified: found, and `won`
  kStored,
  kNotStored,
  kExists,  // CAS mismatch
  kNotFound,
  kDeleted,
  kTooLarge,
  kNoMemory,
  kNonNumeric,
};

struct Result {
  Status status = Status::kNotFound;
  bool won = false;           // W: this client is to recache it
  bool stale = false;         // X
  bool won_by_other = false;  // Z
  bool was_fetched = false;   // h: read before this command
  bool created = false;       // mg N, ma N: this command made the item
  RelTime idle = 0;           // l: seconds since the access before this one
  Item* item = nullptr;
  uint64_t cas = 0;
  uint64_t value = 0;  // counters: the new number
  // Fetch, Arithmetic: the expiry before this command (0: never, or it was
  // created here): meta `mg k t T30` shows the old one, `mg k T30 t` the new
  // one.
  RelTime exptime_before = 0;
  // Store: bytes of the value as it is stored now, after append and prepend
  // too (meta ms s); the request's own if nothing was stored.
  uint32_t value_length = 0;
};

}  // namespace cucache

#endif  // CUCACHE_COMMAND_REQUEST_H_
