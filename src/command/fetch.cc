// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// get, gets, gat, gats, touch, mg. (Counterpart: process_get_cmd,
// process_touch_cmd, process_mget_cmd, do_item_get, do_item_bump.)

#include "command/executor.h"
#include "command/item_marks.h"

namespace cucache {

void Executor::CountMiss(const Request& request, Finding why) {
  if (request.Has(kIsTouch)) {
    stats_.touch_cmds.Add();
    stats_.touch_misses.Add();
  } else {
    stats_.get_cmds.Add();
    stats_.get_misses.Add();
  }
  if (why == Finding::kExpired) stats_.get_expired.Add();
  if (why == Finding::kFlushed) stats_.get_flushed.Add();
}

// Decides who is to recache an item that is stale (X) or expires soon (R).
void Executor::Win(uint64_t hash, std::string_view key, Item* item,
                   Result* result) {
  if (!TryWin(item)) {
    result->won_by_other = true;
    return;
  }
  result->won = true;
  if (!result->stale) return;
  // The winner needs the CAS id that came with the staleness, or its store
  // would be refused. Whoever marks the item has the slot locked until the
  // new id stands there, so waiting for the lock is waiting for the id.
  (void)cache_.Update(thread_, hash, key, [](Item*) {
    return Cache::Decision{Cache::Action::kKeep};
  });
  result->cas = item->cas.load(std::memory_order_acquire);
}

// What the client is told about a hit, as it was before this command.
void Executor::Describe(const Request& request, Item* item, Result* result) {
  const RelTime now = clock_.now();
  result->status = Status::kHit;
  result->item = item;
  result->value_length = item->value_length;
  result->was_fetched = item->fetched();
  result->idle = item->idle(now);
  // The order is MarkStale's, the other way round.
  result->cas = item->cas.load(std::memory_order_acquire);
  const uint8_t state = item->state.load(std::memory_order_acquire);
  result->stale = (state & Item::kStale) != 0;
  if (request.Has(kNoWin)) return;
  if (result->won) return;  // it was created for this client
  result->won_by_other = (state & Item::kWinSent) != 0;
  bool wanted = result->stale;
  if (request.Has(kRecache)) {
    // A T counts already if it stands left of the R.
    const RelTime soon = clock_.FromExptime(request.recache_ttl);
    const RelTime expires = request.Has(kRecacheFirst)
                                ? result->exptime_before
                                : item->exptime.load(std::memory_order_relaxed);
    wanted |= expires != 0 && expires < soon;
  }
  if (wanted && !result->won_by_other) {
    Win(HashOf(request), request.key, item, result);
  }
}

// Changes the expiry with the slot locked (J2): incr copies it from the old
// item to the new one under the same lock.
Item* Executor::TouchLocked(const Request& request, uint64_t hash,
                            Result* result) {
  Item* touched = nullptr;
  (void)cache_.Update(thread_, hash, request.key, [&](Item* old) {
    if (old != nullptr && old != touched) {
      result->exptime_before = old->exptime.load(std::memory_order_relaxed);
      SetExpiry(old, request.exptime);
    }
    touched = old;
    return Cache::Decision{Cache::Action::kKeep};
  });
  return touched;
}

// An empty item for a key that is absent; *created says whether it is ours or
// somebody was faster. nullptr: there was no memory.
Item* Executor::Vivify(const Request& request, uint64_t hash, bool* created) {
  const ItemShape shape{.key = request.key,
                        .exptime = request.vivify_exptime,
                        .hash = hash,
                        .binary_key = request.binary_key};
  Item* item;
  if (cache_.Allocate(thread_, shape, &item) != AllocateStatus::kOk) {
    return nullptr;
  }
  item->state.fetch_or(Item::kWinSent, std::memory_order_relaxed);
  Item* other = nullptr;
  const bool linked = cache_.Update(
      thread_, hash, request.key,
      [&](Item* old) {
        other = old;
        if (old != nullptr) return Cache::Decision{Cache::Action::kKeep};
        return Cache::Decision{Cache::Action::kReplace, item};
      },
      request.Has(kExplicitCas) ? request.new_cas : 0);
  *created = linked && other == nullptr;
  if (*created) return item;
  cache_.Free(thread_, item);
  return other;
}

void Executor::Fetch(const Request& request, Item* found, Result* result) {
  const Finding why =
      found == nullptr ? Finding::kMissing : cache_.Check(found);
  Item* item = why == Finding::kAlive ? found : nullptr;
  const bool dead = found != nullptr && item == nullptr;
  if (dead && !cache_.RemoveDead(thread_, HashOf(request), found)) {
    // It is gone already: something alive may stand in its place.
    item = cache_.Find(thread_, HashOf(request), request.key);
  }
  bool created = false;
  if (item == nullptr && request.Has(kVivify)) {
    item = Vivify(request, HashOf(request), &created);
    result->won = result->created = created;
  }
  if (item != nullptr && request.Has(kTouch) && !created) {
    item = TouchLocked(request, HashOf(request), result);
  } else if (item != nullptr && !created) {
    result->exptime_before = item->exptime.load(std::memory_order_relaxed);
  }
  if (detail()) {
    control_.command_state().prefixes().RecordGet(
        request.key, settings_.prefix_delimiter, item != nullptr);
  }
  if (Watched(kWatchFetchers)) {
    WriteGet(request.key, created ? nullptr : item, why);
  }
  if (item == nullptr) {
    CountMiss(request, why);
    return;
  }
  Describe(request, item, result);
  if (!request.Has(kNoBump)) item->Touch(clock_.now());
  if (request.Has(kTouch)) {
    stats_.touch_cmds.Add();
    Count(&ThreadStats::touch_hits, &ClassCounters::touch_hits, item);
  } else {
    stats_.get_cmds.Add();
    Count(&ThreadStats::get_hits, &ClassCounters::get_hits, item);
  }
}

Item* Executor::GetObserved(const Lookup& lookup, Item* found) {
  Request request;
  request.key = lookup.key;
  request.hash = lookup.hash;
  request.options = kNoWin;
  Result result;
  Fetch(request, found, &result);
  return result.item;
}

void Executor::ShowObserved(const Lookup& lookup, Item* found, Result* result) {
  Request request;
  request.key = lookup.key;
  request.hash = lookup.hash;
  Fetch(request, found, result);
}

void Executor::Touch(const Request& request, Result* result) {
  const uint64_t hash = HashOf(request);
  Finding why = Finding::kMissing;
  Item* item = cache_.Find(thread_, hash, request.key, &why);
  if (item != nullptr) item = TouchLocked(request, hash, result);
  if (Watched(kWatchFetchers)) WriteGet(request.key, item, why);
  stats_.touch_cmds.Add();
  if (item == nullptr) {
    stats_.touch_misses.Add();
    if (why == Finding::kExpired) stats_.get_expired.Add();
    if (why == Finding::kFlushed) stats_.get_flushed.Add();
    return;
  }
  Count(&ThreadStats::touch_hits, &ClassCounters::touch_hits, item);
  result->status = Status::kHit;
  result->item = item;
  result->value_length = item->value_length;
  result->cas = item->cas.load(std::memory_order_relaxed);
  item->Touch(clock_.now());
}

}  // namespace cucache
