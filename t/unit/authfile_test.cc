// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.

#include "net/authfile.h"

#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace cucache {
namespace {

using ::testing::HasSubstr;

class AuthFileTest : public testing::Test {
 protected:
  AuthFileTest() {
    char name[] = "/tmp/authfile_test.XXXXXX";
    const int fd = mkstemp(name);
    EXPECT_GE(fd, 0);
    close(fd);
    path_ = name;
  }
  ~AuthFileTest() override { unlink(path_.c_str()); }

  void Write(std::string_view text) {
    std::ofstream(path_, std::ios::trunc) << text;
  }
  // "" when it loads.
  std::string Load(AuthFile& file, std::string_view text) {
    Write(text);
    std::string error;
    if (file.Load(&error)) return "";
    EXPECT_FALSE(error.empty());
    return error;
  }
  static bool Right(AuthFile& file, std::string_view user,
                    std::string_view password) {
    return file.Check(user, password, true).right;
  }
  static std::string Crypt(const char* password, const char* setting) {
    crypt_data work{};
    return crypt_r(password, setting, &work);
  }

  std::string path_;
};

TEST_F(AuthFileTest, PlainPasswords) {
  AuthFile file(path_);
  ASSERT_EQ("", Load(file, "foo:bar\nbaaaz:quux\r\nlast:a b:c$"));
  EXPECT_EQ(3u, file.size());
  EXPECT_TRUE(Right(file, "foo", "bar"));
  EXPECT_TRUE(Right(file, "baaaz", "quux"));
  EXPECT_TRUE(Right(file, "last", "a b:c$"));
  EXPECT_FALSE(Right(file, "foo", "quux"));
  EXPECT_FALSE(Right(file, "foo", "ba"));
  EXPECT_FALSE(Right(file, "foo", "barr"));
  EXPECT_FALSE(Right(file, "foo", ""));
  EXPECT_FALSE(Right(file, "fo", "bar"));
  EXPECT_FALSE(Right(file, "", ""));
  EXPECT_FALSE(Right(file, "baaaz", "quux\r"));
}

TEST_F(AuthFileTest, MoreThanEightUsersAndSeveralPasswords) {
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    text += "user" + std::to_string(i) + ":pass" + std::to_string(i) + "\n";
  }
  AuthFile file(path_);
  ASSERT_EQ("", Load(file, text + "user7:other\n"));
  EXPECT_EQ(5001u, file.size());
  EXPECT_TRUE(Right(file, "user4999", "pass4999"));
  EXPECT_FALSE(Right(file, "user4999", "pass4998"));
  EXPECT_TRUE(Right(file, "user7", "pass7"));
  EXPECT_TRUE(Right(file, "user7", "other"));
}

TEST_F(AuthFileTest, HashedPasswords) {
  const std::string sha512 = Crypt("geheim", "$6$rounds=1000$salz$");
  const std::string sha256 = Crypt("streng", "$5$rounds=1000$salz$");
  const std::string yescrypt =
      Crypt("yes", crypt_gensalt("$y$", 1, "0123456789abcdef", 16));
  AuthFile file(path_);
  ASSERT_EQ("", Load(file, "a:" + sha512 + "\nb:" + sha256 + "\nc:" + yescrypt +
                               "\nplain:$money\n"));
  EXPECT_FALSE(Right(file, "a", sha512)) << "the hash is not the password";
  EXPECT_FALSE(Right(file, "a", "geheim2"));
  EXPECT_FALSE(Right(file, "a", std::string_view("geheim\0x", 8)));
  EXPECT_TRUE(Right(file, "a", "geheim"));
  EXPECT_TRUE(Right(file, "b", "streng"));
  EXPECT_TRUE(Right(file, "c", "yes"));
  EXPECT_FALSE(Right(file, "c", "no"));
  EXPECT_TRUE(Right(file, "plain", "$money"));
}

