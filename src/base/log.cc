// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/log.h"

#include <glog/logging.h>
#include <glog/vlog_is_on.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>

// Of the linker: where the program was mapped.
extern "C" const char __executable_start;

namespace cucache {

namespace {

// Made before it is needed: a signal handler may not format.
const std::string& PlaceOfProgram() {
  static const std::string& line = *[] {
    char text[64];
    std::snprintf(text, sizeof(text), "*** The program begins at %p ***\n",
                  static_cast<const void*>(&__executable_start));
    return new std::string(text);  // for whoever crashes at the very end
  }();
  return line;
}

void WriteToStderr(const char* text, size_t n) {
  if (write(STDERR_FILENO, text, n) < 0) return;  // there is nobody to tell
}

// glog's writer of a crash, in a signal handler. The kernel lets a process that
// changed its user (-u) not read /proc/self/mem, by which glog finds the names
// of functions; and without the place of the program its addresses say nothing.
void WriteFailure(const char* text, size_t n) {
  static std::atomic<bool> begun{false};
  if (!begun.exchange(true)) {
    WriteToStderr(PlaceOfProgram().data(), PlaceOfProgram().size());
  }
  WriteToStderr(text, n);
}

}  // namespace

void InitLogging(const char* argv0, int verbose) {
  FLAGS_logtostderr = true;
  FLAGS_logbufsecs = 0;
  SetVerbosity(verbose);
  google::InitGoogleLogging(argv0);
  google::InstallFailureSignalHandler();
  (void)PlaceOfProgram();
  google::InstallFailureWriter(WriteFailure);
  // glog takes it for a crash; here it is the way to stop.
  signal(SIGTERM, SIG_DFL);
}

// glog reads both with plain loads; one store each keeps every value whole.
void SetVerbosity(int level) {
  level = std::max(level, 0);
  int least = level > 0 ? google::GLOG_INFO : google::GLOG_WARNING;
  __atomic_store_n(&FLAGS_minloglevel, least, __ATOMIC_RELAXED);
  __atomic_store_n(&FLAGS_v, level, __ATOMIC_RELAXED);
}

void SetModuleVerbosity(const char* pattern, int level) {
  google::SetVLOGLevel(pattern, level);
}

}  // namespace cucache
