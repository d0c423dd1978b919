// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/restart_format.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace cucache::restart {

namespace {

int64_t Seconds(clockid_t clock) {
  timespec ts = {};
  clock_gettime(clock, &ts);
  return ts.tv_sec;
}

// The kernel's file has a UUID: 32 hexadecimal digits and four dashes.
void ReadBootId(uint8_t (&id)[16]) {
  std::memset(id, 0, sizeof(id));
  std::FILE* file = std::fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file == nullptr) return;
  for (uint8_t& byte : id) {
    unsigned value = 0;
    if (std::fscanf(file, "%2x", &value) != 1) break;
    byte = static_cast<uint8_t>(value);
    (void)!std::fscanf(file, "-");
  }
  std::fclose(file);
}

}  // namespace

Moment Moment::Now() {
  Moment now;
  now.wall_seconds = Seconds(CLOCK_REALTIME);
  now.boot_seconds = Seconds(CLOCK_BOOTTIME);
  ReadBootId(now.boot_id);
  return now;
}

int64_t Moment::Since(const Moment& saved) const {
  static constexpr uint8_t kUnknown[sizeof(boot_id)] = {};
  const bool same_boot =
      std::memcmp(boot_id, saved.boot_id, sizeof(boot_id)) == 0 &&
      std::memcmp(boot_id, kUnknown, sizeof(boot_id)) != 0;
  // Unsigned, because a hostile file may name any moment.
  const auto now =
      static_cast<uint64_t>(same_boot ? boot_seconds : wall_seconds);
  const auto then = static_cast<uint64_t>(same_boot ? saved.boot_seconds
                                                    : saved.wall_seconds);
  return std::max<int64_t>(0, static_cast<int64_t>(now - then));
}

}  // namespace cucache::restart
