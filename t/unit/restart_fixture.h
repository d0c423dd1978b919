// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Caches to be saved and loaded, and files to save them in, for tests.

#ifndef CUCACHE_T_UNIT_RESTART_FIXTURE_H_
#define CUCACHE_T_UNIT_RESTART_FIXTURE_H_

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "cache/cache.h"
#include "cache/restart_load.h"
#include "cache/restart_save.h"
#include "cache/value.h"
#include "cache_fixture.h"

namespace cucache {

// All that a client can learn about an item.
struct Facts {
  std::string value;
  uint32_t flags = 0;
  int64_t ttl = -1;
  uint64_t cas = 0;
  RelTime idle = 0;
  uint8_t state = 0, mark = 0;

  bool operator==(const Facts&) const = default;
};

// A cache, and one thread that uses it.
class Box {
 public:
  explicit Box(uint64_t megabytes = 16, std::string_view max_item = "4m",
               uint64_t expected_items = 0)
      : settings_(SmallSettings(megabytes)) {
    std::string why;
    settings_.item_size_max = *codec::Size::From(std::string(max_item), &why);
    cache_ = std::make_unique<Cache>(settings_, clock_, expected_items);
    t_ = std::make_unique<CacheThread>(*cache_, stats_);
    t_->Online();
  }
  ~Box() {
    if (t_ != nullptr) t_->Offline();
  }

  Item* Set(std::string_view key, std::string_view value, RelTime exptime = 0,
            uint32_t flags = 0, bool binary_key = false) {
    ItemShape shape;
    shape.key = key;
    shape.hash = cache_->Hash(key);
    shape.flags = flags;
    shape.exptime = exptime;
    shape.value_length = static_cast<uint32_t>(value.size());
    shape.binary_key = binary_key;
    Item* item = nullptr;
    if (cache_->Allocate(*t_, shape, &item) != AllocateStatus::kOk) {
      return nullptr;
    }
    CopyValueIn(item, 0, value.data(), value.size());
    const bool linked =
        cache_->Update(*t_, shape.hash, key, [&](Item*) -> Cache::Decision {
          return {Cache::Action::kReplace, item};
        });
    if (linked) return item;
    cache_->Free(*t_, item);
    return nullptr;
  }
  Item* Find(std::string_view key) {
    return cache_->Find(*t_, cache_->Hash(key), key);
  }
  std::map<std::string, Facts> All() {
    std::map<std::string, Facts> all;
    WalkCursor cursor;
    while (cache_->Walk(&cursor, 4096, [&](Item& item) {
      const RelTime now = clock_.now();
      const RelTime exptime = item.exptime.load();
      Facts f;
      f.value = ReadValue(item);
      f.flags = item.flags();
      f.ttl = exptime == 0 ? -1 : int64_t{exptime} - now;
      f.cas = item.cas.load();
      f.idle = item.idle(now);
      f.state = item.state.load() & restart::kSavedStates;
      f.mark = item.mark.load();
      all[std::string(item.key())] = f;
    })) {
    }
    return all;
  }
  // Items of main, in all classes.
  uint64_t InMain() {
    uint64_t sum = 0;
    for (const SlabClassFigures& row : cache_->class_figures()) {
      sum += row.number_warm + row.number_cold;
    }
    return sum;
  }

  Clock& clock() { return clock_; }
  Cache& cache() { return *cache_; }
  Settings& settings() { return settings_; }
  CacheThread& thread() { return *t_; }

 private:
  Clock clock_;
  Settings settings_;
  std::unique_ptr<Cache> cache_;
  ThreadStats stats_;
  std::unique_ptr<CacheThread> t_;
};

// A file without a name.
class ScratchFile {
 public:
  ScratchFile() : fd_(memfd_create("restart_test", MFD_CLOEXEC)) {}
  explicit ScratchFile(std::string_view bytes) : ScratchFile() {
    EXPECT_EQ(static_cast<ssize_t>(bytes.size()),
              pwrite(fd_, bytes.data(), bytes.size(), 0));
  }
  ~ScratchFile() { close(fd_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  int fd() const { return fd_; }
  std::string Read() const {
    std::string bytes(static_cast<size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    EXPECT_EQ(static_cast<ssize_t>(bytes.size()),
              pread(fd_, bytes.data(), bytes.size(), 0));
    return bytes;
  }

 private:
  const int fd_;
};

// However long the test takes.
inline constexpr restart::Moment kSomeTime = {1000, 50, {1}};

inline std::string SaveToString(Cache& cache,
                                const RestartSaver::Options& options = {
                                    .moment = kSomeTime}) {
  ScratchFile file;
  RestartSaver saver(cache, file.fd(), options);
  EXPECT_TRUE(saver.Save());
  return file.Read();
}

struct Loaded {
  RestartLoader::Status status;
  std::string why;
  RestartFigures figures;
};

inline Loaded LoadFromString(std::string_view bytes, Box* box,
                             const RestartLoader::Options& options = {
                                 .now = kSomeTime}) {
  ScratchFile file(bytes);
  RestartLoader loader(file.fd(), options);
  RestartLoader::Status status = loader.ReadHeader();
  // The thread of the box is not to keep what the load wants to use again.
  box->thread().Offline();
  if (status == RestartLoader::Status::kLoaded) {
    status = loader.Load(box->cache());
  }
  box->thread().Online();
  return {status, loader.why(), loader.figures()};
}

// A directory that goes away.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name =
        std::filesystem::temp_directory_path() / "restart_test.XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string operator/(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  std::string path_;
};

}  // namespace cucache

#endif  // CUCACHE_T_UNIT_RESTART_FIXTURE_H_