// Once it was right, nobody waits for this hash again.
TEST_F(AuthFileTest, AHashIsComputedUntilItWasRight) {
  const std::string line = "a:" + Crypt("x", "$5$rounds=1000$s$") + "\n";
  AuthFile file(path_);
  ASSERT_EQ("", Load(file, line));
  EXPECT_TRUE(file.Check("a", "wrong", true).slow);
  EXPECT_TRUE(file.Check("a", "wrong", true).slow);
  EXPECT_FALSE(file.Check("nobody", "x", true).slow);
  // If it may not be computed now, nothing is said.
  const Authenticator::Answer later = file.Check("a", "x", false);
  EXPECT_TRUE(later.later && later.slow && !later.right);
  const Authenticator::Answer first = file.Check("a", "x", true);
  EXPECT_TRUE(first.right && first.slow);
  const Authenticator::Answer second = file.Check("a", "x", true);
  EXPECT_TRUE(second.right && !second.slow);
  EXPECT_TRUE(file.Check("a", "x", false).right);
  const Authenticator::Answer wrong = file.Check("a", "wrong", true);
  EXPECT_TRUE(!wrong.right && !wrong.slow);
  // A reload keeps what it knows of a line that is still there ...
  ASSERT_EQ("", Load(file, "b:new\n" + line));
  EXPECT_FALSE(file.Check("a", "x", true).slow);
  // ... and of no other.
  ASSERT_EQ("", Load(file, "a:" + Crypt("z", "$5$rounds=1000$s$") + "\n"));
  EXPECT_FALSE(Right(file, "a", "x"));
  EXPECT_TRUE(Right(file, "a", "z"));
}

TEST_F(AuthFileTest, BadLinesAreNamed) {
  AuthFile file(path_);
  const std::string good = "foo:bar\n";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"nocolon\n", "user:password"},
      {"\n", "user:password"},
      {std::string("a:b\0c\n", 6), "zero byte"},
      {"a b:c\n", "space"},
      {"a:" + std::string(2000, 'x') + "\n", "too long"},
      {"a:$6$salt$\n", "does not know"},
      {"a:$6$onlysalt\n", "does not know"},
      {"a:$q$salt$hash\n", "does not know"},
  };
  ASSERT_EQ("", Load(file, good));
  for (const auto& [line, why] : bad) {
    const std::string error = Load(file, good + line);
    EXPECT_THAT(error, HasSubstr("line 2: ")) << line;
    EXPECT_THAT(error, HasSubstr(why)) << line;
    EXPECT_THAT(error, HasSubstr(path_));
    EXPECT_TRUE(Right(file, "foo", "bar")) << "A1";
  }
}

TEST_F(AuthFileTest, FilesThatCannotBeRead) {
  AuthFile file(path_);
  ASSERT_EQ("", Load(file, "foo:bar\n"));
  unlink(path_.c_str());
  std::string error;
  EXPECT_FALSE(file.Load(&error));
  EXPECT_THAT(error, HasSubstr("No such file"));
  EXPECT_TRUE(Right(file, "foo", "bar"));
  AuthFile directory("/tmp");
  EXPECT_FALSE(directory.Load(&error));
  EXPECT_THAT(error, HasSubstr("directory"));
}

TEST_F(AuthFileTest, AnEmptyFileLetsNobodyIn) {
  AuthFile file(path_);
  EXPECT_FALSE(Right(file, "", "")) << "before it was read";
  ASSERT_EQ("", Load(file, "foo:bar\n"));
  ASSERT_EQ("", Load(file, ""));
  EXPECT_EQ(0u, file.size());
  EXPECT_FALSE(Right(file, "foo", "bar"));
}

TEST_F(AuthFileTest, ChecksGoOnDuringReloads) {
  const std::string line = "a:" + Crypt("x", "$5$rounds=1000$s$") + "\n";
  AuthFile file(path_);
  ASSERT_EQ("", Load(file, line + "b:c\n"));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        wrong += !file.Check("a", "x", true).right;
        wrong += !file.Check("b", "c", true).right;
        wrong += file.Check("b", "x", true).right;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    // Known passwords of a are forgotten every other time.
    ASSERT_EQ("", Load(file, i % 2 == 0 ? "a:x\nb:c\n" : line + "b:c\n"));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(0, wrong);
}

}  // namespace
}  // namespace cucache
