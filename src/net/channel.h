// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// How the bytes of one connection move: the only place that knows whether
// there is a plain socket or something else behind it. (Counterpart: the
// read, sendmsg and write pointers of memcached's conn.)
//
// Both calls behave like their system calls: the number of bytes, 0 for the
// end of the input, or -1 with errno, EAGAIN when nothing can move now. EINTR
// does not come out.
//
// Thread safety: one thread. Ownership: a Channel owns its descriptor and
// whatever `state` is; Close() gives both back.

#ifndef CUCACHE_NET_CHANNEL_H_
#define CUCACHE_NET_CHANNEL_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>

namespace cucache {

struct Channel;

// One constant object per kind of channel.
struct ChannelOps {
  ssize_t (*receive)(Channel& channel, const iovec* spans, int count);
  ssize_t (*send)(Channel& channel, const iovec* spans, int count, bool more);
  void (*close)(Channel& channel);
};

struct Channel {
  const ChannelOps* ops = nullptr;
  void* state = nullptr;
  int fd = -1;
  // What the last Receive() found: more input, of which no event will tell;
  // and that it goes on only when the descriptor is writable.
  bool has_more = false;
  bool wants_write = false;

  ssize_t Receive(const iovec* spans, int count) {
    return ops->receive(*this, spans, count);
  }
  // `more`: further bytes follow at once, so a short packet may wait for them.
  ssize_t Send(const iovec* spans, int count, bool more) {
    return ops->send(*this, spans, count, more);
  }
  void Close() { ops->close(*this); }
};

// A TCP or unix socket that does not block.
extern const ChannelOps kSocketOps;

// The same for sockets whose buffers were set to Settings::socket_buffer.
//
// The kernel looks for room in the buffer when a packet is begun, and fills
// that packet up to 64 KiB: behind a client that does not read there would be a
// few of these, however small the buffer is (Y1 of base/memory_budget.h). And a
// buffer that is smaller than one packet of the loopback device makes the
// kernel wait for a timer between packets. So output goes in pieces of
// kPieceSize, and each is a packet of its own (MSG_EOR). A larger buffer has
// room for the 64 KiB, and large packets are cheaper.
extern const ChannelOps kPieceOps;
constexpr size_t kPieceSize = 8 * 1024;
constexpr bool SendsInPieces(size_t socket_buffer) {
  return socket_buffer != 0 && socket_buffer < 64 * 1024;
}

}  // namespace cucache

#endif  // CUCACHE_NET_CHANNEL_H_
