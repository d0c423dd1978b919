// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/password_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace cucache {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class PasswordFileTest : public testing::Test {
 protected:
  PasswordFileTest() {
    char name[] = "/tmp/password_file_test.XXXXXX";
    const int fd = mkstemp(name);
    EXPECT_GE(fd, 0);
    close(fd);
    path_ = name;
  }
  ~PasswordFileTest() override { unlink(path_.c_str()); }

  void Write(std::string_view text) {
    std::ofstream(path_, std::ios::trunc) << text;
  }
  static bool Right(PasswordFile& file, std::string_view user,
                    std::string_view password) {
    std::string error;
    const bool right = file.Check(user, user, password, &error);
    EXPECT_EQ("", error);
    return right;
  }

  std::string path_;
};

TEST_F(PasswordFileTest, Lines) {
  PasswordFile file(path_);
  Write("foo:bar:\nbaz@host:quux\r\nno colon\n\n:empty\nfoo:other\na:b:c\n" +
        std::string(254, 'l') + ":p\nlast:x");
  EXPECT_TRUE(Right(file, "foo", "bar"));
  EXPECT_TRUE(Right(file, "foo", "other"));
  EXPECT_TRUE(Right(file, "baz@host", "quux"));
  EXPECT_TRUE(Right(file, "", "empty"));
  EXPECT_TRUE(Right(file, "last", "x"));
  // A colon may end the password, or be a part of it or of the user.
  EXPECT_TRUE(Right(file, "a", "b"));
  EXPECT_TRUE(Right(file, "a", "b:c"));
  EXPECT_TRUE(Right(file, "a:b", "c"));
  EXPECT_FALSE(Right(file, "foo", "ba"));
  EXPECT_FALSE(Right(file, "foo", "barr"));
  EXPECT_FALSE(Right(file, "fo", "bar"));
  EXPECT_FALSE(Right(file, "fo", "o:bar"));
  EXPECT_FALSE(Right(file, "baz", "quux"));
  EXPECT_FALSE(Right(file, "no colon", ""));
  EXPECT_FALSE(Right(file, std::string(254, 'l'), "p")) << "too long a line";
}

TEST_F(PasswordFileTest, EitherName) {
  PasswordFile file(path_);
  Write("foo:bar\nbaz@host:quux\n");
  std::string error;
  EXPECT_TRUE(file.Check("foo@host", "foo", "bar", &error));
  EXPECT_TRUE(file.Check("baz@host", "baz", "quux", &error));
  EXPECT_FALSE(file.Check("foo@host", "foo", "quux", &error));
}

TEST_F(PasswordFileTest, ItIsReadAgainOnlyWhenItChanged) {
  Write("foo:bar\n");
  PasswordFile file(path_, milliseconds(20));
  std::this_thread::sleep_for(milliseconds(100));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Right(file, "foo", "bar"));
  EXPECT_EQ(1u, file.reads());
  Write("foo:new\n");
  EXPECT_FALSE(Right(file, "foo", "bar"));
  EXPECT_TRUE(Right(file, "foo", "new"));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_TRUE(Right(file, "foo", "new"));
  const uint64_t reads = file.reads();
  EXPECT_FALSE(Right(file, "foo", "bar"));
  EXPECT_EQ(reads, file.reads());
  // Another file in its place, of the same size.
  std::ofstream(path_ + ".new") << "foo:two\n";
  ASSERT_EQ(0, std::rename((path_ + ".new").c_str(), path_.c_str()));
  EXPECT_TRUE(Right(file, "foo", "two"));
}

// Faster than the clock that stamps files.
TEST_F(PasswordFileTest, EachOfManyEditsCounts) {
  PasswordFile file(path_);
  for (int i = 100; i < 400; ++i) {
    Write("foo:" + std::to_string(i) + "\n");
    ASSERT_TRUE(Right(file, "foo", std::to_string(i)));
    ASSERT_FALSE(Right(file, "foo", std::to_string(i - 1)));
  }
}

TEST_F(PasswordFileTest, OneThatCannotBeReadLetsNobodyIn) {
  Write("foo:bar\n");
  PasswordFile file(path_, milliseconds(0));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_TRUE(Right(file, "foo", "bar"));
  unlink(path_.c_str());
  std::string error;
  EXPECT_FALSE(file.Check("foo", "foo", "bar", &error));
  EXPECT_THAT(error, HasSubstr(path_ + ": No such file"));
  Write(std::string(PasswordFile::kMaxFile, 'x') + "\nfoo:bar\n");
  EXPECT_FALSE(file.Check("foo", "foo", "bar", &error));
  EXPECT_THAT(error, HasSubstr("too large"));
  Write("foo:bar\n");
  EXPECT_TRUE(Right(file, "foo", "bar"));
}

TEST_F(PasswordFileTest, ManyUsersAndManyThreads) {
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    text += "user" + std::to_string(i) + ":pass" + std::to_string(i) + "\n";
  }
  Write(text);
  PasswordFile file(path_, milliseconds(20));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&file, &wrong] {
      for (int i = 0; i < 200; ++i) {
        const std::string n = std::to_string(i * 99);
        wrong += !Right(file, "user" + n, "pass" + n);
        wrong += Right(file, "user" + n, "pass" + n + "0");
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    std::ofstream(path_ + ".new") << text;
    EXPECT_EQ(0, std::rename((path_ + ".new").c_str(), path_.c_str()));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(0, wrong);
}

}  // namespace
}  // namespace cucache
