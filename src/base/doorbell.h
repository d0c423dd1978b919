// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Wakes a thread that waits for descriptors: an eventfd, which is readable from
// Ring() to Clear(). (Counterpart: the notify pipes of thread.c.)
//
// Thread safety: Ring() and fd() by any thread after Open(); the rest by the
// owner.

#ifndef CUCACHE_BASE_DOORBELL_H_
#define CUCACHE_BASE_DOORBELL_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace cucache {

class Doorbell {
 public:
  Doorbell() = default;
  ~Doorbell() {
    if (fd_ >= 0) close(fd_);
  }
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  // Once. False: errno says why.
  [[nodiscard]] bool Open() {
    fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd_ >= 0;
  }
  // -1 before Open().
  int fd() const { return fd_; }

  void Ring() const {
    const uint64_t one = 1;
    // It can only fail when the counter is full, and then the thread is awake.
    (void)!write(fd_, &one, sizeof(one));
  }
  void Clear() const {
    uint64_t count;
    (void)!read(fd_, &count, sizeof(count));
  }

 private:
  int fd_ = -1;
};

}  // namespace cucache

#endif  // CUCACHE_BASE_DOORBELL_H_
