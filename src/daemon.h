// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Going into the background, and the pid file. Counterpart: daemon.c,
// save_pid and remove_pidfile of memcached.
//
// Unlike memcached's, the parent stays until the daemon serves or has failed,
// and ends with its exit code; so the caller of `cucached -d` sees a port that
// is taken, and can connect as soon as the command returns.

#ifndef CUCACHE_DAEMON_H_
#define CUCACHE_DAEMON_H_

#include <string>

namespace cucache {

class Daemonizer {
 public:
  Daemonizer() = default;
  Daemonizer(const Daemonizer&) = delete;
  Daemonizer& operator=(const Daemonizer&) = delete;
  ~Daemonizer();

  // Forks and starts a session. Returns in the child only, in / unless
  // keep_directory; the parent waits for Ready() or the end of the child.
  // Before any thread is started. False, with errno, if it cannot.
  [[nodiscard]] bool Detach(bool keep_directory);

  // Lets the parent go with exit code 0. Then stdin, stdout and stderr go to
  // /dev/null, unless keep_output; stderr stays if it is a regular file. Does
  // nothing without Detach.
  void Ready(bool keep_output);

 private:
  int ready_fd_ = -1;  // the parent waits at the other end
};

// Writes the process id into `path`, by a temporary name beside it, so that
// nobody reads half a file; warns of a pid in an old file that is alive.
// False, with a message, if it cannot: the server runs on.
bool WritePidFile(const std::string& path);
void RemovePidFile(const std::string& path);

}  // namespace cucache

#endif  // CUCACHE_DAEMON_H_
