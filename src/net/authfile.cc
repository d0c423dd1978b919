// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/authfile.h"

#include <crypt.h>
#include <glog/logging.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/random.h"

namespace cucache {
namespace {

// A file of that size is no list of users.
constexpr size_t kMaxFile = size_t{256} << 20;

std::string RandomKey() {
  std::string key(32, '\0');
  FillRandom(key.data(), key.size());
  return key;
}

// "$", a few letters or digits, "$": the beginning of a crypt(3) hash.
bool LooksHashed(std::string_view password) {
  if (password.size() < 3 || password[0] != '$') return false;
  size_t at = 1;
  while (at < password.size() && at < 5 &&
         std::isalnum(static_cast<unsigned char>(password[at])) != 0) {
    ++at;
  }
  return at > 1 && at < password.size() && password[at] == '$';
}

// Id, salt and hash are there, and this system knows the id.
bool Computable(const std::string& hash) {
  if (std::count(hash.begin(), hash.end(), '$') < 3 || hash.back() == '$') {
    return false;
  }
  const int verdict = crypt_checksalt(hash.c_str());
  return verdict != CRYPT_SALT_INVALID && verdict != CRYPT_SALT_METHOD_DISABLED;
}

bool Matches(const std::string& hash, std::string_view password) {
  // crypt(3) would stop there, and take the password for a shorter one.
  if (password.find('\0') != std::string_view::npos) return false;
  const auto work = std::make_unique<crypt_data>();
  const std::string text(password);
  const char* result = crypt_r(text.c_str(), hash.c_str(), work.get());
  if (result == nullptr || result[0] == '*') return false;
  return SameDigest(Sha256(result), Sha256(hash));
}

}  // namespace

AuthFile::AuthFile(std::string path)
    : path_(std::move(path)),
      key_(RandomKey()),
      table_(std::make_shared<Table>()) {}

size_t AuthFile::size() const {
  MutexLock lock(mu_);
  return table_->size();
}

Digest AuthFile::DigestOf(std::string_view password) const {
  return HmacSha256(key_, password);
}

// ---- The file. ----

bool AuthFile::Load(std::string* error) {
  std::string text;
  std::string why;
  if (!ReadRegularFile(path_, kMaxFile, &text, &why)) {
    *error = "cannot read the file of users " + path_ + ": " + why;
    return false;
  }
  auto table = std::make_shared<Table>();
  if (!Parse(text, table.get(), error) || !TakeKnown(table.get(), error)) {
    return false;
  }
  Replace(std::move(table));
  return true;
}

// Users who were verified before a line was added need not pay again. (One who
// is verified from here until the table is replaced pays once more.)
bool AuthFile::TakeKnown(Table* table, std::string* error) const {
  std::shared_ptr<Table> before;
  {
    MutexLock lock(mu_);
    before = table_;
  }
  for (auto& [user, entry] : *table) {
    if (Abandoned(error)) return false;
    if (entry.known) continue;
    const auto [begin, end] = before->equal_range(user);
    for (auto old = begin; old != end; ++old) {
      if (old->second.hash != entry.hash) continue;
      MutexLock lock(mu_);
      if (old->second.known) entry = old->second;
    }
  }
  return true;
}

void AuthFile::Replace(std::shared_ptr<Table> table) {
  {
    MutexLock lock(mu_);
    table_.swap(table);
  }
  // Nobody comes to the old one any more, and the last one to leave it frees
  // it: that shall not be a worker in its Check().
  while (table.use_count() > 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

bool AuthFile::Abandoned(std::string* error) const {
  if (!abandoned_.load(std::memory_order_relaxed)) return false;
  *error = "the file of users " + path_ + " is not read to its end";
  return true;
}

bool AuthFile::Parse(std::string_view text, Table* table,
                     std::string* error) const {
  for (size_t number = 1; !text.empty(); ++number) {
    if (Abandoned(error)) return false;
    const size_t feed = text.find('\n');
    const std::string_view line = text.substr(0, feed);
    text.remove_prefix(feed == std::string_view::npos ? text.size() : feed + 1);
    const char* wrong = AddLine(line.substr(0, line.find('\r')), table);
    if (wrong == nullptr) continue;
    *error = "malformed entry in the file of users " + path_ + ", line " +
             std::to_string(number) + ": " + wrong;
    return false;
  }
  return true;
}

const char* AuthFile::AddLine(std::string_view line, Table* table) const {
  if (line.size() > kMaxPair) return "it is too long";
  if (line.find('\0') != std::string_view::npos) return "it has a zero byte";
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return "it should be user:password";
  const std::string user(line.substr(0, colon));
  if (user.find(' ') != std::string::npos) {
    return "a user with a space could never log in";
  }
  const std::string_view password = line.substr(colon + 1);
  Entry entry;
  if (LooksHashed(password)) {
    entry.hash = password;
    if (!Computable(entry.hash)) return "crypt(3) does not know this hash";
  } else {
    entry.known = true;
    entry.digest = DigestOf(password);
  }
  table->emplace(user, std::move(entry));
  return nullptr;
}

// ---- The question. ----

Authenticator::Answer AuthFile::Check(std::string_view user,
                                      std::string_view password,
                                      bool may_be_slow) {
  const Digest digest = DigestOf(password);
  std::vector<Entry*> unknown;
  std::shared_ptr<Table> table;
  {
    MutexLock lock(mu_);
    table = table_;
    const auto [begin, end] = table->equal_range(std::string(user));
    for (auto at = begin; at != end; ++at) {
      Entry& entry = at->second;
      if (!entry.known) unknown.push_back(&entry);
      if (entry.known && SameDigest(entry.digest, digest)) return {true, false};
    }
  }
  if (!unknown.empty() && !may_be_slow) {
    return {.slow = true, .later = true};
  }
  for (Entry* entry : unknown) {
    if (!Matches(entry->hash, password)) continue;
    MutexLock lock(mu_);
    entry->known = true;
    entry->digest = digest;
    return {true, true};
  }
  return {false, !unknown.empty()};
}

}  // namespace cucache
