// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "net/syscalls.h"

namespace cucache {
namespace {

// Of a piece.
constexpr int kPieceSpans = 16;

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

// As much as one piece holds of what begins `from` bytes into *span.
size_t FirstPiece(const iovec* span, const iovec* end, size_t from,
                  iovec* piece, int* pieces) {
  size_t bytes = 0;
  *pieces = 0;
  for (; span != end && bytes < kPieceSize && *pieces < kPieceSpans; ++span) {
    const size_t n = std::min(span->iov_len - from, kPieceSize - bytes);
    piece[(*pieces)++] = {static_cast<char*>(span->iov_base) + from, n};
    bytes += n;
    from = 0;
  }
  return bytes;
}

// That more follows is not said: packets end with each piece anyway.
ssize_t PieceSend(Channel& channel, const iovec* spans, int count, bool) {
  const iovec* const end = spans + count;
  size_t from = 0;  // bytes of *spans that are gone
  ssize_t sent = 0;
  while (spans != end) {
    iovec piece[kPieceSpans];
    int pieces;
    const size_t bytes = FirstPiece(spans, end, from, piece, &pieces);
    const ssize_t n =
        SendSpans(channel.fd, piece, pieces, MSG_NOSIGNAL | MSG_EOR);
    if (n < 0) return sent > 0 ? sent : n;
    sent += n;
    if (static_cast<size_t>(n) < bytes) return sent;
    from += bytes;
    while (spans != end && from >= spans->iov_len) from -= spans++->iov_len;
  }
  return sent;
}

void SocketClose(Channel& channel) {
  if (channel.fd >= 0) close(channel.fd);
  channel.fd = -1;
}

}  // namespace

const ChannelOps kSocketOps = {SocketReceive, SocketSend, SocketClose};
const ChannelOps kPieceOps = {SocketReceive, PieceSend, SocketClose};

}  // namespace cucache
