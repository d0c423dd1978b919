// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/thread_choice.h"

#include <sys/socket.h>

#include <algorithm>

namespace cucache {

bool IncomingQueue(int fd, unsigned* queue) {
  *queue = 0;
  socklen_t length = sizeof(*queue);
  return getsockopt(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, queue, &length) == 0;
}

size_t ThreadChoice::Next() {
  const size_t thread = next_;
  next_ = (next_ + 1) % threads_;
  return thread;
}

size_t ThreadChoice::For(int fd) {
  if (!by_queue_) return Next();
  unsigned queue;
  (void)IncomingQueue(fd, &queue);
  return ForQueue(queue);
}

size_t ThreadChoice::ForQueue(unsigned queue) {
  if (queue == 0) {
    fallbacks_.fetch_add(1, std::memory_order_relaxed);
    return Next();
  }
  const auto known = std::find(queues_.begin(), queues_.end(), queue);
  if (known != queues_.end()) {
    return static_cast<size_t>(known - queues_.begin());
  }
  if (queues_.size() == threads_) {
    unexpected_.fetch_add(1, std::memory_order_relaxed);
    queues_.clear();
  }
  queues_.push_back(queue);
  return queues_.size() - 1;
}

}  // namespace cucache
