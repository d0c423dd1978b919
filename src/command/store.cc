// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// set, add, replace, append, prepend, cas, ms. (Counterpart:
// process_update_cmd_start, process_mset_cmd_start, do_store_item.)

#include "cache/cache_at_once.h"
#include "cache/value.h"
#include "command/executor.h"
#include "command/item_marks.h"

namespace cucache {
namespace {

bool IsJoin(StoreMode mode) {
  return mode == StoreMode::kAppend || mode == StoreMode::kPrepend;
}

inline bool IsPlainSet(const Request& request) {
  return request.mode == StoreMode::kSet && !request.Has(kCompareCas);
}

// cas, and meta's C with a set or replace. An id of 0 equals nothing.
// *older: the item is newer than the id, and the client wants its value stored
// all the same, as a stale one (meta I).
Status JudgeCompare(const Request& request, const Item* old, bool* older) {
  if (old == nullptr) return Status::kNotFound;
  const uint64_t cas = old->cas.load(std::memory_order_relaxed);
  if (request.cas == 0) return Status::kExists;
  if (request.cas == cas) return Status::kStored;
  *older = request.Has(kInvalidate) && request.cas < cas;
  return *older ? Status::kStored : Status::kExists;
}

// What becomes of a store that finds `old` (nullptr: nothing) in its place.
Status Judge(const Request& request, const Item* old, bool* older) {
  *older = false;
  if (request.mode == StoreMode::kAdd) {
    return old == nullptr ? Status::kStored : Status::kNotStored;
  }
  if (request.Has(kCompareCas)) return JudgeCompare(request, old, older);
  if (request.mode == StoreMode::kSet || old != nullptr) {
    return Status::kStored;
  }
  return Status::kNotStored;
}

// An add that fails tells that somebody wants the item: it stays longer,
// though nobody has read it.
void Promote(Item* item) {
  const uint8_t mark = item->mark.load(std::memory_order_relaxed);
  if ((mark & Item::kRecencyMask) == Item::kRecencyMask) return;
  item->mark.store(static_cast<uint8_t>(mark + 1), std::memory_order_relaxed);
}

bool CasDiffers(const Request& request, const Item* old) {
  return request.Has(kCompareCas) && request.cas != 0 &&
         request.cas != old->cas.load(std::memory_order_relaxed);
}

uint64_t NewCas(const Request& request) {
  return request.Has(kExplicitCas) ? request.new_cas : 0;
}

void FillStored(Item* item, Result* result) {
  result->status = Status::kStored;
  result->item = item;
  result->cas = item->cas.load(std::memory_order_relaxed);
  result->value_length = item->value_length;
}

}  // namespace

Status Executor::Reserve(const Request& request, Item** item) {
  if (detail()) {
    control_.command_state().prefixes().RecordSet(request.key,
                                                  settings_.prefix_delimiter);
  }
  const bool vivifies = IsJoin(request.mode) && request.Has(kVivify);
  ItemShape shape = request;
  if (vivifies) shape.exptime = request.vivify_exptime;
  shape.hash = HashOf(request);
  const AllocateStatus status = cache_.Allocate(thread_, shape, item);
  if (status == AllocateStatus::kOk) {
    Count(&ThreadStats::set_cmds, &ClassCounters::set_cmds, *item);
    return Status::kStored;
  }
  *item = nullptr;
  const Status refused = status == AllocateStatus::kTooLarge
                             ? Status::kTooLarge
                             : Status::kNoMemory;
  if (Watched(kWatchMutations)) WriteStore(request, request.key, {}, refused);
  // The client believes that the old value is gone: it must not come back.
  if (IsPlainSet(request)) Remove(shape.hash, request.key);
  const bool too_large = refused == Status::kTooLarge;
  (too_large ? stats_.store_too_large : stats_.store_no_memory).Add();
  return refused;
}

Item* Executor::SetAtOnce(const Request& request, const char* value) {
  if (!IsPlainSet(request) || detail() ||
      Watched(kWatchFetchers | kWatchMutations)) {
    return nullptr;
  }
  int c;
  Item* const item =
      cache_.SetAtOnce(thread_, request, value, NewCas(request), &c);
  if (item == nullptr) return nullptr;
  stats_.set_cmds.Add();
  stats_.slab[static_cast<size_t>(c)].set_cmds.Add();
  return item;
}

void Executor::Discard(Item* item) { cache_.Free(thread_, item); }

void Executor::Store(const Request& request, Item* item, Result* result) {
  result->value_length = item->value_length;
  const uint64_t hash =
      request.hash != 0 ? request.hash : cache_.Hash(item->key());
  if (Watched(kWatchFetchers | kWatchMutations)) {
    StoreWatched(request, hash, item, result);
  } else {
    StoreNow(request, hash, item, result);
  }
}

void Executor::StoreNow(const Request& request, uint64_t hash, Item* item,
                        Result* result) {
  if (IsJoin(request.mode)) {
    Join(request, hash, item, result);
  } else if (IsPlainSet(request)) {
    LinkAlways(request, hash, item, result);
  } else {
    Link(request, hash, item, result);
  }
}

void Executor::CountCompare(Status status, const Item* old) {
  if (old == nullptr) {
    stats_.cas_misses.Add();
  } else if (status == Status::kStored) {
    Count(&ThreadStats::cas_hits, &ClassCounters::cas_hits, old);
  } else {
    Count(&ThreadStats::cas_badval, &ClassCounters::cas_badval, old);
  }
}

// A set that compares nothing, and so has nothing to judge.
void Executor::LinkAlways(const Request& request, uint64_t hash, Item* item,
                          Result* result) {
  const auto replace = [item](Item*) {
    return Cache::Decision{Cache::Action::kReplace, item};
  };
  if (cache_.Update(thread_, hash, item->key(), replace, NewCas(request),
                    true)) {
    return FillStored(item, result);
  }
  cache_.Free(thread_, item);
  stats_.store_no_memory.Add();
  result->status = Status::kNoMemory;
}

// Everything is judged with the slot locked, so nothing can change between
// the judgement and the replacement (J1).
void Executor::Link(const Request& request, uint64_t hash, Item* item,
                    Result* result) {
  Status status = Status::kNotStored;
  Item* seen = nullptr;
  TokenHeir heir;
  const bool linked = cache_.Update(
      thread_, hash, item->key(),
      [&](Item* old) {
        bool older;
        seen = old;
        status = Judge(request, old, &older);
        if (status != Status::kStored) {
          return Cache::Decision{Cache::Action::kKeep};
        }
        if (older) {
          item->exptime.store(old->exptime.load(std::memory_order_relaxed),
                              std::memory_order_relaxed);
          heir.Inherit(old, item, true);
        }
        return Cache::Decision{Cache::Action::kReplace, item};
      },
      NewCas(request));
  if (!linked && status == Status::kStored) {
    heir.GiveBack();
    cache_.Free(thread_, item);
    stats_.store_no_memory.Add();
    result->status = Status::kNoMemory;
    return;
  }
  if (request.Has(kCompareCas) && request.mode != StoreMode::kAdd) {
    CountCompare(status, seen);
  }
  if (status == Status::kStored) {
    FillStored(item, result);
    return;
  }
  if (request.mode == StoreMode::kAdd) Promote(seen);
  result->status = status;
  cache_.Free(thread_, item);
}

// An item with the old value and the added one. `old` is pinned.
AllocateStatus Executor::MakeJoined(const Request& request, uint64_t hash,
                                    Item* old, Item* added, Item** joined) {
  const ItemShape shape{.key = added->key(),
                        .flags = old->flags(),
                        .exptime = 0,
                        .hash = hash,
                        .value_length = old->value_length + added->value_length,
                        .binary_key = old->HasState(Item::kBinaryKey) ||
                                      added->HasState(Item::kBinaryKey)};
  const AllocateStatus status = cache_.Allocate(thread_, shape, joined);
  if (status != AllocateStatus::kOk) return status;
  const Item* first = old;
  const Item* second = added;
  if (request.mode == StoreMode::kPrepend) std::swap(first, second);
  CopyValue(*first, 0, *joined, 0, first->value_length);
  CopyValue(*second, 0, *joined, first->value_length, second->value_length);
  copied_ += shape.value_length;
  return status;
}

// append, prepend. The joined item is made without a lock from the item that
// was found; it is published only if that very item is still in its place, and
// made again if not. The pin makes the comparison of pointers sound, because
// Allocate() may announce a quiescent state, and without a pin the address
// could by then be another item's. A round that fails means that somebody
// else's command succeeded.
void Executor::Join(const Request& request, uint64_t hash, Item* item,
                    Result* result) {
  for (;;) {
    Item* const old = cache_.Find(thread_, hash, item->key());
    if (old == nullptr && !request.Has(kVivify)) break;
    if (old != nullptr && CasDiffers(request, old)) {
      result->status = Status::kExists;
      cache_.Free(thread_, item);
      return;
    }
    Item* joined = item;
    if (old != nullptr) {
      cache_.Pin(old);
      if (MakeJoined(request, hash, old, item, &joined) !=
          AllocateStatus::kOk) {
        cache_.Unpin(thread_, old);
        break;
      }
    }
    bool same = false;
    const bool linked = cache_.Update(
        thread_, hash, item->key(),
        [&](Item* now) {
          // The CAS id of one item can change (md I).
          same = now == old && (old == nullptr || !CasDiffers(request, old));
          if (!same) return Cache::Decision{Cache::Action::kKeep};
          if (old != nullptr) {
            joined->exptime.store(old->exptime.load(std::memory_order_relaxed),
                                  std::memory_order_relaxed);
          }
          return Cache::Decision{Cache::Action::kReplace, joined};
        },
        NewCas(request));
    if (old != nullptr) cache_.Unpin(thread_, old);
    if (same && linked) {
      FillStored(joined, result);
      if (joined != item) cache_.Free(thread_, item);
      return;
    }
    if (joined != item) cache_.Free(thread_, joined);
    if (same) break;  // there is no room in the table
  }
  result->status = Status::kNotStored;
  cache_.Free(thread_, item);
}

}  // namespace cucache
