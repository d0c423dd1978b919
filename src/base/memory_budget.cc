// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/memory_budget.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>

#include "base/strings.h"

namespace cucache {
namespace {

constexpr uint64_t kMegabyte = uint64_t{1} << 20;
// Code, libraries, tables of fixed size, what the allocator keeps.
constexpr uint64_t kProcess = 16 * kMegabyte;
// Buffers that are the worker's own, its stack and its arena.
constexpr uint64_t kPerThread = kMegabyte / 2;
// A few hundred bytes are ours. The kernel keeps the rest, and counts it for
// the group: socket, file, what epoll has of it.
constexpr uint64_t kPerConnection = 2048;
// A full output buffer for each of -c's 1,024.
constexpr uint64_t kLeastBuffers = 64 * kMegabyte;
constexpr uint64_t kBufferShare = 4;
// Below these a server is of no use, and a limit that does not hold them is
// not kept.
constexpr uint64_t kLeastItems = 8 * kMegabyte;
constexpr uint64_t kLeastUsefulBuffers = 4 * kMegabyte;
// Version 1 has no word for "none", but a number near 2^63.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;
// Of a group, at most, for sockets: more would leave too little for items.
// Beyond the least for each of -c, they get what items and buffers do not want.
constexpr uint64_t kSocketShare = 4;
// What is set is a multiple, as the kernel counts whole pages.
constexpr uint64_t kSocketStep = 4096;
// The kernel's own defaults.
constexpr uint64_t kSendReach = 4 * kMegabyte;
constexpr uint64_t kReceiveReach = 6 * kMegabyte;

// The number in a file; kNoLimit if there is none.
uint64_t ReadLimit(const std::string& name) {
  std::ifstream file(name);
  std::string word;
  uint64_t limit;
  if (!(file >> word) || !ParseU64(word, &limit)) return kNoLimit;
  return std::min(limit, kNoLimit);
}

bool HasWord(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == word) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// Where a hierarchy of groups is mounted, and which group is its top there.
struct Mount {
  std::string top;
  std::string at;
};

// Of /proc/self/mountinfo: "id parent device root mount-point options ... -
// type source super-options".
bool FindMount(const std::string& root, bool version2, Mount* mount) {
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream front(line), back(line.substr(dash + 3));
    std::string skipped, type, source, options;
    front >> skipped >> skipped >> skipped >> mount->top >> mount->at;
    back >> type >> source >> options;
    if (version2 ? type == "cgroup2"
                 : type == "cgroup" && HasWord(options, "memory")) {
      return true;
    }
  }
  return false;
}

// The group's own limit and those of all above it that can be seen.
uint64_t LeastLimit(const std::string& root, const Mount& mount,
                    std::string group, const char* name) {
  // In a container the group may be named as the host sees it, and what is
  // mounted is the group itself.
  if (mount.top != "/" && group.starts_with(mount.top)) {
    group.erase(0, mount.top.size());
  }
  uint64_t least = kNoLimit;
  for (;;) {
    least = std::min(least, ReadLimit(root + mount.at + group + "/" + name));
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.empty()) return least;
    group.erase(slash);
  }
}

// The last of the three numbers of net.ipv4.tcp_wmem or tcp_rmem.
uint64_t TcpReach(const std::string& name, uint64_t otherwise) {
  std::ifstream file(name);
  uint64_t least, first, most;
  return file >> least >> first >> most ? most : otherwise;
}

// What is at least kept for sockets; they may hold their fill of the least
// size, all of -c at a time, unless the group is so small that this were most
// of it.
uint64_t LeastForSockets(uint64_t limit, const MemoryBudget& b) {
  const uint64_t all =
      kSocketParts * kLeastSocketBuffer * static_cast<uint64_t>(b.connections);
  return std::min(all, limit / kSocketShare);
}

