// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/udp.h"

#include <arpa/inet.h>
#include <glog/logging.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cache/value.h"
#include "net/address.h"
#include "proto/session.h"

namespace cucache {
namespace {

// Whoever answers there is no client of ours: echo, chargen, DNS, NTP.
constexpr uint16_t kFirstUserPort = 1024;

uint16_t Get16(const char* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return ntohs(value);
}

void Put16(size_t value, char* to) {
  const uint16_t n = htons(static_cast<uint16_t>(value));
  std::memcpy(to, &n, sizeof(n));
}

// --- Opening. ---

int OpenOne(const addrinfo& address, std::string* error) {
  const int fd = socket(address.ai_family,
                        address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        address.ai_protocol);
  if (fd < 0) {
    *error = std::string("socket(): ") + std::strerror(errno);
    return -1;
  }
  const int on = 1, bytes = 4 << 20;
  if (address.ai_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  }
  // As much of it as the system grants: a reply leaves at once or is lost.
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0) return fd;
  *error = std::string("bind(): ") + std::strerror(errno);
  close(fd);
  return -1;
}

bool OpenHost(const std::string& host, int port, std::vector<int>* sockets,
              std::string* error) {
  const AddressList list = AddressesToBind(host, port, SOCK_DGRAM, error);
  bool any = false;
  for (const addrinfo* a = list.get(); a != nullptr; a = a->ai_next) {
    const int fd = OpenOne(*a, error);
    if (fd < 0) continue;
    sockets->push_back(fd);
    any = true;
  }
  return any;
}

}  // namespace

bool OpenUdpSockets(const Settings& settings, std::vector<int>* sockets,
                    std::string* error) {
  if (settings.udpport == 0) return true;
  if (settings.inter.empty()) {
    if (!OpenHost("127.0.0.1", settings.udpport, sockets, error)) {
      *error = "failed to listen on UDP port " +
               std::to_string(settings.udpport) + ": " + *error;
      return false;
    }
    // On the same port, also when the kernel chose it. A machine without IPv6
    // is no error.
    std::string ignored;
    (void)OpenHost("::1", LocalPort(sockets->front()), sockets, &ignored);
    return true;
  }
  std::vector<std::string> hosts;
  for (const ListenSpec& spec : settings.inter) {
    // One host may have several TCP ports; the UDP port is one.
    if (std::find(hosts.begin(), hosts.end(), spec.host) != hosts.end()) {
      continue;
    }
    hosts.push_back(spec.host);
    if (OpenHost(spec.host, settings.udpport, sockets, error)) continue;
    *error = "failed to listen on UDP " + spec.text + ": " + *error;
    return false;
  }
  return true;
}

// --- Pure functions. ---

bool ParseUdpHeader(std::string_view datagram, uint16_t* id) {
  if (datagram.size() <= kUdpHeader) return false;
  *id = Get16(datagram.data());
  // The only one of one; the last number is not looked at, as in memcached.
  return Get16(datagram.data() + 2) == 0 && Get16(datagram.data() + 4) == 1;
}

void WriteUdpHeader(uint16_t id, size_t number, size_t total, char* to) {
  Put16(id, to);
  Put16(number, to + 2);
  Put16(total, to + 4);
  Put16(0, to + 6);
}

size_t UdpDatagrams(size_t reply) {
  return (reply + kUdpPayload - 1) / kUdpPayload;
}

size_t UdpDatagramsAllowed(size_t reply, size_t received, bool trusted) {
  const size_t all = UdpDatagrams(reply);
  const size_t most = kUdpAmplification * received;
  if (trusted || reply + all * kUdpHeader <= most) return all;
  // The last one is the only one that is not full, and it does not fit.
  return std::min(most / kUdpDatagram, all - 1);
}

// --- UdpReply. ---

void UdpReply::Reset(size_t limit) {
  if (buffer_.size() > kKeep) std::vector<char>().swap(buffer_);
  limit_ = limit;
  blocked_ = false;
  at_ = buffer_.data();
  Grow(kMaxRoom);
}

void UdpReply::Grow(size_t room) {
  const size_t used = text().size();
  const size_t wanted = used + room + kSlack;
  if (buffer_.size() < wanted) buffer_.resize(std::max(wanted, 2 * used));
  at_ = buffer_.data() + used;
  end_ = buffer_.data() + buffer_.size() - kSlack;
}

void UdpReply::Flush() {
  blocked_ |= text().size() > limit_;
  Grow(kMaxRoom);
}

void UdpReply::AppendValue(Item* item, size_t offset) {
  // Of what is beyond the limit a byte, by which the reply is seen to be cut.
  const size_t room = std::max(limit_ + 1, text().size()) - text().size();
  const size_t n = std::min(item->value_length - offset, room);
  blocked_ |= text().size() + n > limit_;
  Grow(n + kMaxRoom);
  CopyValueOut(*item, offset, at_, n);
  Advance(at_ + n);
}

