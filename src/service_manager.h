// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Tells the service manager that started this process that it serves, which
// systemd's `Type=notify` waits for, and that it ends: sd_notify(3) without its
// library. (No counterpart: memcached's units count as started at once.)
//
// Thread safety: none; used by main.

#ifndef CUCACHE_SERVICE_MANAGER_H_
#define CUCACHE_SERVICE_MANAGER_H_

#include <string_view>

namespace cucache {

class ServiceManager {
 public:
  // Connects to what NOTIFY_SOCKET names, if it is there. Now, because
  // -o drop_privileges allows no new sockets later.
  ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;
  ~ServiceManager();

  // Each once; they do nothing if nobody waits. A server that was not told to
  // end by its manager (the command `shutdown`) may still save for a while.
  void Ready() { Tell("READY=1"); }
  void Stopping() { Tell("STOPPING=1"); }

 private:
  void Tell(std::string_view state);

  int fd_ = -1;
};

}  // namespace cucache

#endif  // CUCACHE_SERVICE_MANAGER_H_
