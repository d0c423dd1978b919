// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The users of -Y: a file with a line user:password for each. (Counterpart:
// authfile.c, which takes the first eight lines and keeps their text.)
//
// A password stands there as it is, or as a hash of crypt(3) ("$6$...",
// "$5$...", "$y$..."), which is told by "$", an id and "$"; a line whose hash
// this system cannot compute is an error. A user may have several lines, and
// any of their passwords is right. A line ends at its first CR or LF.
//
// No password is kept: memory holds its HMAC under a key that the process
// drew. A crypt(3) hash is meant to take milliseconds; its line gets its HMAC
// when the password has been right once, and from then on no attempt on this
// line, right or wrong, costs more than the HMAC. Until then every attempt
// costs one evaluation on the worker's thread, and says so (Answer::slow); the
// worker spends a fifth of its time on those (LoginPace).
//
// Invariants:
//   A1 A file that does not load leaves everything as it was.
//   A2 Comparing takes the same time wherever the passwords differ. Whether a
//      user exists is no secret.
//   A3 crypt(3) runs with no lock held, and so does all work on a whole table,
//      reading, merging and freeing it: Check() waits for a look-up at most.
//
// Thread safety: Check() and Abandon() by anyone at any time; Load() by one
// thread at a time, during Check() too.
// Lock order: mu_ is a leaf.

#ifndef CUCACHE_NET_AUTHFILE_H_
#define CUCACHE_NET_AUTHFILE_H_

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/locks.h"
#include "base/sha256.h"
#include "command/authenticator.h"

namespace cucache {

class AuthFile final : public Authenticator {
 public:
  explicit AuthFile(std::string path);

  // Reads the file; false and a message that says which line is wrong.
  [[nodiscard]] bool Load(std::string* error);
  // A Load() that is under way, and each that follows, fails.
  void Abandon() { abandoned_.store(true, std::memory_order_relaxed); }

  Answer Check(std::string_view user, std::string_view password,
               bool may_be_slow) override;

  size_t size() const;

 private:
  struct Entry {
    std::string hash;    // of crypt(3); empty for a plain password
    bool known = false;  // digest is valid
    Digest digest{};
  };
  using Table = std::unordered_multimap<std::string, Entry>;

  // nullptr on success, else what is wrong with the line.
  const char* AddLine(std::string_view line, Table* table) const;
  bool Parse(std::string_view text, Table* table, std::string* error) const;
  bool TakeKnown(Table* table, std::string* error) const;
  void Replace(std::shared_ptr<Table> table);
  bool Abandoned(std::string* error) const;
  Digest DigestOf(std::string_view password) const;

  const std::string path_;
  const std::string key_;
  mutable Mutex mu_;
  // The table is only replaced; of an entry only known and digest change, with
  // mu_ held.
  std::shared_ptr<Table> table_ GUARDED_BY(mu_);
  std::atomic<bool> abandoned_{false};
};

}  // namespace cucache

#endif  // CUCACHE_NET_AUTHFILE_H_
