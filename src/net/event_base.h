// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// libevent's loop, for the threads that need timers and serve no requests: the
// dispatcher and the one of handshakes. (Workers: net/poller.h.)

#ifndef CUCACHE_NET_EVENT_BASE_H_
#define CUCACHE_NET_EVENT_BASE_H_

#include <event2/event.h>

#include <memory>

namespace cucache {

// An event base without locks and cached times, for one thread.
struct EventBaseDeleter {
  void operator()(event_base* base) const { event_base_free(base); }
};
using EventBase = std::unique_ptr<event_base, EventBaseDeleter>;
EventBase NewEventBase();

}  // namespace cucache

#endif  // CUCACHE_NET_EVENT_BASE_H_
