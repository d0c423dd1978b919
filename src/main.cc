// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// cucached from its first line to its last: what is started, in this order,
// and what is undone, in the opposite one. Counterpart: main() of memcached.c.

#include <glog/logging.h>
#include <sysexits.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include "base/address_space.h"
#include "base/flags.h"
#include "base/log.h"
#include "base/residency.h"
#include "base/seccomp.h"
#include "base/settings.h"
#include "daemon.h"
#include "privs.h"
#include "server.h"
#include "service_manager.h"
#include "signals.h"

namespace cucache {
namespace {

int Complain(const std::string& what, int exit_code) {
  std::fprintf(stderr, "cucached: %s\n", what.c_str());
  return exit_code;
}

int RaiseLimits(const Settings& settings) {
  if (settings.maxcore) {
    if (int code = RaiseCoreLimit(); code != 0) return code;
  }
  return RaiseFileLimit(settings);
}

// Ports may need root; a unix socket belongs to the user who will serve it.
int BindAndDropUser(const Settings& settings, Server* server) {
  std::string error;
  const bool drop_first = !settings.socketpath.empty();
  if (drop_first) {
    int code = DropUser(settings.username, settings.maxcore);
    if (code != 0) return code;
  }
  if (!server->Bind(&error)) return Complain(error, server->exit_code());
  return drop_first ? 0 : DropUser(settings.username, settings.maxcore);
}

// From a server that is bound to one that has stopped. Reading the items of the
// run before may take long, so signals count already then.
int Serve(const Settings& settings, Server* server, Daemonizer* daemonizer) {
  ServiceManager manager;
  SignalThread signals({.stop = [server] { server->Stop(); },
                        .hangup = [server] { server->Hangup(); },
                        .graceful = [server] { server->Graceful(); }});
  std::string error;
  if (!signals.Start(&error) || !server->Start(&error)) {
    return Complain(error, EXIT_FAILURE);
  }
  if (settings.drop_privileges) {
    if (int code = DropPrivileges(/*keep_sockets=*/settings.sasl); code != 0) {
      return code;
    }
  }
  bool has_pid_file =
      !settings.pid_file.empty() && WritePidFile(settings.pid_file);
  // The start is over; what only it needed may go.
  if (!settings.lock_memory) DropFilePages();
  daemonizer->Ready(/*keep_output=*/settings.verbose > 0);
  manager.Ready();
  server->Run([&manager] { manager.Stopping(); });
  if (has_pid_file && settings.daemonize) RemovePidFile(settings.pid_file);
  return server->exit_code();
}

int RunDaemon(Settings settings) {
  if (int code = RaiseLimits(settings); code != 0) return code;
  if (int code = CheckUser(settings.username); code != 0) return code;
  if (!settings.memory_file.empty()) {
    // The daemon will stand in another directory.
    std::error_code error;
    settings.memory_file =
        std::filesystem::absolute(settings.memory_file, error);
    if (error) return Complain("-e: " + error.message(), EXIT_FAILURE);
  }
  Daemonizer daemonizer;
  if (settings.daemonize &&
      !daemonizer.Detach(/*keep_directory=*/settings.maxcore)) {
    return Complain(std::string("-d: ") + std::strerror(errno), EXIT_FAILURE);
  }
  if (settings.lock_memory) LockMemory();
  FitThreadsToAddressSpace(settings.num_threads);
  SignalThread::Block();
  Server server(settings);
  if (int code = BindAndDropUser(settings, &server); code != 0) return code;
  return Serve(settings, &server, &daemonizer);
}

}  // namespace
}  // namespace cucache

int main(int argc, char** argv) {
  int exit_code = EXIT_SUCCESS;
  std::optional<cucache::Settings> settings =
      cucache::ParseCommandLine(argc, argv, &exit_code);
  if (!settings) return exit_code;
  cucache::InitLogging(argv[0], settings->verbose);
  exit_code = cucache::RunDaemon(*settings);
  LOG_IF(INFO, exit_code == EXIT_SUCCESS) << "Exiting normally";
  return exit_code;
}
