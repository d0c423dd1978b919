// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/password_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <ctime>
#include <functional>
#include <utility>

#include "base/files.h"
#include "base/sha256.h"

namespace cucache {
namespace {

// As in memcached, a line has no more.
constexpr size_t kMaxLine = 255;

std::string_view NameOf(std::string_view line) {
  return line.substr(0, line.find(':'));
}

bool LineMatches(std::string_view line, std::string_view user,
                 std::string_view password) {
  if (line.size() > kMaxLine || !line.starts_with(user)) return false;
  line.remove_prefix(user.size());
  if (!line.starts_with(':')) return false;
  line.remove_prefix(1);
  line = line.substr(0, line.find('\r'));
  const std::string_view rest = line.substr(0, password.size());
  const bool ends = line.size() == rest.size() || line[rest.size()] == ':';
  return SameDigest(Sha256(rest), Sha256(password)) && ends;
}

uint64_t Nanoseconds(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1000000000 +
         static_cast<uint64_t>(time.tv_nsec);
}

// By the clock that stamps files.
uint64_t Now() {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return Nanoseconds(now);
}

}  // namespace

PasswordFile::PasswordFile(std::string path, std::chrono::milliseconds young)
    : path_(std::move(path)), young_(young) {}

uint64_t PasswordFile::reads() {
  MutexLock lock(mu_);
  return reads_;
}

bool PasswordFile::Check(std::string_view user, std::string_view other_name,
                         std::string_view password, std::string* error) {
  MutexLock lock(mu_);
  if (!Refresh(error)) return false;
  bool right = Find(user, password);
  if (other_name != user) right |= Find(other_name, password);
  return right;
}

// The identity is that of a moment before it is read: if it changes in between,
// it is another one the next time.
bool PasswordFile::Refresh(std::string* error) {
  const uint64_t now = Now();
  struct stat info {};
  Identity identity{};
  const bool there = stat(path_.c_str(), &info) == 0;
  const uint64_t changed = Nanoseconds(info.st_ctim);
  if (there) {
    identity = {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
                Nanoseconds(info.st_mtim), changed};
    if (current_ && identity == identity_) return true;
  }
  ++reads_;
  std::string fresh;
  const bool read = ReadRegularFile(path_, kMaxFile, &fresh, error);
  if (!read) *error = path_ + ": " + *error;
  if (!read) fresh.clear();
  fresh.shrink_to_fit();
  text_ = std::move(fresh);
  Index();
  identity_ = identity;
  const auto young =
      static_cast<uint64_t>(std::chrono::nanoseconds(young_).count());
  current_ = read && there && changed + young < now;
  return read;
}

void PasswordFile::Index() {
  const auto count =
      static_cast<size_t>(std::count(text_.begin(), text_.end(), '\n') + 1);
  // With their memory: the file may have become small.
  lines_ = std::vector<Line>();
  lines_.reserve(count);
  buckets_ = std::vector<uint32_t>(std::bit_ceil(count / 2 + 1));
  for (size_t at = 0; at < text_.size();) {
    const auto begin = static_cast<uint32_t>(at);
    const std::string_view line = LineAt(begin);
    at += line.size() + 1;
    if (line.size() > kMaxLine || line.find(':') == line.npos) continue;
    uint32_t& last = buckets_[BucketOf(line)];
    lines_.push_back({begin, last});
    last = static_cast<uint32_t>(lines_.size());
  }
}

std::string_view PasswordFile::LineAt(uint32_t at) const {
  const std::string_view rest = std::string_view(text_).substr(at);
  return rest.substr(0, rest.find('\n'));
}

size_t PasswordFile::BucketOf(std::string_view line) const {
  return std::hash<std::string_view>()(NameOf(line)) & (buckets_.size() - 1);
}

bool PasswordFile::Find(std::string_view user,
                        std::string_view password) const {
  if (buckets_.empty()) return false;
  bool right = false;
  for (uint32_t n = buckets_[BucketOf(user)]; n != 0;) {
    const Line& line = lines_[n - 1];
    right |= LineMatches(LineAt(line.begin), user, password);
    n = line.before;
  }
  return right;
}

}  // namespace cucache
