// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// lru_crawler. (Counterpart: process_lru_crawler_command, lru_crawler_crawl.)

#include <algorithm>
#include <memory>
#include <utility>

#include "base/strings.h"
#include "command/admin_internal.h"

namespace cucache::admin {
namespace {

constexpr char kDisabled[] = "CLIENT_ERROR lru crawler disabled";

enum class Selection : uint8_t { kOk, kBadClass, kEmpty };

// "all", "hash" (here the same) or class ids with commas between.
Selection Select(std::string_view text, SlabClassSet* classes) {
  if (text == "all" || text == "hash") {
    classes->set();
    return Selection::kOk;
  }
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (part.empty()) continue;
    uint64_t id;
    if (!ParseLooseU64(part, &id) || !IsSlabClass(id)) {
      return Selection::kBadClass;
    }
    classes->set(id);
  }
  return classes->any() ? Selection::kOk : Selection::kEmpty;
}

AdminNext Crawl(const Call& call) {
  SlabClassSet classes;
  if (call.arg(2) == "hash") return call.Say("ERROR an unknown error happened");
  switch (Select(call.arg(2), &classes)) {
    case Selection::kBadClass:
      return call.Say("BADCLASS invalid class id");
    case Selection::kEmpty:
      return call.Say("NOTSTARTED no items to crawl");
    case Selection::kOk:
      break;
  }
  if (!call.executor.cache().StartCrawl()) {
    return call.Say("BUSY currently processing crawler request");
  }
  return call.Say("OK");
}

using MakeDump = std::unique_ptr<DumpStream> (*)(Cache&, const SlabClassSet&);

enum class Behind : uint8_t { kNothing, kAnything };

// memcached hands its crawler the socket, so its dumps stand behind nothing;
// people rely on the refusal to find where a script went wrong.
AdminNext Dump(const Call& call, const char* refusal, Behind behind,
               MakeDump make) {
  if (!call.executor.settings().dump_enabled) return call.Say(refusal);
  if (call.pipelined && behind == Behind::kNothing) {
    return call.RefusePipelined();
  }
  SlabClassSet classes;
  switch (Select(call.arg(2), &classes)) {
    case Selection::kBadClass:
      return call.Say("BADCLASS invalid class id");
    case Selection::kEmpty:
      return call.Say("NOTSTARTED no items to crawl");
    case Selection::kOk:
      break;
  }
  auto dump = make(call.executor.cache(), classes);
  if (dump == nullptr) {
    return call.Say("BUSY currently processing crawler request");
  }
  return call.Dump(std::move(dump));
}

AdminNext Sleep(const Call& call) {
  constexpr uint32_t kSecond = 1000000;
  uint32_t microseconds;
  if (!ParseU32(call.arg(2), &microseconds)) return call.Say(kBadFormat);
  if (microseconds > kSecond) {
    return call.Say("CLIENT_ERROR sleep must be one second or less");
  }
  call.executor.settings().lru_crawler_sleep = static_cast<int>(microseconds);
  return call.Say("OK");
}

AdminNext ToCrawl(const Call& call) {
  uint32_t items;
  if (!ParseU32(call.arg(2), &items)) return call.Say(kBadFormat);
  call.executor.settings().lru_crawler_tocrawl = items;
  return call.Say("OK");
}

AdminNext Switch(const Call& call) {
  Settings& settings = call.executor.settings();
  if (call.arg(1) == "enable") {
    if (settings.lru_crawler) {
      return call.Say("ERROR failed to start lru crawler thread");
    }
    settings.lru_crawler = true;
    return call.Say("OK");
  }
  if (call.arg(1) == "disable") {
    settings.lru_crawler = false;
    return call.Say("OK");
  }
  return call.Say("ERROR");
}

}  // namespace

bool IsSlabClass(uint64_t id) { return id >= 1 && id < ClassNumbers::kLimit; }

AdminNext LruCrawler(const Call& call) {
  if (call.count() == 2) return Switch(call);
  if (call.count() != 3) return call.Say("ERROR");
  const std::string_view sub = call.arg(1);
  const bool enabled = call.executor.settings().lru_crawler;
  if (sub == "crawl") return enabled ? Crawl(call) : call.Say(kDisabled);
  if (sub == "metadump") {
    if (!enabled) return call.Say(kDisabled);
    return Dump(call, "ERROR metadump not allowed", Behind::kNothing,
                MakeMetadump);
  }
  if (sub == "mgdump") {
    if (!enabled) return call.Say(kDisabled);
    return Dump(call, "ERROR key dump not allowed", Behind::kNothing,
                MakeMgdump);
  }
  // Ours, and no work for the crawler: there is no reason to refuse it.
  if (sub == "msdump") {
    return Dump(call, "ERROR value dump not allowed", Behind::kAnything,
                MakeMsdump);
  }
  if (sub == "sleep") return Sleep(call);
  if (sub == "tocrawl") return ToCrawl(call);
  return call.Say("ERROR");
}

}  // namespace cucache::admin
