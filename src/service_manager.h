// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Tells the service manager that started this process that it serves: what
// systemd's `Type=notify` waits for, sd_notify(3) without its library. (No
// counterpart: memcached's units count as started at once.)
//
// Thread safety: none; used by main.

#ifndef CUCACHE_SERVICE_MANAGER_H_
#define CUCACHE_SERVICE_MANAGER_H_

namespace cucache {

class ServiceManager {
 public:
  // Connects to what NOTIFY_SOCKET names, if it is there. Now, because
  // -o drop_privileges allows no new sockets later.
  ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;
  ~ServiceManager();

  // Once; does nothing if nobody waits.
  void Ready();

 private:
  int fd_ = -1;
};

}  // namespace cucache

#endif  // CUCACHE_SERVICE_MANAGER_H_
