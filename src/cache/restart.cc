// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "cache/restart.h"

#include <glog/logging.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "cache/restart_load.h"
#include "cache/restart_save.h"

namespace cucache {

namespace {

using std::chrono::steady_clock;
using Status = RestartLoader::Status;

constexpr int kMaxThreads = 8;

// No more than there are processors for them.
int LoadingThreads(const Settings& settings) {
  cpu_set_t set;
  const int processors =
      sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::min({settings.num_threads, processors, kMaxThreads});
}

// There a file takes memory, and nothing of it is ever on a disk.
bool IsInMemory(int fd) {
  struct statfs info;
  return fstatfs(fd, &info) == 0 && info.f_type == TMPFS_MAGIC;
}

double SecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

std::unique_ptr<Cache> NewCache(Settings& settings, Clock& clock,
                                uint64_t expected_items, std::string* error) {
  auto cache = std::make_unique<Cache>(settings, clock, expected_items);
  return cache->StartMaintenance(error) ? std::move(cache) : nullptr;
}

}  // namespace

WarmRestart::WarmRestart(std::string path, std::function<bool()> stop)
    : file_(std::move(path)), stop_(std::move(stop)) {}

bool WarmRestart::Claim(std::string* error) {
  if (file_.Claim(stop_, error)) return true;
  stopped_ = stop_();
  return false;
}

void WarmRestart::SayCold(const std::string& why) {
  LOG(WARNING) << "the cache starts cold: " << why;
}

std::unique_ptr<Cache> WarmRestart::Load(Settings& settings, Clock& clock,
                                         std::string* error) {
  std::string distrust;
  const int fd = file_.OpenSaved(&distrust, error);
  if (!error->empty()) return nullptr;
  if (fd < 0) {
    if (file_.crashed()) {
      SayCold("the server before did not come to save " + file_.path());
    } else {
      LOG(INFO) << "there is no " << file_.path() << " yet";
    }
    return NewCache(settings, clock, 0, error);
  }
  auto cache = LoadFrom(fd, distrust, settings, clock, error);
  close(fd);
  return cache;
}

std::unique_ptr<Cache> WarmRestart::LoadFrom(int fd,
                                             const std::string& distrust,
                                             Settings& settings, Clock& clock,
                                             std::string* error) {
  const auto start = steady_clock::now();
  RestartLoader::Options options;
  options.threads = LoadingThreads(settings);
  options.stop = stop_;
  options.release = IsInMemory(fd);
  RestartLoader loader(fd, options);
  Status status = loader.ReadHeader();
  ours_ = status != Status::kForeign;
  std::string why = loader.why();
  std::unique_ptr<Cache> cache;
  if (status == Status::kLoaded && !distrust.empty()) {
    status = Status::kUnusable;
    why = distrust;
  } else if (status == Status::kLoaded) {
    clock.Tick();
    cache = NewCache(settings, clock, loader.expected_items(), error);
    if (cache == nullptr) return nullptr;
    status = loader.Load(*cache);
    why = loader.why();
  }
  stopped_ = status == Status::kStopped;
  loaded_ = status == Status::kLoaded;
  if (loaded_) {
    const RestartFigures f = loader.figures();
    cache->set_restart_figures(f);
    LOG(INFO) << "loaded " << f.items << " items from " << file_.path()
              << " of version " << loader.writer() << " in "
              << SecondsSince(start) << " s; " << f.expired
              << " had expired meanwhile";
    LOG_IF(WARNING, f.dropped != 0)
        << "no room for " << f.dropped << " items of " << file_.path();
    return cache;
  }
  if (!stopped_) {
    SayCold(file_.path() + ": " + why +
            (ours_ ? "" : "; it stays until the cache is saved there"));
  }
  // Nothing of what was read so far may be seen.
  cache.reset();
  return NewCache(settings, clock, 0, error);
}

bool WarmRestart::Consume(std::string* error) {
  if (!file_.Discard(/*saved=*/ours_, error)) return false;
  only_in_cache_ = loaded_;
  return true;
}

bool WarmRestart::Save(Cache& cache) {
  std::string error;
  only_in_cache_ = false;
  const auto start = steady_clock::now();
  const int fd = file_.OpenNew(&error);
  if (fd >= 0) {
    LOG(INFO) << "saving to " << file_.path();
    RestartSaver::Options options;
    options.release = true;
    RestartSaver saver(cache, fd, options);
    if (!saver.Save()) {
      error = std::strerror(errno);
    } else if (file_.Publish(&error)) {
      LOG(INFO) << "saved " << saver.items() << " items, " << saver.file_bytes()
                << " bytes, to " << file_.path() << " in "
                << SecondsSince(start) << " s";
      return true;
    }
  }
  LOG(ERROR) << "the cache is not saved to " << file_.path() << ": " << error;
  return false;
}

}  // namespace cucache
