// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "daemon.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace cucache {
namespace {

// The parent: ends as the child says, or as the child ended before it could.
[[noreturn]] void AwaitChild(pid_t child, int fd) {
  char ready = 0;
  ssize_t got;
  do {
    got = read(fd, &ready, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) _exit(EXIT_SUCCESS);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

void WarnOfLivePid(const std::string& path) {
  std::ifstream file(path);
  pid_t pid = 0;
  if (file >> pid && pid > 0 && pid != getpid() && kill(pid, 0) == 0) {
    LOG(WARNING) << "the pid file " << path << " names process " << pid
                 << ", which is running";
  }
}

// Messages that the caller sent into a file (a log file of the init script) go
// on going there.
bool IsFile(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

Daemonizer::~Daemonizer() {
  if (ready_fd_ >= 0) close(ready_fd_);
}

bool Daemonizer::Detach(bool keep_directory) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pid_t child = fork();
  if (child > 0) {
    close(ends[1]);
    AwaitChild(child, ends[0]);
  }
  close(ends[0]);
  ready_fd_ = ends[1];
  if (child < 0 || setsid() < 0) return false;
  return keep_directory || chdir("/") == 0;
}

void Daemonizer::Ready(bool keep_output) {
  if (ready_fd_ < 0) return;
  int null = keep_output ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      if (fd == STDERR_FILENO && IsFile(fd)) continue;
      PLOG_IF(WARNING, dup2(null, fd) < 0) << "dup2 of /dev/null";
    }
    if (null > STDERR_FILENO) close(null);
  }
  char ready = 1;
  PLOG_IF(WARNING, write(ready_fd_, &ready, 1) != 1) << "telling the parent";
  close(ready_fd_);
  ready_fd_ = -1;
}

bool WritePidFile(const std::string& path) {
  WarnOfLivePid(path);
  const std::string unfinished = path + ".tmp";
  std::FILE* file = std::fopen(unfinished.c_str(), "w");
  if (file == nullptr) {
    PLOG(ERROR) << "cannot open the pid file " << unfinished;
    return false;
  }
  bool written = std::fprintf(file, "%ld\n", static_cast<long>(getpid())) > 0;
  written = std::fclose(file) == 0 && written;
  if (!written || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    PLOG(ERROR) << "cannot write the pid file " << path;
    std::remove(unfinished.c_str());
    return false;
  }
  return true;
}

void RemovePidFile(const std::string& path) {
  PLOG_IF(ERROR, unlink(path.c_str()) != 0)
      << "cannot remove the pid file " << path;
}

}  // namespace cucache
