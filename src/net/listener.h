// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Where clients knock: the listening sockets, and accepting from them.
// (Counterpart: server_socket(), server_socket_unix(), the conn_listening
// state and do_accept_new_conns() in memcached.c.)
//
// Bind() opens the sockets, before privileges are dropped; Start() begins to
// accept on the dispatcher's event base. The dispatcher decides about each
// new client.
//
// Thread safety: one thread, the dispatcher's, but for the figures and
// sockets(), which anyone may read between Bind() and the end.

#ifndef CUCACHE_NET_LISTENER_H_
#define CUCACHE_NET_LISTENER_H_

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netdb.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/settings.h"

namespace cucache {

// "tcp:127.0.0.1:11211", "tcp6:[::1]:11211", "unix:/path", "udp:...": the
// address of a socket's own end, or of its peer, as `stats conns` shows it.
std::string LocalAddressText(int fd);
std::string PeerAddressText(int fd);

// What the listener asks the dispatcher.
class Dispatcher {
 public:
  enum class Verdict : uint8_t {
    kTaken,    // the descriptor is the dispatcher's now
    kRefused,  // it was closed
    kFull,     // it is taken, and there is no room for another one
  };
  virtual ~Dispatcher() = default;
  // `tls` is what the listening socket's address says.
  virtual Verdict Dispatch(int fd, TlsMode tls) = 0;
  // The process has no descriptor left to accept with.
  virtual void OutOfDescriptors() = 0;
};

class Listener {
 public:
  explicit Listener(const Settings& settings) : settings_(settings) {}
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Opens what the settings ask for; false and a message on failure.
  [[nodiscard]] bool Bind(std::string* error);
  [[nodiscard]] bool Start(event_base* base, Dispatcher* dispatcher);
  // Lets clients wait in the kernel's queue, and accepts again. To resume may
  // fail, and is to be tried again then; once it has not, it does nothing.
  void Pause();
  void Resume();
  void Close();

  size_t size() const { return sockets_.size(); }
  int fd(size_t i) const { return sockets_[i]->fd; }
  // Of -U; workers read from them.
  const std::vector<int>& udp_sockets() const { return udp_sockets_; }
  // TCP port of the i-th socket; 0 for a unix socket.
  int port(size_t i) const { return i < size() ? sockets_[i]->port : 0; }

 private:
  struct Socket {
    int fd = -1;
    int port = 0;
    bool open = true;
    TlsMode tls = TlsMode::kDefault;
    bool registered = false;
    // More than one client waited the last time.
    bool rush = false;
    unsigned events = 0;
    Listener* owner = nullptr;
    event accept_event;
  };
  // At most this many in a row, so that a storm of clients does not keep the
  // dispatcher from its clock.
  static constexpr int kAcceptBatch = 64;
  // One in so many times a second client is looked for behind a lone one.
  static constexpr unsigned kLookEvery = 8;

  bool BindUnix(std::string* error);
  void BoundBuffers(int fd) const;
  void BoundUnixBuffer(int fd) const;
  bool BindTcp(std::string* error);
  bool BindLoopback(std::string* error);
  bool BindHost(const std::string& host, int port, std::string* error);
  bool BindAddress(const addrinfo& address, bool* fatal, std::string* error);
  void Add(int fd);
  void WritePortFile() const;
  static void OnAccept(evutil_socket_t fd, short what, void* arg);
  void Accept(Socket* socket);

  const Settings& settings_;
  Dispatcher* dispatcher_ = nullptr;
  TlsMode tls_ = TlsMode::kDefault;  // of what is being bound
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::vector<int> udp_sockets_;
  bool udp_open_ = true;
};

}  // namespace cucache

#endif  // CUCACHE_NET_LISTENER_H_
