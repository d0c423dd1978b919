// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The file of MEMCACHED_SASL_PWDB: lines of user:password, and maybe a colon
// and more. (Counterpart: sasl_server_userdb_checkpass(), which reads it at
// each attempt.)
//
// It stays in memory as it is, and is read again when it is another file, or
// one that was changed: an edited file counts at once. The system's times of
// files are coarse, so a copy counts as current only if the file was no
// longer young when it was read.
//
// Invariants:
//   N1 Comparing takes the same time wherever the passwords differ. Whether a
//      user exists is no secret.
//   N2 It holds kMaxFile bytes and 12 for each of their lines at most; nothing
//      of a file that cannot be read any more.
//
// Thread safety: any thread at any time. One reads, the others wait for it: all
// of them would have to.
// Lock order: mu_ is a leaf.

#ifndef CUCACHE_NET_PASSWORD_FILE_H_
#define CUCACHE_NET_PASSWORD_FILE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/locks.h"

namespace cucache {

class PasswordFile {
 public:
  // What takes a worker about 20 ms to read.
  static constexpr size_t kMaxFile = size_t{16} << 20;

  // A copy of a file that was changed less than `young` before is read again.
  explicit PasswordFile(std::string path, std::chrono::milliseconds young =
                                              std::chrono::seconds(2));

  // Is it the password of one of the users? False, and why in *error, if the
  // file cannot be read.
  bool Check(std::string_view user, std::string_view other_name,
             std::string_view password, std::string* error);

  // How often it was read.
  uint64_t reads();

 private:
  // Changes when the file does: device, number, size, times of its contents
  // and of the rest, in nanoseconds.
  using Identity = std::array<uint64_t, 5>;

  bool Refresh(std::string* error) REQUIRES(mu_);
  void Index() REQUIRES(mu_);
  bool Find(std::string_view user, std::string_view password) const
      REQUIRES(mu_);
  std::string_view LineAt(uint32_t at) const REQUIRES(mu_);
  size_t BucketOf(std::string_view line) const REQUIRES(mu_);

  const std::string path_;
  const std::chrono::milliseconds young_;
  Mutex mu_;
  bool current_ GUARDED_BY(mu_) = false;  // unless the identity has changed
  Identity identity_ GUARDED_BY(mu_){};
  uint64_t reads_ GUARDED_BY(mu_) = 0;
  std::string text_ GUARDED_BY(mu_);
  // Lines by the hash of what stands before their first colon: a bucket has
  // the number of its last line, a line where it begins and the number of the
  // one before it in its bucket. Numbers begin with 1; 0 is none.
  struct Line {
    uint32_t begin;
    uint32_t before;
  };
  std::vector<uint32_t> buckets_ GUARDED_BY(mu_);
  std::vector<Line> lines_ GUARDED_BY(mu_);
};

}  // namespace cucache

#endif  // CUCACHE_NET_PASSWORD_FILE_H_
