// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Memory of connections when there is no more.

#include "net/conn_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <vector>

#include "net/buffers.h"

namespace cucache {
namespace {

// Lets the process have no more address space than it has, and little more.
class ShortOfMemory {
 public:
  ShortOfMemory() {
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    EXPECT_EQ(getrlimit(RLIMIT_AS, &before_), 0);
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const rlimit now = {pages * page + (4 << 20), before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_AS, &now), 0);
  }
  ~ShortOfMemory() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_;
};

constexpr size_t kMany = 100000;

// What can be taken before there is no more memory.
template <class Take>
auto TakeAll(Take&& take) {
  std::vector<decltype(take())> taken;
  taken.reserve(kMany);
  const ShortOfMemory limit;
  while (taken.size() < kMany) {
    auto* const object = take();
    if (object == nullptr) break;
    taken.push_back(object);
  }
  EXPECT_EQ(take(), nullptr);
  return taken;
}

TEST(ConnPoolTest, SaysThatThereIsNoMemory) {
  ConnPool pool(200);
  std::vector<void*> taken = TakeAll([&] { return pool.Take(); });
  EXPECT_GT(taken.size(), 0u);
  EXPECT_LT(taken.size(), kMany);
  EXPECT_EQ(std::set<void*>(taken.begin(), taken.end()).size(), taken.size());
  taken.push_back(pool.Take());  // it goes on when there is some again
  EXPECT_NE(taken.back(), nullptr);
  for (void* object : taken) pool.Give(object);
}

// Under the sanitizers an allocation does not fail, it ends the process.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CUCACHE_SANITIZED
#endif
#endif
#if !defined(CUCACHE_SANITIZED) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
TEST(BufferPoolTest, SaysThatThereIsNoMemory) {
  BufferPool pool(0);
  const std::vector<Buffer*> taken = TakeAll([&] { return pool.TakeFull(); });
  EXPECT_LT(taken.size(), kMany);
  for (Buffer* buffer : taken) pool.GiveFull(buffer);
}
#endif

}  // namespace
}  // namespace cucache
