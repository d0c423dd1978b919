// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Requests in datagrams (-U). (Counterpart: try_read_udp, build_udp_header and
// transmit_udp in memcached.c.)
//
// A datagram is a header of 8 bytes and requests, text or binary; the header
// is four numbers of 16 bits in network order: the client's id of the request,
// the number of this datagram in its message, how many datagrams the message
// has, and 0. A request is one datagram; a reply is as many of at most 1400
// bytes as it needs, with the id of the request. What is not whole is dropped.
//
// No amplification: an address that may be spoofed gets at most three times the
// bytes that were sent. Loopback and the networks of -o udp_trust get
// everything. Nobody is answered at a port below 1024 or at our own, where
// something may sit that answers in turn.
//
// A socket is served by one worker, between the turns of its connections. A
// datagram is a conversation of its own: nothing is kept of it.
//
// A turn is bounded as a connection's is (net/conn.h): in requests, and in
// datagrams that are received or sent. What is left of a conversation is kept
// for the next turn, and no other one begins before its end.
//
// Thread safety: a UdpSocket belongs to its worker's thread; the rest are pure
// functions. Units: bytes.

#ifndef CUCACHE_NET_UDP_H_
#define CUCACHE_NET_UDP_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/network.h"
#include "base/settings.h"
#include "net/conn.h"
#include "proto/output.h"
#include "proto/session.h"

namespace cucache {

inline constexpr size_t kUdpHeader = 8;
inline constexpr size_t kUdpDatagram = 1400;
inline constexpr size_t kUdpPayload = kUdpDatagram - kUdpHeader;
inline constexpr size_t kUdpAmplification = 3;

// The header of a request; false if it is none that is answered.
[[nodiscard]] bool ParseUdpHeader(std::string_view datagram, uint16_t* id);
void WriteUdpHeader(uint16_t id, size_t number, size_t total, char* to);

// Datagrams of a reply that has this many bytes.
size_t UdpDatagrams(size_t reply);
// How many of them are sent to somebody who sent `received` bytes.
size_t UdpDatagramsAllowed(size_t reply, size_t received, bool trusted);

// Opens the sockets that the settings ask for; none without -U. The caller
// closes them.
[[nodiscard]] bool OpenUdpSockets(const Settings& settings,
                                  std::vector<int>* sockets,
                                  std::string* error);

// A reply that is collected, up to a limit.
class UdpReply final : public Output {
 public:
  UdpReply() { Reset(0); }

  // Forgets everything; blocked() from `limit` bytes on.
  void Reset(size_t limit);
  void AppendValue(Item* item, size_t offset = 0) override;

  std::string_view text() const {
    return {buffer_.data(), static_cast<size_t>(at_ - buffer_.data())};
  }

 private:
  // Copying past the end is allowed by this much (proto/output.h).
  static constexpr size_t kSlack = 64;
  // More than this is not kept for the next one.
  static constexpr size_t kKeep = 128 * 1024;

  void Flush() override;
  void Grow(size_t room);

  std::vector<char> buffer_;
  size_t limit_ = 0;
};

class UdpSocket final : public TurnTaker {
 public:
  // The descriptor stays its owner's; `trust` outlives this.
  UdpSocket(ConnHost& host, int fd, const NetworkList& trust)
      : host_(host), fd_(fd), trust_(trust) {}
  ~UdpSocket() { Stop(); }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  [[nodiscard]] bool Start();
  void Stop();
  void TakeTurn() override;

 private:
  // In one turn: datagrams received, datagrams sent, and requests when nobody
  // else waits.
  static constexpr int kBatch = 16;
  static constexpr size_t kSendBatch = 48;
  static constexpr int kLoneRequests = 200;
  // A longer reply is an error.
  static constexpr size_t kMaxReply = 2 << 20;

  enum class State : uint8_t {
    kIdle,
    kConverse,  // `input_` is being executed
    kAnswer,    // `answer_` is being sent
  };
  struct Request {
    sockaddr_storage from;
    socklen_t from_length;
    size_t received;  // bytes
    uint16_t id;
    bool trusted;
  };

  void OnReady() override;
  bool Receive();
  bool MayAnswer();
  void Begin();
  void Converse(int* budget);
  void EndConversation(bool fits);
  void Answer(size_t* budget);

  ConnHost& host_;
  const int fd_;
  const NetworkList& trust_;
  uint16_t port_ = 0;
  bool registered_ = false;

  State state_ = State::kIdle;
  Request request_{};
  std::optional<Session> session_;
  // In the worker's buffer or, between turns, in kept_.
  std::string_view input_;
  std::string kept_;
  UdpReply reply_;
  std::string_view answer_;
  size_t sent_ = 0, allowed_ = 0;  // datagrams of it
};

}  // namespace cucache

#endif  // CUCACHE_NET_UDP_H_
