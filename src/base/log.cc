// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "base/log.h"

#include <glog/logging.h>
#include <glog/vlog_is_on.h>
#include <signal.h>

#include <algorithm>

namespace cucache {

void InitLogging(const char* argv0, int verbose) {
  FLAGS_logtostderr = true;
  FLAGS_logbufsecs = 0;
  SetVerbosity(verbose);
  google::InitGoogleLogging(argv0);
  google::InstallFailureSignalHandler();
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
