// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "service_manager.h"

#include <glog/logging.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string_view>

namespace cucache {

ServiceManager::ServiceManager() {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr) return;
  const std::string_view path = name;
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return;
  path.copy(address.sun_path, path.size());
  // A name that is in no file system.
  if (path.front() == '@') address.sun_path[0] = '\0';
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (fd_ < 0 ||
      connect(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    PLOG(WARNING) << "NOTIFY_SOCKET " << path;
  }
}

ServiceManager::~ServiceManager() {
  if (fd_ >= 0) close(fd_);
}

void ServiceManager::Tell(std::string_view state) {
  if (fd_ < 0) return;
  const ssize_t sent = send(fd_, state.data(), state.size(), MSG_NOSIGNAL);
  PLOG_IF(WARNING, sent < 0) << "telling the service manager";
}

}  // namespace cucache
