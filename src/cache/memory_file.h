// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The names on the disk behind -e, and whose they are when. (Counterpart:
// restart_mmap_open and restart_mmap_close of restart.c.)
//
//   FILE      a complete save that nobody has used yet, or nothing
//   FILE.new  belongs to the server that runs: open and locked (flock) for
//             its whole life, empty until it saves
//
// Invariants:
//   M1 FILE is gone for good, with the directory synchronised, before the
//      first command is executed. So whatever is killed later, no old value
//      comes back.
//   M2 FILE appears by a rename of FILE.new, after that was written completely
//      and synchronised, and after the last command was executed.
//   M3 Only the process that holds the lock of the FILE.new that stands in the
//      directory may rename it, or remove FILE. So two servers with one FILE
//      are never both at it, also when one starts while the other still saves.
// What is killed between leaves FILE.new without a lock: not a save, but how
// the next one knows that there was a crash.
//
// Whoever may write to the directory can remove and replace both, so the
// directory has to be trusted; but for /tmp and /dev/shm, where others can only
// add names, links are not followed and files of others are not used.
//
// Thread safety: one thread. Errors: false or -1 and one line in *error.

#ifndef CUCACHE_CACHE_MEMORY_FILE_H_
#define CUCACHE_CACHE_MEMORY_FILE_H_

#include <functional>
#include <string>

namespace cucache {

class MemoryFile {
 public:
  // An absolute path, if the working directory is going to change.
  explicit MemoryFile(std::string path);
  // Gives up: FILE.new goes, unless it was published.
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::string& path() const { return path_; }

  // Becomes the owner; also shows whether a save will be possible. Waits for
  // another server that saves, until stop() says so; fails if one serves.
  [[nodiscard]] bool Claim(const std::function<bool()>& stop,
                           std::string* error);
  // There was an owner before that could not save.
  bool crashed() const { return crashed_; }

  // FILE, to be read; the caller closes it. -1 with an empty *error: there is
  // none. *why: a reason not to trust its content.
  [[nodiscard]] int OpenSaved(std::string* why, std::string* error);
  // M1. What memcached left beside FILE goes in any case, FILE itself if it is
  // `saved` by a server of ours.
  [[nodiscard]] bool Discard(bool saved, std::string* error);

  // FILE.new, to be written; empty. -1 if there is another owner by now.
  [[nodiscard]] int OpenNew(std::string* error);
  // M2.
  [[nodiscard]] bool Publish(std::string* error);

  // Tests: how long another server may serve before Claim() fails.
  void set_patience_ms(int ms) { patience_ms_ = ms; }

 private:
  enum class Lock { kTaken, kBusy, kAgain, kFailed };

  bool OpenDirectory(std::string* error);
  Lock TryClaim(bool* saving, std::string* error);
  bool StandsInDirectory(int fd) const;
  bool SyncDirectory(std::string* error) const;
  void DropPeersMeta();
  bool PeersMetaIsEmpty() const;
  bool Fail(const std::string& what, std::string* error) const;
  void CloseNew();

  const std::string path_;
  std::string name_, new_name_;  // in the directory
  int directory_ = -1;
  int new_fd_ = -1;
  bool crashed_ = false;
  int patience_ms_ = 5000;
};

}  // namespace cucache

#endif  // CUCACHE_CACHE_MEMORY_FILE_H_
