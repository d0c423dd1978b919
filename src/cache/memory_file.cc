// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/memory_file.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cucache {

namespace {

constexpr int kPollMs = 20;

}  // namespace

MemoryFile::MemoryFile(std::string path) : path_(std::move(path)) {
  const size_t slash = path_.rfind('/');
  name_ = slash == path_.npos ? path_ : path_.substr(slash + 1);
  new_name_ = name_ + ".new";
}

MemoryFile::~MemoryFile() {
  if (new_fd_ >= 0 && StandsInDirectory(new_fd_)) {
    unlinkat(directory_, new_name_.c_str(), 0);
  }
  CloseNew();
  if (directory_ >= 0) close(directory_);
}

void MemoryFile::CloseNew() {
  if (new_fd_ >= 0) close(new_fd_);  // and with it goes the lock
  new_fd_ = -1;
}

bool MemoryFile::Fail(const std::string& what, std::string* error) const {
  *error = what + ": " + std::strerror(errno);
  return false;
}

bool MemoryFile::OpenDirectory(std::string* error) {
  const size_t slash = path_.rfind('/');
  const std::string directory =
      slash == path_.npos ? "." : path_.substr(0, slash + 1);
  directory_ = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return directory_ >= 0 || Fail("-e: " + directory, error);
}

bool MemoryFile::StandsInDirectory(int fd) const {
  struct stat mine, there;
  return fstat(fd, &mine) == 0 &&
         fstatat(directory_, new_name_.c_str(), &there, AT_SYMLINK_NOFOLLOW) ==
             0 &&
         mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

// A file that is there already is never written to, whoever left it: if nobody
// holds its lock it makes way for a new one.
MemoryFile::Lock MemoryFile::TryClaim(bool* saving, std::string* error) {
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const std::string shown = "-e: " + path_ + ".new";
  int fd = openat(directory_, new_name_.c_str(), kFlags);
  const bool old = fd >= 0;
  if (!old && errno == ENOENT) {
    fd = openat(directory_, new_name_.c_str(), kFlags | O_CREAT | O_EXCL,
                S_IRUSR | S_IWUSR);
    if (fd < 0 && errno == EEXIST) return Lock::kAgain;
  }
  if (fd < 0) {
    Fail(shown, error);
    return Lock::kFailed;
  }
  new_fd_ = fd;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      Fail(shown + ": flock", error);
      return Lock::kFailed;
    }
    struct stat info;
    *saving = fstat(fd, &info) == 0 && info.st_size > 0;
    return Lock::kBusy;
  }
  // M3. Its owner may have renamed it since it was opened here.
  if (!StandsInDirectory(fd)) return Lock::kAgain;
  if (!old) return Lock::kTaken;
  crashed_ = true;
  if (unlinkat(directory_, new_name_.c_str(), 0) == 0) return Lock::kAgain;
  Fail(shown, error);
  return Lock::kFailed;
}

bool MemoryFile::Claim(const std::function<bool()>& stop, std::string* error) {
  if (!OpenDirectory(error)) return false;
  if (PeersMetaIsEmpty()) {
    *error = "-e: " + path_ + ".meta is empty: memcached could not write it. " +
             "Remove it to start without what " + path_ + " held";
    return false;
  }
  bool told = false;
  for (int waited = 0;;) {
    bool saving = false;
    const Lock lock = TryClaim(&saving, error);
    if (lock == Lock::kTaken) return true;
    CloseNew();
    if (lock == Lock::kFailed) return false;
    if (lock == Lock::kAgain) continue;
    if (stop()) {
      *error = "stopped while waiting for " + path_;
      return false;
    }
    if (!saving && waited >= patience_ms_) {
      *error = "-e: " + path_ + " is in use by another server";
      return false;
    }
    if (saving && !std::exchange(told, true)) {
      LOG(WARNING) << "waiting for the server that saves to " << path_;
    }
    usleep(kPollMs * 1000);
    waited = saving ? 0 : waited + kPollMs;
  }
}

