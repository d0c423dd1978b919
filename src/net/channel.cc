// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/syscalls.h"

namespace cucache {
namespace {

// One span is the common case, and cheaper without a msghdr.

ssize_t ReceiveSpans(int fd, const iovec* spans, int count) {
  ssize_t n;
  do {
    n = readv(fd, spans, count);
  } while (n < 0 && errno == EINTR);
  return n;
}

ssize_t SocketReceive(Channel& channel, const iovec* spans, int count) {
  if (count == 1) [[likely]] {
    const ssize_t n = Recv(channel.fd, spans->iov_base, spans->iov_len);
    if (n >= 0 || errno != EINTR) return n;
  }
  return ReceiveSpans(channel.fd, spans, count);
}

ssize_t SendSpans(int fd, const iovec* spans, int count, int flags) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(spans);
  message.msg_iovlen = static_cast<size_t>(count);
  ssize_t n;
  do {
    n = sendmsg(fd, &message, flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

ssize_t SocketSend(Channel& channel, const iovec* spans, int count, bool more) {
  const int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  if (count == 1) [[likely]] {
    const ssize_t n = Send(channel.fd, spans->iov_base, spans->iov_len, flags);
    if (n >= 0 || errno != EINTR) return n;
  }
  return SendSpans(channel.fd, spans, count, flags);
}

void SocketClose(Channel& channel) {
  if (channel.fd >= 0) close(channel.fd);
  channel.fd = -1;
}

}  // namespace

const ChannelOps kSocketOps = {SocketReceive, SocketSend, SocketClose};

}  // namespace cucache
