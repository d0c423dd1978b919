// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// delete, md. (Counterpart: process_delete_cmd, process_mdelete_cmd.)

#include "command/executor.h"
#include "command/item_marks.h"

namespace cucache {
namespace {

// Unlike a cas, md compares with any id, also 0.
Status Judge(const Request& request, const Item* old) {
  if (old == nullptr) return Status::kNotFound;
  if (request.Has(kCompareCas) &&
      request.cas != old->cas.load(std::memory_order_relaxed)) {
    return Status::kExists;
  }
  return Status::kDeleted;
}

}  // namespace

bool Executor::Remove(uint64_t hash, std::string_view key) {
  bool removed = false;
  (void)cache_.Update(thread_, hash, key, [&](Item* old) {
    removed = old != nullptr;
    return Cache::Decision{removed ? Cache::Action::kRemove
                                   : Cache::Action::kKeep};
  });
  return removed;
}

void Executor::CountDelete(const Request& request, Status status,
                           Result* result) {
  result->status = status;
  // memcached counts what another CAS id kept as a miss of md alone.
  if (status == Status::kNotFound ||
      (status == Status::kExists && request.Has(kIsMeta))) {
    stats_.delete_misses.Add();
  } else if (status == Status::kDeleted && !request.Has(kInvalidate)) {
    Count(&ThreadStats::delete_hits, &ClassCounters::delete_hits, result->item);
  }
}

void Executor::Delete(const Request& request, Result* result) {
  const uint64_t hash = HashOf(request);
  if (detail()) {
    control_.command_state().prefixes().RecordDelete(
        request.key, settings_.prefix_delimiter);
  }
  if (Watched(kWatchFetchers)) {
    Finding why = Finding::kMissing;
    const Item* item = cache_.Find(thread_, hash, request.key, &why);
    WriteGet(request.key, item, why);
  }
  if (request.Has(kDropValue)) return DropValue(request, hash, result);
  if (request.Has(kInvalidate)) return Invalidate(request, hash, result);
  Status status = Status::kNotFound;
  (void)cache_.Update(thread_, hash, request.key, [&](Item* old) {
    status = Judge(request, old);
    result->item = old;
    return Cache::Decision{status == Status::kDeleted ? Cache::Action::kRemove
                                                      : Cache::Action::kKeep};
  });
  if (status == Status::kDeleted && Watched(kWatchDeletions)) {
    WriteDeleted(request, *result->item);
  }
  CountDelete(request, status, result);
}

// md I. The new CAS id is drawn with the slot locked: then a fresh block is
// above every id that the server gave this item, and nothing has to be tried
// again. An id that a client chose (E) may be higher still, and stays so.
void Executor::Invalidate(const Request& request, uint64_t hash,
                          Result* result) {
  Status status = Status::kNotFound;
  Item* marked = nullptr;
  (void)cache_.Update(thread_, hash, request.key, [&](Item* old) {
    const Cache::Decision keep{Cache::Action::kKeep};
    if (old != nullptr && old == marked) return keep;  // done already
    status = Judge(request, old);
    if (status != Status::kDeleted) return keep;
    result->cas =
        request.Has(kExplicitCas) && request.new_cas != 0
            ? request.new_cas
            : cache_.NextCas(thread_, old->cas.load(std::memory_order_relaxed));
    if (request.Has(kTouch)) SetExpiry(old, request.exptime);
    MarkStale(old, result->cas);
    marked = old;
    return keep;
  });
  CountDelete(request, status, result);
}

// md x: an empty item takes the old one's place, with its CAS id unless it is
// made stale as well.
void Executor::DropValue(const Request& request, uint64_t hash,
                         Result* result) {
  const Item* old = cache_.Find(thread_, hash, request.key);
  Status status = Judge(request, old);
  if (status != Status::kDeleted) return CountDelete(request, status, result);
  const ItemShape shape{
      .key = request.key,
      .flags = request.flags,
      .exptime = request.exptime,
      .hash = hash,
      .value_length = 0,
      .binary_key = request.binary_key || old->HasState(Item::kBinaryKey)};
  Item* item;
  if (cache_.Allocate(thread_, shape, &item) != AllocateStatus::kOk) {
    result->status = Status::kNoMemory;
    return;
  }
  const bool stale = request.Has(kInvalidate);
  if (stale) item->state.fetch_or(Item::kStale, std::memory_order_relaxed);
  for (;;) {
    // Allocate may have announced a quiescent state: look again.
    old = cache_.Find(thread_, hash, request.key);
    const uint64_t old_cas =
        old == nullptr ? 0 : old->cas.load(std::memory_order_relaxed);
    uint64_t cas = stale ? 0 : old_cas;
    if (request.Has(kExplicitCas)) cas = request.new_cas;
    bool changed = false;
    const bool linked = cache_.Update(
        thread_, hash, request.key,
        [&](Item* now) {
          status = Judge(request, now);
          changed = status == Status::kDeleted &&
                    now->cas.load(std::memory_order_relaxed) != old_cas;
          if (changed || status != Status::kDeleted) {
            return Cache::Decision{Cache::Action::kKeep};
          }
          return Cache::Decision{Cache::Action::kReplace, item};
        },
        cas);
    if (changed) continue;
    if (!linked) status = Status::kNoMemory;
    if (status != Status::kDeleted) {
      cache_.Free(thread_, item);
    } else {
      result->item = item;
      result->cas = item->cas.load(std::memory_order_relaxed);
      if (Watched(kWatchMutations)) WriteLinked(StoreMode::kSet, *item);
      if (Watched(kWatchDeletions) && !stale) WriteDeleted(request, *item);
    }
    return CountDelete(request, status, result);
  }
}

}  // namespace cucache
