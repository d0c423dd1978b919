// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Which worker gets a new connection. (Counterpart: select_thread_by_napi_id()
// and select_thread_round_robin() in thread.c, and its doc/napi_ids.txt.)
//
// One after another, or with -N all connections that came in through one queue
// of the network card to one worker: then what a packet touches stays with the
// core that the card interrupts. Queues are given to workers as they appear. If
// there are more of them than workers, -N or the card's set-up is wrong, or the
// driver was loaded anew: all are forgotten and given out again. What came
// through no queue (loopback, unix sockets) goes to one after another.
//
// Thread safety: one thread, the dispatcher's; the counts may be read by any.

#ifndef CUCACHE_NET_THREAD_CHOICE_H_
#define CUCACHE_NET_THREAD_CHOICE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cucache {

// The kernel's number of the queue that a socket's last packet came in by, 0 if
// there is none. False: this kernel does not say (before Linux 4.12).
bool IncomingQueue(int fd, unsigned* queue);

class ThreadChoice {
 public:
  ThreadChoice(size_t threads, bool by_queue)
      : threads_(threads), by_queue_(by_queue) {}

  // The number of the thread for this connection.
  size_t For(int fd);
  // The same for a connection that came in by that queue, 0 for none.
  size_t ForQueue(unsigned queue);

  // memcached's unexpected_napi_ids: queues for which no thread was left.
  uint64_t unexpected() const {
    return unexpected_.load(std::memory_order_relaxed);
  }
  // memcached's round_robin_fallback: with -N, connections of no queue.
  uint64_t fallbacks() const {
    return fallbacks_.load(std::memory_order_relaxed);
  }

 private:
  size_t Next();

  const size_t threads_;
  const bool by_queue_;
  size_t next_ = 0;
  std::vector<unsigned> queues_;  // by thread, as far as given out
  std::atomic<uint64_t> unexpected_{0}, fallbacks_{0};
};

}  // namespace cucache

#endif  // CUCACHE_NET_THREAD_CHOICE_H_
