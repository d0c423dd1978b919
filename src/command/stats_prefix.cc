// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "command/stats_prefix.h"

namespace cucache {

StatsPrefix::Counts* StatsPrefix::Find(std::string_view key, char delimiter) {
  const size_t length = key.find(delimiter);
  if (length == std::string_view::npos) return nullptr;
  const std::string_view prefix = key.substr(0, length);
  // A NUL would end the name in the reply, a line end its line.
  constexpr std::string_view kEnds("\0\r\n", 3);
  if (prefix.find_first_of(kEnds) != std::string_view::npos) return nullptr;
  auto found = prefixes_.find(prefix);
  if (found != prefixes_.end()) return &found->second;
  if (prefixes_.size() >= kMaxPrefixes) return nullptr;
  return &prefixes_[std::string(prefix)];
}

void StatsPrefix::RecordGet(std::string_view key, char delimiter, bool hit) {
  MutexLock lock(mu_);
  if (Counts* counts = Find(key, delimiter)) {
    ++counts->gets;
    if (hit) ++counts->hits;
  }
}

void StatsPrefix::RecordSet(std::string_view key, char delimiter) {
  MutexLock lock(mu_);
  if (Counts* counts = Find(key, delimiter)) ++counts->sets;
}

void StatsPrefix::RecordDelete(std::string_view key, char delimiter) {
  MutexLock lock(mu_);
  if (Counts* counts = Find(key, delimiter)) ++counts->deletes;
}

std::string StatsPrefix::Dump() const {
  std::string out;
  MutexLock lock(mu_);
  for (const auto& [prefix, counts] : prefixes_) {
    out.append("PREFIX ").append(prefix);
    out.append(" get ").append(std::to_string(counts.gets));
    out.append(" hit ").append(std::to_string(counts.hits));
    out.append(" set ").append(std::to_string(counts.sets));
    out.append(" del ").append(std::to_string(counts.deletes));
    out.append("\r\n");
  }
  return out.append("END\r\n");
}

void StatsPrefix::Clear() {
  MutexLock lock(mu_);
  prefixes_.clear();
}

}  // namespace cucache
