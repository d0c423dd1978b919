// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The loader and the dumper's reading, against a server that says what it is
// told to.

#include "tools/load.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace cucache::tools {
namespace {

using Result = Loader::Result;

// A pipe that gives `text`, then its end.
class Input {
 public:
  explicit Input(const std::string& text) {
    EXPECT_EQ(pipe(fds_), 0);
    writer_ = std::thread([this, text] {
      EXPECT_EQ(write(fds_[1], text.data(), text.size()),
                static_cast<ssize_t>(text.size()));
      close(fds_[1]);
    });
  }
  ~Input() {
    // What was not read, or the writer would wait.
    char rest[4096];
    while (read(fds_[0], rest, sizeof(rest)) > 0) {
    }
    writer_.join();
    close(fds_[0]);
  }
  int fd() const { return fds_[0]; }

 private:
  int fds_[2];
  std::thread writer_;
};

class LoadTest : public testing::Test {
 protected:
  // Loads `dump` into a server that answers `answers`; received_ is what it
  // got.
  Result Load(const std::string& dump, const std::string& answers,
              const StoreOptions& options = {}) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    EXPECT_EQ(write(fds[1], answers.data(), answers.size()),
              static_cast<ssize_t>(answers.size()));
    received_.clear();
    std::thread server([this, fd = fds[1]] {
      char bytes[4096];
      for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) > 0;) {
        received_.append(bytes, static_cast<size_t>(n));
      }
      close(fd);
    });
    Result result;
    {
      Input input(dump);
      FdStream file(input.fd()), stream(fds[0]);
      Reader reader(file);
      Loader loader(stream, options, 0);
      result = loader.Run(reader);
      counts_ = loader.counts();
      error_ = loader.error();
    }
    shutdown(fds[0], SHUT_WR);
    server.join();
    close(fds[0]);
    const std::string probe = "ms cucached-load-probe 2 ME T-1\r\nmn\r\nmn\r\n";
    EXPECT_EQ(received_.substr(0, probe.size()), probe);
    received_.erase(0, probe.size());
    return result;
  }

  static constexpr char kKnows[] = "HD\r\nMN\r\n";
  std::string received_;
  LoadCounts counts_;
  std::string error_;
};

TEST_F(LoadTest, CommandsAndCounts) {
  EXPECT_EQ(
      Load("OK\r\nms a 3 F1 E5\r\nx\r\n\r\nms b 0 E6\r\n\r\nms c 1 T1 E7\r\n"
           "x\r\nEN\r\n",
           "NS\r\nMN\r\nHD\r\nHD\r\n"),
      Result::kDone)
      << error_;
  EXPECT_EQ(received_, "ms a 3 F1\r\nx\r\n\r\nms b 0\r\n\r\n");
  EXPECT_EQ(counts_.items, 3u);
  EXPECT_EQ(counts_.stored, 2u);
  EXPECT_EQ(counts_.expired, 1u);
  EXPECT_EQ(counts_.refused, 0u);
}

TEST_F(LoadTest, AnswersAreCounted) {
  const std::string dump = "ms a 1 E5\r\nx\r\nms b 1 E6\r\nx\r\nEN\r\n";
  EXPECT_EQ(Load(dump, "HD\r\nMN\r\nNS\r\nHD\r\n", {true, true}),
            Result::kDone);
  EXPECT_EQ(received_, "ms a 1 E5 ME\r\nx\r\nms b 1 E6 ME\r\nx\r\n");
  EXPECT_EQ(counts_.kept, 1u);
  EXPECT_EQ(counts_.stored, 1u);
  EXPECT_EQ(
      Load(dump, std::string(kKnows) + "SERVER_ERROR out of memory\r\nHD\r\n"),
      Result::kDone);
  EXPECT_EQ(counts_.refused, 1u);
  EXPECT_NE(error_.find("out of memory"), std::string::npos);
}

TEST_F(LoadTest, StaleItems) {
  const std::string dump = "ms a 1 E5\r\nx\r\nmd a q I C5\r\nEN\r\n";
  EXPECT_EQ(Load(dump, std::string(kKnows) + "HD\r\nHD\r\n"), Result::kDone);
  EXPECT_EQ(received_, "ms a 1\r\nx\r\nmd a I\r\n");
  // Not somebody else's item.
  EXPECT_EQ(Load(dump, std::string(kKnows) + "NS\r\n", {false, true}),
            Result::kDone);
  EXPECT_EQ(received_, "ms a 1 ME\r\nx\r\n");
  EXPECT_EQ(Load("md a q I C5\r\nEN\r\n", kKnows), Result::kDone);
  EXPECT_EQ(received_, "");
}

TEST_F(LoadTest, BadDumps) {
  const std::string good = "ms a 1\r\nx\r\n";
  const std::string bad[] = {
      "",                                     // no end
      "flush_all\r\n",                        // no line of a dump
      "ms b 5\r\nxx\r\nEN\r\n",               // longer than the dump
      "ms b 1\r\nxx\r\nEN\r\n",               // shorter than the value
      "ms b 3\r\nx",                          // cut off
      "ms b 1 ME\r\nx\r\nEN\r\n",             // another flag
      "OK\r\nEN\r\n",                         // not at the front
      std::string(5000, 'x') + "\r\nEN\r\n",  // a long line
      std::string(300000, 'x'),
  };
  for (const std::string& rest : bad) {
    EXPECT_EQ(Load(good + rest, std::string(kKnows) + "HD\r\n"),
              Result::kBadInput)
        << rest.substr(0, 50);
    EXPECT_EQ(counts_.stored, 1u);
    EXPECT_EQ(error_.rfind("the dump, at byte ", 0), 0u) << error_;
    // Nothing that the server could take for an item or a command.
    const bool begun = received_.size() > good.size();
    EXPECT_EQ(received_.substr(0, good.size()), good);
    if (begun) {
      EXPECT_FALSE(received_.ends_with("\r\n")) << received_;
    }
  }
}

TEST_F(LoadTest, BadServers) {
  const std::string dump = "ms a 1\r\nx\r\nEN\r\n";
  EXPECT_EQ(Load(dump, "ERROR\r\nERROR\r\nERROR\r\n"), Result::kBadServer);
  EXPECT_EQ(received_, "");
  EXPECT_EQ(Load(dump, "CLIENT_ERROR unauthenticated\r\n"), Result::kBadServer);
  EXPECT_EQ(Load(dump, "HD\r\nERROR\r\n"), Result::kBadServer);
  EXPECT_EQ(Load(dump, std::string(10000, 'x')), Result::kBadServer);
}

TEST_F(LoadTest, LongKeysAreRefusedAndDoNotStopIt) {
  EXPECT_EQ(Load("ms " + std::string(336, 'A') +
                     " 1 b\r\nx\r\nms a 1\r\nx\r\nEN\r\nms c 1\r\nx\r\nEN\r\n",
                 std::string(kKnows) + "HD\r\nHD\r\n"),
            Result::kDone);
  EXPECT_EQ(counts_.refused, 1u);
  EXPECT_EQ(counts_.stored, 2u);
}

}  // namespace
}  // namespace cucache::tools
