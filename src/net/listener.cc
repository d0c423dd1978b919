// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/listener.h"

#include <glog/logging.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "net/address.h"
#include "net/udp.h"

namespace cucache {
namespace {

std::string AddressText(const sockaddr_storage& address, socklen_t length) {
  const std::string port = std::to_string(PortOf(address));
  switch (address.ss_family) {
    case AF_INET:
      return "tcp:" + HostText(address) + ":" + port;
    case AF_INET6:
      return "tcp6:[" + HostText(address) + "]:" + port;
    case AF_UNIX: {
      const auto& un = reinterpret_cast<const sockaddr_un&>(address);
      const size_t offset = offsetof(sockaddr_un, sun_path);
      // A client's end usually has no name.
      if (length <= offset || un.sun_path[0] == '\0') {
        return "unix:<AF " + std::to_string(AF_UNIX) + ">";
      }
      std::string path(un.sun_path, strnlen(un.sun_path, length - offset));
      // A client chose it, and it goes into lines of statistics.
      std::replace_if(
          path.begin(), path.end(), [](unsigned char c) { return c < ' '; },
          '?');
      return "unix:" + path;
    }
    default:
      return "<AF " + std::to_string(address.ss_family) + ">";
  }
}

bool IsDatagramSocket(int fd) {
  int type = 0;
  socklen_t length = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
         type == SOCK_DGRAM;
}

void SetFlag(int fd, int level, int option) {
  const int on = 1;
  if (setsockopt(fd, level, option, &on, sizeof(on)) != 0) {
    PLOG(WARNING) << "setsockopt";
  }
}

void SetNoLinger(int fd) {
  const linger off = {0, 0};
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off)) != 0) {
    PLOG(WARNING) << "setsockopt";
  }
}

// At most that; the kernel doubles it, and gives no more than
// net.core.wmem_max or rmem_max.
void SetBuffer(int fd, int option, uint32_t bytes) {
  const int size = static_cast<int>(bytes);
  if (setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)) != 0) {
    PLOG(WARNING) << "setsockopt";
  }
}

// Accepted sockets inherit all of these.
void SetTcpOptions(int fd) {
  SetFlag(fd, SOL_SOCKET, SO_REUSEADDR);
  SetFlag(fd, SOL_SOCKET, SO_KEEPALIVE);
  SetFlag(fd, IPPROTO_TCP, TCP_NODELAY);
  SetNoLinger(fd);
}

std::string Errno(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

}  // namespace

std::string LocalAddressText(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  std::string text = AddressText(address, length);
  const bool udp = text.starts_with("tcp") && IsDatagramSocket(fd);
  if (udp) text.replace(0, 3, "udp");
  return text;
}

std::string PeerAddressText(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return AddressText(address, length);
}

Listener::~Listener() { Close(); }

// --- Opening. ---

bool Listener::Bind(std::string* error) {
  // A unix socket stands instead of all network addresses, as in memcached.
  if (!settings_.socketpath.empty()) return BindUnix(error);
  if (settings_.port != 0 && !BindTcp(error)) return false;
  if (!OpenUdpSockets(settings_, &udp_sockets_, error)) return false;
  WritePortFile();
  return true;
}

void Listener::Add(int fd) {
  auto socket = std::make_unique<Socket>();
  socket->fd = fd;
  socket->port = LocalPort(fd);
  socket->owner = this;
  socket->tls = tls_;
  sockets_.push_back(std::move(socket));
  VLOG(2) << "<" << fd << " server listening (" << LocalAddressText(fd) << ")";
}

// Of a listening TCP socket, before it listens: those it accepts inherit it,
// and the window that they offer to the client from the first packet on fits.
void Listener::BoundBuffers(int fd) const {
  if (settings_.socket_buffer == 0) return;
  SetBuffer(fd, SO_SNDBUF, settings_.socket_buffer);
  SetBuffer(fd, SO_RCVBUF, settings_.socket_buffer);
}

// Of an accepted unix socket, which inherits nothing. What it has to begin with
// (net.core.wmem_default) does not grow. What the client sends is the client's.
void Listener::BoundUnixBuffer(int fd) const {
  if (settings_.socket_buffer == 0) return;
  int now = 0;
  socklen_t length = sizeof(now);
  if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &length) != 0 ||
      static_cast<uint32_t>(now) / 2 > settings_.socket_buffer) {
    SetBuffer(fd, SO_SNDBUF, settings_.socket_buffer);
  }
}

bool Listener::BindUnix(std::string* error) {
  const std::string& path = settings_.socketpath;
  *error = "failed to listen on UNIX socket: " + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    *error += ": the path is too long";
    return false;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    *error = Errno(*error);
    return false;
  }
  // A socket that a former run left behind; never another kind of file.
  struct stat left;
  if (lstat(path.c_str(), &left) == 0 && S_ISSOCK(left.st_mode)) {
    unlink(path.c_str());
  }
  SetFlag(fd, SOL_SOCKET, SO_KEEPALIVE);
  SetNoLinger(fd);
  tls_ = TlsMode::kOff;
  const mode_t old_mask =
      umask(static_cast<mode_t>(~(settings_.access & 0777)));
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address),
                          sizeof(address)) == 0;
  umask(old_mask);
  if (!bound || listen(fd, settings_.backlog) != 0) {
    *error = Errno(*error);
    close(fd);
    return false;
  }
  Add(fd);
  error->clear();
  return true;
}

bool Listener::BindTcp(std::string* error) {
  if (settings_.inter.empty()) return BindLoopback(error);
  for (const ListenSpec& spec : settings_.inter) {
    const int port = spec.port == -1 ? settings_.port : spec.port;
    tls_ = spec.tls;
    if (BindHost(spec.host, port, error)) continue;
    *error = "failed to listen on " + spec.text + ": " + *error;
    return false;
  }
  return true;
}

