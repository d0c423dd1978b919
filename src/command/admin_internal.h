// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// What the files of the administrator's commands share; nobody else includes
// it.

#ifndef CUCACHE_COMMAND_ADMIN_INTERNAL_H_
#define CUCACHE_COMMAND_ADMIN_INTERNAL_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "command/admin.h"

namespace cucache::admin {

inline constexpr char kBadFormat[] = "CLIENT_ERROR bad command line format";

// One command and where its reply goes.
struct Call {
  Executor& executor;
  std::span<const std::string_view> tokens;
  bool noreply;
  bool pipelined;
  std::string* reply;

  size_t count() const { return tokens.size(); }
  // Empty if there is none.
  std::string_view arg(size_t i) const {
    return i < tokens.size() ? tokens[i] : std::string_view();
  }
  AdminNext Say(std::string_view line) const {
    reply->append(line).append("\r\n");
    return AdminNext::kDone;
  }
  AdminNext RefusePipelined() const {
    reply->append("ERROR cannot pipeline other commands before ");
    return Say(arg(0) == "watch" ? arg(0) : arg(1));
  }
  AdminNext Dump(std::unique_ptr<DumpStream> stream) const {
    executor.set_dump(std::move(stream));
    return AdminNext::kDump;
  }
};

// True for what may be a class number, whether there is such a class or not.
bool IsSlabClass(uint64_t id);

AdminNext LruCrawler(const Call& call);

}  // namespace cucache::admin

#endif  // CUCACHE_COMMAND_ADMIN_INTERNAL_H_
