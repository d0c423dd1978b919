// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The names behind -e, and the order of what happens to them: which file is
// there at which moment decides what a crash at that moment leaves.

#include "cache/memory_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "cache/restart.h"
#include "restart_fixture.h"

namespace cucache {
namespace {

bool Never() { return false; }
bool Always() { return true; }

void Write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string Read(const std::string& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

bool Exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

class MemoryFileTest : public ::testing::Test {
 protected:
  // An owner, or nullptr.
  std::unique_ptr<MemoryFile> Claim(bool (*stop)() = Never) {
    auto file = std::make_unique<MemoryFile>(path_);
    file->set_patience_ms(50);
    return file->Claim(stop, &error_) ? std::move(file) : nullptr;
  }
  // Dies as the owner, after `act`.
  void CrashAfter(const std::function<void(MemoryFile&)>& act) {
    const pid_t child = fork();
    if (child == 0) {
      MemoryFile file(path_);
      const bool claimed = file.Claim(Never, &error_);
      act(file);
      _exit(claimed ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    EXPECT_EQ(0, status);
  }

  ScratchDirectory directory_;
  const std::string path_ = directory_ / "file";
  const std::string new_path_ = path_ + ".new";
  std::string error_, why_;
};

TEST_F(MemoryFileTest, FromClaimToPublish) {
  auto file = Claim();
  ASSERT_NE(nullptr, file) << error_;
  EXPECT_FALSE(file->crashed());
  struct stat info;
  ASSERT_EQ(0, stat(new_path_.c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777);
  EXPECT_EQ(0, info.st_size);
  EXPECT_EQ(-1, file->OpenSaved(&why_, &error_));
  EXPECT_EQ("", error_);
  EXPECT_TRUE(file->Discard(true, &error_)) << error_;

  const int fd = file->OpenNew(&error_);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(5, write(fd, "saved", 5));
  EXPECT_FALSE(Exists(path_));
  ASSERT_TRUE(file->Publish(&error_)) << error_;
  EXPECT_EQ("saved", Read(path_));
  EXPECT_FALSE(Exists(new_path_));
  file.reset();
  EXPECT_TRUE(Exists(path_));

  file = Claim();
  ASSERT_NE(nullptr, file);
  EXPECT_FALSE(file->crashed());
  const int saved = file->OpenSaved(&why_, &error_);
  EXPECT_GE(saved, 0);
  EXPECT_EQ("", why_ + error_);
  close(saved);
  EXPECT_TRUE(file->Discard(true, &error_));
  EXPECT_FALSE(Exists(path_));
}

TEST_F(MemoryFileTest, WhoGivesUpLeavesNothing) {
  auto file = Claim();
  EXPECT_EQ(4, write(file->OpenNew(&error_), "half", 4));
  file.reset();
  EXPECT_FALSE(Exists(new_path_));
  EXPECT_FALSE(Exists(path_));
  EXPECT_FALSE(Claim()->crashed());
}

TEST_F(MemoryFileTest, ACrashIsNoticed) {
  CrashAfter([](MemoryFile&) {});
  EXPECT_TRUE(Exists(new_path_));
  EXPECT_TRUE(Claim()->crashed());
  CrashAfter(
      [this](MemoryFile& f) { (void)!write(f.OpenNew(&error_), "half", 4); });
  EXPECT_EQ("half", Read(new_path_));
  auto file = Claim();
  ASSERT_NE(nullptr, file) << error_;
  EXPECT_TRUE(file->crashed());
  EXPECT_EQ("", Read(new_path_));
  EXPECT_FALSE(Exists(path_));
}

TEST_F(MemoryFileTest, OneServerAtATime) {
  auto file = Claim();
  EXPECT_EQ(nullptr, Claim());
  EXPECT_NE(error_.npos, error_.find("in use")) << error_;
  // It saves now: that is worth waiting for, but not for somebody who is asked
  // to stop.
  const int fd = file->OpenNew(&error_);
  EXPECT_EQ(1, write(fd, "x", 1));
  EXPECT_EQ(nullptr, Claim(Always));
  EXPECT_NE(error_.npos, error_.find("stopped")) << error_;
  std::unique_ptr<MemoryFile> next;
  std::thread waits([this, &next] { next = Claim(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_FALSE(Exists(path_));
  EXPECT_TRUE(file->Publish(&error_)) << error_;
  waits.join();
  ASSERT_NE(nullptr, next) << error_;
  EXPECT_FALSE(next->crashed());
  EXPECT_EQ("x", Read(path_));
}

TEST_F(MemoryFileTest, SomebodyCleansUp) {
  auto file = Claim();
  std::filesystem::remove(new_path_);
  const int fd = file->OpenNew(&error_);
  ASSERT_GE(fd, 0) << error_;
  EXPECT_EQ(1, write(fd, "x", 1));
  EXPECT_TRUE(file->Publish(&error_)) << error_;
  EXPECT_EQ("x", Read(path_));

  // And somebody else begins meanwhile: then it is theirs.
  std::filesystem::remove(path_);
  file = Claim();
  std::filesystem::remove(new_path_);
  auto other = Claim();
  ASSERT_NE(nullptr, other) << error_;
  EXPECT_EQ(-1, file->OpenNew(&error_));
  EXPECT_NE("", error_);
  file.reset();
  EXPECT_TRUE(Exists(new_path_));
  file = std::move(other);
  (void)file->OpenNew(&error_);
  std::filesystem::remove(new_path_);
  EXPECT_FALSE(file->Publish(&error_));
  EXPECT_FALSE(Exists(path_));
}

TEST_F(MemoryFileTest, WhatCannotBe) {
  EXPECT_FALSE(MemoryFile(directory_ / "no/file").Claim(Never, &error_));
  EXPECT_NE(error_.npos, error_.find("No such file")) << error_;
  std::filesystem::create_directory(path_);
  auto file = Claim();
  EXPECT_EQ(-1, file->OpenSaved(&why_, &error_));
  EXPECT_NE("", error_);
  file.reset();
  std::filesystem::remove(path_);
  // Links are not followed.
  Write(directory_ / "target", "precious");
  std::filesystem::create_symlink(directory_ / "target", path_);
  file = Claim();
  EXPECT_EQ(-1, file->OpenSaved(&why_, &error_));
  EXPECT_NE("", error_);
  file.reset();
  std::filesystem::create_symlink(directory_ / "target", new_path_);
  EXPECT_EQ(nullptr, Claim());
  EXPECT_EQ("precious", Read(directory_ / "target"));
  std::filesystem::remove(new_path_);
  // What stands at FILE.new is never written to.
  std::filesystem::create_hard_link(directory_ / "target", new_path_);
  file = Claim();
  ASSERT_NE(nullptr, file) << error_;
  EXPECT_EQ(1, write(file->OpenNew(&error_), "x", 1));
  EXPECT_EQ("precious", Read(directory_ / "target"));
}

TEST_F(MemoryFileTest, WhomNotToTrust) {
  Write(path_, "x");
  auto file = Claim();
  std::filesystem::permissions(path_, std::filesystem::perms(0666));
  close(file->OpenSaved(&why_, &error_));
  EXPECT_NE("", why_);
  std::filesystem::permissions(path_, std::filesystem::perms(0660));
  close(file->OpenSaved(&why_, &error_));
  EXPECT_EQ("", why_);
  if (geteuid() != 0) return;
  ASSERT_EQ(0, chown(path_.c_str(), 65534, 65534));
  close(file->OpenSaved(&why_, &error_));
  EXPECT_NE("", why_);
  EXPECT_EQ("", error_);
}

TEST_F(MemoryFileTest, WhatMemcachedLeft) {
  auto file = Claim();
  Write(path_, "memory of slabs");
  Write(path_ + ".meta", "Tslabs\nKsomething 1\n");
  EXPECT_TRUE(file->Discard(false, &error_));
  EXPECT_FALSE(Exists(path_ + ".meta"));
  EXPECT_TRUE(Exists(path_));
  Write(path_ + ".meta", "notes of somebody");
  EXPECT_TRUE(file->Discard(false, &error_));
  EXPECT_TRUE(Exists(path_ + ".meta"));
}

TEST_F(MemoryFileTest, WhatMemcachedCouldNotWrite) {
  Write(path_ + ".meta", "");
  MemoryFile file(path_);
  EXPECT_FALSE(file.Claim([] { return false; }, &error_));
  EXPECT_NE(error_.find(".meta is empty"), std::string::npos) << error_;
  EXPECT_FALSE(Exists(path_ + ".new"));
  EXPECT_TRUE(Exists(path_ + ".meta"));
  unlink((path_ + ".meta").c_str());
  MemoryFile again(path_);
  EXPECT_TRUE(again.Claim([] { return false; }, &error_)) << error_;
}

// --- The whole of it, without a server. ---

class WarmRestartTest : public MemoryFileTest {
 protected:
  struct Run {
    Settings settings = SmallSettings();
    Clock clock;
    std::unique_ptr<WarmRestart> restart;
    std::unique_ptr<Cache> cache;
    ThreadStats stats;
    std::unique_ptr<CacheThread> thread;

    ~Run() { Leave(); }
    void Leave() {
      if (thread != nullptr) thread->Offline();
      thread.reset();
    }
    std::string Get(std::string_view key) {
      const Item* item = cache->Find(*thread, cache->Hash(key), key);
      return item == nullptr ? "<miss>" : ReadValue(*item);
    }
    void Set(std::string_view key, std::string_view value) {
      ItemShape shape;
      shape.key = key;
      shape.hash = cache->Hash(key);
      shape.value_length = static_cast<uint32_t>(value.size());
      Item* item;
      ASSERT_EQ(AllocateStatus::kOk, cache->Allocate(*thread, shape, &item));
      CopyValueIn(item, 0, value.data(), value.size());
      ASSERT_TRUE(cache->Update(*thread, shape.hash, key, [&](Item*) {
        return Cache::Decision{Cache::Action::kReplace, item};
      }));
    }
    bool Save() {
      Leave();
      cache->StopMaintenance();
      return restart->Save(*cache);
    }
  };

  std::unique_ptr<Run> Begin(bool (*stop)() = Never) {
    auto run = std::make_unique<Run>();
    run->restart = std::make_unique<WarmRestart>(path_, stop);
    if (!run->restart->Claim(&error_)) return run;
    run->cache = run->restart->Load(run->settings, run->clock, &error_);
    if (run->cache == nullptr) return run;
    run->thread = std::make_unique<CacheThread>(*run->cache, run->stats);
    run->thread->Online();
    return run;
  }
};

TEST_F(WarmRestartTest, FromRunToRun) {
  auto run = Begin();
  EXPECT_TRUE(run->restart->Consume(&error_));
  run->Set("k", "1");
  EXPECT_TRUE(run->Save());
  run.reset();

  run = Begin();
  EXPECT_EQ("1", run->Get("k"));
  EXPECT_EQ(1u, run->cache->figures().restart.items);
  // Nothing was served yet, so a crash here may have the same items again.
  EXPECT_TRUE(Exists(path_));
  EXPECT_TRUE(run->restart->Consume(&error_));
  EXPECT_FALSE(Exists(path_));
  run->Set("k", "2");
  EXPECT_TRUE(run->Save());
  run.reset();
  EXPECT_EQ("2", Begin()->Get("k"));
}

TEST_F(WarmRestartTest, WhatIsRefusedIsGone) {
  auto run = Begin();
  run->Set("k", "1");
  EXPECT_TRUE(run->Save());
  run.reset();
  std::string bytes = Read(path_);
  bytes.resize(bytes.size() - 1);
  Write(path_, bytes);
  run = Begin();
  EXPECT_EQ("<miss>", run->Get("k"));
  EXPECT_EQ(0u, run->cache->figures().curr_items);
  EXPECT_TRUE(run->restart->Consume(&error_));
  EXPECT_FALSE(Exists(path_));
}

TEST_F(WarmRestartTest, AStrangersFileStaysUntilTheSave) {
  Write(path_, "something else");
  auto run = Begin();
  EXPECT_EQ("<miss>", run->Get("k"));
  EXPECT_TRUE(run->restart->Consume(&error_));
  EXPECT_EQ("something else", Read(path_));
  run->Set("k", "1");
  EXPECT_TRUE(run->Save());
  run.reset();
  EXPECT_EQ("1", Begin()->Get("k"));
}

TEST_F(WarmRestartTest, AFileThatAnybodyMayWriteIsRefused) {
  auto run = Begin();
  run->Set("k", "1");
  EXPECT_TRUE(run->Save());
  run.reset();
  std::filesystem::permissions(path_, std::filesystem::perms(0606));
  run = Begin();
  EXPECT_EQ("<miss>", run->Get("k"));
  EXPECT_TRUE(run->restart->Consume(&error_));
  EXPECT_FALSE(Exists(path_));
}

TEST_F(WarmRestartTest, StoppedWhileItLoads) {
  auto run = Begin();
  run->Set("k", "1");
  EXPECT_TRUE(run->Save());
  run.reset();
  run = Begin(Always);
  EXPECT_TRUE(run->restart->stopped());
  run.reset();
  run = Begin();
  EXPECT_FALSE(run->restart->stopped());
  EXPECT_EQ("1", run->Get("k"));
}

TEST_F(WarmRestartTest, ASaveThatFailsLeavesNothing) {
  auto run = Begin();
  run->Set("k", "1");
  // The name of the file is taken by what a rename cannot replace.
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(run->Save());
  run.reset();
  EXPECT_FALSE(Exists(new_path_));
}

}  // namespace
}  // namespace cucache