bool Listener::BindLoopback(std::string* error) {
  if (!BindHost("127.0.0.1", settings_.port, error)) {
    *error = "failed to listen on TCP port " + std::to_string(settings_.port) +
             ": " + *error;
    return false;
  }
  // Both families on one port, also when the kernel chose it. A machine
  // without IPv6 is no error.
  std::string ignored;
  if (!BindHost("::1", port(0), &ignored)) VLOG(1) << "no IPv6: " << ignored;
  return true;
}

bool Listener::BindHost(const std::string& host, int port, std::string* error) {
  const AddressList list = AddressesToBind(host, port, SOCK_STREAM, error);
  // A name may stand for addresses that this machine has not; one is enough.
  int bound = 0;
  for (const addrinfo* a = list.get(); a != nullptr; a = a->ai_next) {
    bool fatal = false;
    if (BindAddress(*a, &fatal, error)) ++bound;
    if (fatal) return false;
  }
  return bound > 0;
}

bool Listener::BindAddress(const addrinfo& address, bool* fatal,
                           std::string* error) {
  const int fd = socket(address.ai_family,
                        address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                        address.ai_protocol);
  if (fd < 0) {
    *fatal = errno == EMFILE;
    *error = Errno("socket()");
    return false;
  }
  if (address.ai_family == AF_INET6) SetFlag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  SetTcpOptions(fd);
  BoundBuffers(fd);
  if (bind(fd, address.ai_addr, address.ai_addrlen) != 0) {
    *fatal = errno != EADDRINUSE && errno != EADDRNOTAVAIL;
    *error = Errno("bind()");
    close(fd);
    return false;
  }
  if (listen(fd, settings_.backlog) != 0) {
    *fatal = true;
    *error = Errno("listen()");
    close(fd);
    return false;
  }
  Add(fd);
  return true;
}

// For those who start us with a port of the kernel's choice: the file appears
// when it is whole.
void Listener::WritePortFile() const {
  const char* name = std::getenv("MEMCACHED_PORT_FILENAME");
  if (name == nullptr) return;
  const std::string unfinished = std::string(name) + ".lck";
  FILE* file = std::fopen(unfinished.c_str(), "w");
  if (file == nullptr) {
    PLOG(ERROR) << "Failed to open \"" << unfinished << "\"";
    return;
  }
  for (size_t i = 0; i < sockets_.size(); ++i) {
    const bool v6 = LocalAddressText(sockets_[i]->fd).starts_with("tcp6:");
    std::fprintf(file, "TCP %s: %d\n", v6 ? "INET6" : "INET", port(i));
  }
  for (const int fd : udp_sockets_) {
    const bool v6 = LocalAddressText(fd).starts_with("udp6:");
    std::fprintf(file, "UDP %s: %d\n", v6 ? "INET6" : "INET", LocalPort(fd));
  }
  std::fclose(file);
  if (std::rename(unfinished.c_str(), name) != 0) {
    PLOG(ERROR) << "Failed to rename \"" << unfinished << "\"";
  }
}

// --- Accepting. ---

bool Listener::Start(event_base* base, Dispatcher* dispatcher) {
  dispatcher_ = dispatcher;
  for (const auto& socket : sockets_) {
    event_assign(&socket->accept_event, base, socket->fd, EV_READ | EV_PERSIST,
                 OnAccept, socket.get());
    socket->registered = event_add(&socket->accept_event, nullptr) == 0;
    if (!socket->registered) return false;
  }
  return true;
}

void Listener::OnAccept(evutil_socket_t, short, void* arg) {
  Socket* socket = static_cast<Socket*>(arg);
  socket->owner->Accept(socket);
}

// Clients mostly come alone, and to look for a second one in vain costs the
// kernel a file that it makes ahead. So that is done only now and then, and as
// long as there are more. Whoever still waits makes the event fire again.
void Listener::Accept(Socket* socket) {
  const bool look = socket->rush || ++socket->events % kLookEvery == 0;
  socket->rush = false;
  for (int i = 0; i < (look ? kAcceptBatch : 1); ++i) {
    const int fd =
        accept4(socket->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      if (socket->port == 0) BoundUnixBuffer(fd);
      if (dispatcher_->Dispatch(fd, socket->tls) ==
          Dispatcher::Verdict::kFull) {
        return;
      }
      socket->rush = i > 0;
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
        errno == ENOMEM) {
      dispatcher_->OutOfDescriptors();
      return;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) PLOG(ERROR) << "accept4()";
    return;
  }
}

void Listener::Pause() {
  for (const auto& socket : sockets_) {
    if (!socket->registered) continue;
    event_del(&socket->accept_event);
    socket->registered = false;
    if (listen(socket->fd, 0) != 0) PLOG(ERROR) << "listen";
  }
}

void Listener::Resume() {
  for (const auto& socket : sockets_) {
    if (socket->registered) continue;
    socket->registered = event_add(&socket->accept_event, nullptr) == 0;
    if (!socket->registered) {
      LOG_EVERY_T(ERROR, 1) << "cannot wait for clients; trying again";
    }
    if (listen(socket->fd, settings_.backlog) != 0) PLOG(ERROR) << "listen";
  }
}

void Listener::Close() {
  // The list stays as it is: others may ask for ports.
  for (const auto& socket : sockets_) {
    if (socket->registered) event_del(&socket->accept_event);
    if (socket->open) close(socket->fd);
    socket->registered = socket->open = false;
  }
  for (const int fd : udp_sockets_) {
    if (udp_open_) close(fd);
  }
  udp_open_ = false;
}

}  // namespace cucache
