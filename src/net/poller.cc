// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/poller.h"

#include <unistd.h>

#include <cerrno>

#include "net/syscalls.h"

namespace cucache {

Poller::~Poller() {
  if (fd_ >= 0) close(fd_);
}

bool Poller::Open() {
  fd_ = epoll_create1(EPOLL_CLOEXEC);
  return fd_ >= 0;
}

bool Poller::Control(int operation, int fd, uint32_t what, Pollable* pollable) {
  epoll_event event{};
  event.events = what;
  event.data.ptr = pollable;
  return epoll_ctl(fd_, operation, fd, &event) == 0;
}

bool Poller::Add(int fd, uint32_t what, Pollable* pollable) {
  return Control(EPOLL_CTL_ADD, fd, what, pollable);
}

bool Poller::Change(int fd, uint32_t what, Pollable* pollable) {
  return Control(EPOLL_CTL_MOD, fd, what, pollable);
}

void Poller::Remove(int fd, Pollable* pollable) {
  (void)Control(EPOLL_CTL_DEL, fd, 0, nullptr);
  for (int i = next_; i < count_; ++i) {
    if (ready_[static_cast<size_t>(i)].data.ptr == pollable) {
      ready_[static_cast<size_t>(i)].data.ptr = nullptr;  // P1
    }
  }
}

bool Poller::RunOnce(int milliseconds) {
  const int n = EpollWait(fd_, ready_.data(), kBatch, milliseconds);
  if (n < 0) return errno == EINTR;
  count_ = n;
  next_ = 0;
  while (next_ < count_) {
    void* const who = ready_[static_cast<size_t>(next_++)].data.ptr;
    if (who != nullptr) static_cast<Pollable*>(who)->OnReady();
  }
  next_ = count_ = 0;
  return true;
}

}  // namespace cucache
