// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// incr, decr, ma. (Counterpart: do_add_delta, process_marithmetic_cmd.)
//
// Items are immutable, so every sum is a new item. Its memory has to be there
// before the slot is locked, but the sum is made inside, from the item that is
// replaced: many threads that count one key never redo each other's work
// unless the number of digits or the client flags change.

#include "base/strings.h"
#include "cache/cache_at_once.h"
#include "cache/value.h"
#include "command/executor.h"
#include "command/item_marks.h"

namespace cucache {

// What a counter becomes, and what kind of item that needs.
struct Executor::Sum {
  Status status = Status::kHit;
  uint64_t value = 0;
  unsigned digits = 0;
  uint32_t length_before = 0;
  uint32_t flags = 0;
  bool binary_key = false;
  bool created = false;

  Sum(const Request& request, const Item* old);
  bool Fits(const Item* item) const {
    return item->value_length == digits && item->flags() == flags &&
           item->HasState(Item::kBinaryKey) == binary_key;
  }
  ItemShape Shape(std::string_view key, uint64_t hash) const {
    return {.key = key,
            .flags = flags,
            .exptime = 0,
            .hash = hash,
            .value_length = digits,
            .binary_key = binary_key};
  }

 private:
  static Status Read(const Request& request, const Item& old, uint64_t* number);
  void SetValue(uint64_t v) {
    value = v;
    digits = CountDigits(v);
  }
};

// The order of the checks is memcached's.
Status Executor::Sum::Read(const Request& request, const Item& old,
                           uint64_t* number) {
  // Bounds the work under the lock; no number is that long.
  constexpr uint32_t kLongest = 256;
  if (old.value_length == 0 || old.chunked()) return Status::kNonNumeric;
  if (request.Has(kCompareCas) && request.cas != 0 &&
      request.cas != old.cas.load(std::memory_order_relaxed)) {
    return Status::kExists;
  }
  const bool good = old.value_length <= kLongest &&
                    ParseLooseU64({old.data(), old.value_length}, number);
  return good ? Status::kHit : Status::kNonNumeric;
}

Executor::Sum::Sum(const Request& request, const Item* old) {
  if (old == nullptr) {
    created = true;
    binary_key = request.binary_key;
    if (!request.Has(kVivify)) status = Status::kNotFound;
    SetValue(request.initial);
    return;
  }
  uint64_t number = 0;
  status = Read(request, *old, &number);
  flags = old->flags();
  length_before = old->value_length;
  binary_key = old->HasState(Item::kBinaryKey);
  if (!request.Has(kDecrement)) {
    SetValue(number + request.delta);  // wraps at 2^64
  } else {
    SetValue(number > request.delta ? number - request.delta : 0);
  }
}

namespace {

// With the slot locked: what the successor of `old` takes over from it.
void Inherit(const Request& request, Item* old, Item* item, TokenHeir* heir,
             Result* result) {
  result->exptime_before = old->exptime.load(std::memory_order_relaxed);
  item->exptime.store(
      request.Has(kTouch) ? request.exptime : result->exptime_before,
      std::memory_order_relaxed);
  heir->Inherit(old, item, false);
}

// Makes `item` the successor of `old` (nullptr: the first of its key).
void Prepare(const Request& request, uint64_t value, Item* old, Item* item,
             TokenHeir* heir, Result* result) {
  char digits[kMaxDigits];
  const char* end = FormatU64(value, digits);
  CopyValueIn(item, 0, digits, static_cast<size_t>(end - digits));
  uint8_t mark = 0;
  if (old != nullptr) {
    mark = old->mark.load(std::memory_order_relaxed);
    Inherit(request, old, item, heir, result);
  } else {
    item->exptime.store(request.vivify_exptime, std::memory_order_relaxed);
  }
  item->mark.store(mark, std::memory_order_relaxed);
}

}  // namespace

// The usual case: the item that was found is still there when its successor
// takes its place, so the sum that was made of it is right. False: nothing was
// done.
bool Executor::ReplaceSum(const Request& request, uint64_t hash, Item* found,
                          const Sum& sum, Result* result) {
  if (request.Has(kCompareCas) || !Cache::Holds(thread_, hash, found)) {
    return false;
  }
  const ItemShape shape = sum.Shape(request.key, hash);
  const int c = cache_.ClassAtOnce(shape.Bytes());
  if (c == 0) return false;
  char digits[kMaxDigits];
  FormatU64(sum.value, digits);
  TokenHeir heir;
  Item* const item = cache_.ReplaceAtOnce(
      thread_, found, shape, c, digits,
      found->mark.load(std::memory_order_relaxed),
      request.Has(kExplicitCas) ? request.new_cas : 0,
      [&](Item* made) { Inherit(request, found, made, &heir, result); });
  if (item == nullptr) return false;
  Counted(request, sum, item, result);
  return true;
}

void Executor::Arithmetic(const Request& request, Result* result) {
  const uint64_t hash = HashOf(request);
  Item* item = nullptr;
  TokenHeir heir;
  Finding why = Finding::kMissing;
  Item* const found = cache_.FindToUpdate(thread_, hash, request.key, &why);
  if (Watched(kWatchFetchers)) WriteGet(request.key, found, why);
  Sum sum(request, found);
  if (found != nullptr && sum.status == Status::kHit &&
      ReplaceSum(request, hash, found, sum, result)) {
    return;
  }
  // What the sum was made of, until it is made again: Allocate() may announce a
  // quiescent state, and then another item may have this address.
  const Item* from = found;
  for (;;) {
    // Answered from a look-up alone: it was true at that moment.
    if (sum.status != Status::kHit) break;
    if (item == nullptr || !sum.Fits(item)) {
      if (item != nullptr) cache_.Free(thread_, item);
      if (cache_.Allocate(thread_, sum.Shape(request.key, hash), &item) !=
          AllocateStatus::kOk) {
        result->status = Status::kNoMemory;
        return;
      }
    }
    bool fits = false;
    // If it is still there, the sum that was made of it is right.
    const bool held =
        !request.Has(kCompareCas) && Cache::Holds(thread_, hash, from);
    const bool linked = cache_.Update(
        thread_, hash, request.key,
        [&](Item* old) {
          if (!held || old != from) sum = Sum(request, old);
          fits = sum.status == Status::kHit && sum.Fits(item);
          if (!fits) return Cache::Decision{Cache::Action::kKeep};
          Prepare(request, sum.value, old, item, &heir, result);
          return Cache::Decision{Cache::Action::kReplace, item};
        },
        request.Has(kExplicitCas) ? request.new_cas : 0, true);
    if (!fits) {
      from = nullptr;
      continue;
    }
    if (linked) {
      return Counted(request, sum, item, result);
    }
    heir.GiveBack();
    sum.status = Status::kNoMemory;
  }
  if (item != nullptr) cache_.Free(thread_, item);
  result->status = sum.status;
  if (sum.status == Status::kNotFound) {
    (request.Has(kDecrement) ? stats_.decr_misses : stats_.incr_misses).Add();
  }
}

void Executor::Counted(const Request& request, const Sum& sum, Item* item,
                       Result* result) {
  result->status = Status::kHit;
  result->created = sum.created;
  result->value = sum.value;
  result->item = item;
  result->value_length = item->value_length;
  result->cas = item->cas.load(std::memory_order_relaxed);
  if (sum.created) {
    if (Watched(kWatchMutations)) WriteLinked(StoreMode::kAdd, *item);
    return;
  }
  if (sum.digits <= sum.length_before) stats_.sums_in_place.Add();
  if (request.Has(kDecrement)) {
    Count(&ThreadStats::decr_hits, &ClassCounters::decr_hits, item);
  } else {
    Count(&ThreadStats::incr_hits, &ClassCounters::incr_hits, item);
  }
}

}  // namespace cucache