// Divides what is left by the connections. Where that is as much as the kernel
// would take, nothing is set: its own sizes fit the distance to the client.
void FitSockets(uint64_t left, MemoryBudget* b) {
  const uint64_t each =
      left / static_cast<uint64_t>(std::max(b->connections, 1));
  if (each >= b->socket_reach) return;
  const uint64_t size = each / kSocketParts / kSocketStep * kSocketStep;
  b->socket_buffer = std::max(size, kLeastSocketBuffer);
}

std::string Megabytes(uint64_t bytes) {
  return std::to_string(bytes / kMegabyte) + " MB";
}

}  // namespace

// Of /proc/self/cgroup: "0::/group" is version 2, "4:memory:/group" version 1.
CgroupLimit CgroupMemoryLimit(const std::string& root) {
  CgroupLimit found = {kNoLimit, false};
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    const bool version2 = controllers.empty();
    Mount mount;
    if (!version2 && !HasWord(controllers, "memory")) continue;
    if (!FindMount(root, version2, &mount)) continue;
    const char* const name = version2 ? "memory.max" : "memory.limit_in_bytes";
    const uint64_t limit = LeastLimit(root, mount, group, name);
    if (limit < found.bytes) found = {limit, version2};
  }
  return found.bytes == kNoLimit ? CgroupLimit{} : found;
}

uint64_t SocketReach(const std::string& root) {
  const std::string tcp = root + "/proc/sys/net/ipv4/tcp_";
  return TcpReach(tcp + "wmem", kSendReach) +
         TcpReach(tcp + "rmem", kReceiveReach);
}

uint64_t ProcessBytes(const MemoryBudget& budget) {
  return kProcess + kPerThread * static_cast<uint64_t>(budget.threads) +
         kPerConnection * static_cast<uint64_t>(budget.connections);
}

std::string FitBudget(const CgroupLimit& group, MemoryBudget* b) {
  const uint64_t limit = group.bytes;
  const uint64_t wanted_buffers =
      std::max(kLeastBuffers, b->maxbytes / kBufferShare);
  if (!b->buffers_given) b->buffers = wanted_buffers;
  const uint64_t process = ProcessBytes(*b);
  if (limit == 0) return "";
  // Whoever gave -m has divided the memory.
  const bool bounded = group.counts_sockets && !b->maxbytes_given;
  const uint64_t sockets = bounded ? LeastForSockets(limit, *b) : 0;
  const uint64_t sum = b->maxbytes + b->buffers + process;
  if (sum + sockets <= limit) {
    if (bounded) FitSockets(limit - sum, b);
    return "";
  }
  uint64_t left = limit > process ? limit - process : 0;
  const auto take = [&left](uint64_t bytes) { left -= std::min(left, bytes); };
  take(sockets);
  if (b->maxbytes_given) take(b->maxbytes);
  if (b->buffers_given) take(b->buffers);
  if (!b->buffers_given) {
    const uint64_t share = b->maxbytes_given ? left : left / kBufferShare;
    b->buffers = std::clamp(share, kLeastUsefulBuffers, wanted_buffers);
    take(b->buffers);
  }
  if (!b->maxbytes_given) {
    // Whole megabytes, as -m has them.
    b->maxbytes =
        std::clamp(left / kMegabyte * kMegabyte, kLeastItems, b->maxbytes);
    take(b->maxbytes);
  }
  if (!b->buffers_given) {
    b->buffers = std::min(b->buffers + left, wanted_buffers);
  }
  const uint64_t used = b->maxbytes + b->buffers + process;
  const uint64_t unused = limit > used ? limit - used : 0;
  if (bounded) FitSockets(unused, b);
  std::string text = "this control group may have " + Megabytes(limit) +
                     " of memory: -m is " + Megabytes(b->maxbytes) +
                     ", buffers " + Megabytes(b->buffers) +
                     ", the process besides " + Megabytes(process);
  if (bounded) text += ", sockets " + Megabytes(unused);
  if (used > limit) {
    text += "; that is more than it may have";
  }
  return text;
}

}  // namespace cucache
