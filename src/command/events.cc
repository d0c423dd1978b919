// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What commands tell those who watch. Nothing here runs when nobody does.
// (Counterpart: the LOGGER_LOG calls in items.c, memcached.c, proto_parser.c.)

#include <string>

#include "base/event_log.h"
#include "command/executor.h"

namespace cucache {
namespace {

const char* FoundName(const Item* item, Finding why) {
  if (item != nullptr) return "found";
  if (why == Finding::kFlushed) return "flushed";
  return why == Finding::kExpired ? "expired" : "not_found";
}

const char* StatusName(Status status) {
  switch (status) {
    case Status::kStored:
      return "stored";
    case Status::kExists:
      return "exists";
    case Status::kNotFound:
      return "not_found";
    case Status::kTooLarge:
      return "too_large";
    case Status::kNoMemory:
      return "no_memory";
    default:
      return "not_stored";
  }
}

const char* CommandName(const Request& request) {
  switch (request.mode) {
    case StoreMode::kSet:
      return request.Has(kCompareCas) ? "cas" : "set";
    case StoreMode::kAdd:
      return "add";
    case StoreMode::kReplace:
      return "replace";
    case StoreMode::kAppend:
      return "append";
    case StoreMode::kPrepend:
      return "prepend";
  }
  return "na";
}

}  // namespace

void Executor::WriteGet(std::string_view key, const Item* item, Finding why) {
  Event event{.kind = kWatchFetchers, .type = Event::Type::kItemGet};
  event.status = FoundName(item, why);
  if (item != nullptr) {
    event.slab_class = static_cast<uint8_t>(cache_.SlabClass(item));
    event.size = item->value_length;
  }
  thread_.events().Write(event, key);
}

void Executor::WriteStore(const Request& request, std::string_view key,
                          const StoreFacts& facts, Status status) {
  Event event{.kind = kWatchMutations, .type = Event::Type::kItemStore};
  event.status = StatusName(status);
  event.command = CommandName(request);
  if (facts.exptime != 0) event.ttl = int64_t{facts.exptime} - clock_.now();
  event.slab_class = facts.slab_class;
  event.size = facts.size;
  thread_.events().Write(event, key);
}

Executor::StoreFacts Executor::FactsOf(const Item& item) const {
  return {.slab_class = static_cast<uint8_t>(cache_.SlabClass(&item)),
          .exptime = item.exptime.load(std::memory_order_relaxed),
          .size = item.value_length};
}

void Executor::WriteLinked(StoreMode mode, const Item& item) {
  Request request;
  request.mode = mode;
  WriteStore(request, item.key(), FactsOf(item), Status::kStored);
}

void Executor::WriteDeleted(const Request& request, const Item& item) {
  Event event{.kind = kWatchDeletions, .type = Event::Type::kDeleted};
  event.command = request.Has(kIsMeta) ? "md" : "delete";
  event.slab_class = static_cast<uint8_t>(cache_.SlabClass(&item));
  event.size = item.value_length;
  thread_.events().Write(event, request.key);
}

// As memcached, which looks the key up before it stores. The look-up is made
// for the watcher alone, so another client's store may come between the two.
void Executor::StoreWatched(const Request& request, uint64_t hash, Item* item,
                            Result* result) {
  const std::string key(item->key());
  StoreFacts facts = FactsOf(*item);
  if (Watched(kWatchFetchers)) {
    Finding why = Finding::kMissing;
    const Item* old = cache_.Find(thread_, hash, key, &why);
    WriteGet(key, old, why);
  }
  StoreNow(request, hash, item, result);
  // A joined item, not the piece that came.
  if (result->status == Status::kStored) facts = FactsOf(*result->item);
  if (Watched(kWatchMutations)) {
    WriteStore(request, key, facts, result->status);
  }
}

}  // namespace cucache