int MemoryFile::OpenSaved(std::string* why, std::string* error) {
  why->clear();
  error->clear();
  constexpr int kFlags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  int fd = openat(directory_, name_.c_str(), O_RDWR | kFlags);
  if (fd < 0 && (errno == EACCES || errno == EROFS)) {
    fd = openat(directory_, name_.c_str(), O_RDONLY | kFlags);
  }
  if (fd < 0) {
    if (errno != ENOENT) Fail("-e: " + path_, error);
    return -1;
  }
  struct stat info, directory;
  const bool known =
      fstat(fd, &info) == 0 && fstat(directory_, &directory) == 0;
  const bool stranger = known && info.st_uid != geteuid();
  if (!known || !S_ISREG(info.st_mode)) {
    *error = "-e: " + path_ + " is not a regular file";
  } else if (stranger && geteuid() != 0 && directory.st_uid != geteuid() &&
             (directory.st_mode & S_ISVTX) != 0) {
    *error = "-e: " + path_ + " belongs to another user, who alone may " +
             "replace it there";
  }
  if (!error->empty()) {
    close(fd);
    return -1;
  }
  if (stranger && info.st_uid != 0) {
    *why = "it belongs to another user";
  } else if ((info.st_mode & S_IWOTH) != 0) {
    *why = "anybody may write to it";
  }
  return fd;
}

bool MemoryFile::SyncDirectory(std::string* error) const {
  // EINVAL: a file system that has nothing to synchronise.
  return fsync(directory_) == 0 || errno == EINVAL ||
         Fail("-e: fsync of the directory of " + path_, error);
}

bool MemoryFile::Discard(bool saved, std::string* error) {
  DropPeersMeta();
  if (!saved) return true;
  if (unlinkat(directory_, name_.c_str(), 0) != 0) {
    if (errno == ENOENT) return true;
    return Fail("-e: " + path_ + " cannot be removed", error);
  }
  return SyncDirectory(error);
}

// memcached writes FILE.meta as it ends, and refuses to start over one that it
// could not write. It is refused here as well: the FILE beside it holds what
// somebody meant to keep.
bool MemoryFile::PeersMetaIsEmpty() const {
  struct stat info;
  return fstatat(directory_, (name_ + ".meta").c_str(), &info,
                 AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(info.st_mode) && info.st_size == 0;
}

// memcached would take FILE, whatever is in it by then, for the memory that
// this describes. It removes it when it starts, too.
void MemoryFile::DropPeersMeta() {
  const std::string name = name_ + ".meta";
  const int fd = openat(directory_, name.c_str(),
                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  char tag = 0;
  const bool is_peers = read(fd, &tag, 1) == 1 && tag == 'T';
  close(fd);
  if (!is_peers) return;
  LOG(WARNING) << path_ << ".meta was written by memcached, whose memory "
               << "cannot be taken over; it is removed";
  if (unlinkat(directory_, name.c_str(), 0) != 0) PLOG(ERROR) << name;
}

int MemoryFile::OpenNew(std::string* error) {
  if (StandsInDirectory(new_fd_)) return new_fd_;
  // Somebody who cleans up has removed it.
  CloseNew();
  bool saving = false;
  if (TryClaim(&saving, error) == Lock::kTaken) return new_fd_;
  CloseNew();
  if (error->empty()) *error = "-e: " + path_ + " is used by another server";
  return -1;
}

bool MemoryFile::Publish(std::string* error) {
  if (fsync(new_fd_) != 0) return Fail("-e: fsync of " + path_ + ".new", error);
  if (!StandsInDirectory(new_fd_)) {  // M3
    *error = "-e: " + path_ + ".new was removed";
    return false;
  }
  if (renameat(directory_, new_name_.c_str(), directory_, name_.c_str()) != 0) {
    return Fail("-e: " + path_, error);
  }
  // Closed before the directory is synchronised: the name is gone, and
  // whoever waits finds a complete file.
  CloseNew();
  return SyncDirectory(error);
}

}  // namespace cucache