// --- UdpSocket. ---

bool UdpSocket::Start() {
  port_ = LocalPort(fd_);
  registered_ = host_.poller->Add(fd_, Poller::kRead, this);
  return registered_;
}

void UdpSocket::Stop() {
  if (registered_) host_.poller->Remove(fd_, this);
  registered_ = false;
}

// Until the end of a conversation it stands in the queue.
void UdpSocket::OnReady() {
  if (state_ == State::kIdle) TakeTurn();
}

void UdpSocket::TakeTurn() {
  host_.BeginTurn();
  const int turn = host_.requests_per_turn;
  int requests = host_.OthersWait() ? turn : std::max(turn, kLoneRequests);
  size_t datagrams = kSendBatch;
  for (int i = 0; i < kBatch && requests > 0 && datagrams > 0; ++i) {
    if (state_ == State::kIdle) {
      if (!Receive()) break;
      if (!MayAnswer()) continue;
      Begin();
    }
    if (state_ == State::kConverse) Converse(&requests);
    if (state_ == State::kAnswer) Answer(&datagrams);
  }
  if (state_ == State::kConverse) {
    kept_ = std::string(input_);
    input_ = kept_;
  }
  if (state_ != State::kIdle) host_.QueueTurn(this);
  host_.EndTurn();
}

bool UdpSocket::Receive() {
  // Larger than any datagram, and empty between two turns.
  Buffer* in = host_.input;
  request_.from_length = sizeof(request_.from);
  const ssize_t n = recvfrom(fd_, in->base(), in->capacity, 0,
                             reinterpret_cast<sockaddr*>(&request_.from),
                             &request_.from_length);
  input_ = {};
  if (n < 0) {
    // Somebody else's port may have been closed; that is no news for others.
    return errno == ECONNREFUSED || errno == EINTR;
  }
  host_.stats->bytes_read.Add(static_cast<uint64_t>(n));
  input_ = {in->base(), static_cast<size_t>(n)};
  return true;
}

bool UdpSocket::MayAnswer() {
  if (request_.from.ss_family != AF_INET &&
      request_.from.ss_family != AF_INET6) {
    return false;
  }
  if (!ParseUdpHeader(input_, &request_.id)) return false;
  const auto* from = reinterpret_cast<const sockaddr*>(&request_.from);
  const uint16_t port = PortOf(request_.from);
  request_.trusted = IsLoopback(from) || trust_.Contains(from);
  return port >= kFirstUserPort && port != port_;
}

void UdpSocket::Begin() {
  request_.received = input_.size();
  reply_.Reset(request_.trusted
                   ? kMaxReply
                   : std::min(kMaxReply, kUdpAmplification * input_.size()));
  input_.remove_prefix(kUdpHeader);
  session_.emplace(*host_.executor);
  state_ = State::kConverse;
}

void UdpSocket::Converse(int* budget) {
  host_.executor->thread().events().set_fd(fd_);
  const Session::Step step =
      session_->Process(input_.data(), input_.size(), reply_, budget);
  input_.remove_prefix(step.consumed);
  switch (step.next) {
    case Session::Next::kYield:
    case Session::Next::kLater:
      *budget = 0;
      return;
    case Session::Next::kBlocked:
      return EndConversation(false);
    case Session::Next::kWatch:
      // There is no connection that could be lent.
      host_.executor->RefuseWatch();
      reply_.Append("ERROR\r\n");
      return EndConversation(true);
    default:
      return EndConversation(!reply_.blocked());
  }
}

void UdpSocket::EndConversation(bool fits) {
  session_.reset();
  answer_ = fits || !request_.trusted
                ? reply_.text()
                : "SERVER_ERROR reply too large for UDP\r\n";
  sent_ = 0;
  allowed_ =
      UdpDatagramsAllowed(answer_.size(), request_.received, request_.trusted);
  state_ = State::kAnswer;
}

void UdpSocket::Answer(size_t* budget) {
  const size_t total = UdpDatagrams(answer_.size());
  char header[kUdpHeader];
  for (; sent_ != allowed_ && *budget != 0; ++sent_, --*budget) {
    WriteUdpHeader(request_.id, sent_, total, header);
    const std::string_view part =
        answer_.substr(sent_ * kUdpPayload, kUdpPayload);
    iovec spans[] = {{header, sizeof(header)},
                     {const_cast<char*>(part.data()), part.size()}};
    msghdr message{};
    message.msg_name = &request_.from;
    message.msg_namelen = request_.from_length;
    message.msg_iov = spans;
    message.msg_iovlen = 2;
    // What the kernel does not take now is lost, as datagrams are.
    const ssize_t n = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n < 0) {
      sent_ = allowed_;
      break;
    }
    host_.stats->bytes_written.Add(static_cast<uint64_t>(n));
  }
  if (sent_ >= allowed_) state_ = State::kIdle;
}

}  // namespace cucache
