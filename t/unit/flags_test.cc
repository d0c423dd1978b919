// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// From argv to Settings: what is stored, what is refused, and how it ends.

#include "base/flags.h"

#include <gflags/gflags.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/usage.h"

namespace cucache {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

struct Outcome {
  std::optional<Settings> settings;
  int exit_code = -1;
  std::string out;
  std::string err;
};

Outcome Parse(const std::string& line,
              const std::string& program = "cucached") {
  gflags::FlagSaver restore;
  std::istringstream in(line);
  std::vector<std::string> words = {program};
  for (std::string word; in >> word;) words.push_back(word);
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  Outcome outcome;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  outcome.settings = ParseCommandLine(static_cast<int>(argv.size()),
                                      argv.data(), &outcome.exit_code);
  outcome.err = testing::internal::GetCapturedStderr();
  outcome.out = testing::internal::GetCapturedStdout();
  return outcome;
}

Settings Good(const std::string& line) {
  Outcome outcome = Parse(line);
  EXPECT_TRUE(outcome.settings.has_value()) << line << ": " << outcome.err;
  EXPECT_EQ(outcome.err, "") << line;
  return outcome.settings.value_or(Settings());
}

// Refused with that code and one line.
void ExpectRefused(const std::string& line, int exit_code,
                   const std::string& text) {
  Outcome outcome = Parse(line);
  EXPECT_FALSE(outcome.settings.has_value()) << line;
  EXPECT_EQ(outcome.exit_code, exit_code) << line;
  EXPECT_THAT(outcome.err, HasSubstr(text)) << line;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1)
      << line << ": " << outcome.err;
}

TEST(Flags, NothingGivenIsTheDefault) {
  Settings s = Good("");
  EXPECT_EQ(s.maxbytes, Settings().maxbytes);
  EXPECT_EQ(s.port, 11211);
}

TEST(Flags, NetworkOptions) {
  Settings s = Good("-p 11300 -c 200 -b 7 -R 3 -B ascii -U 0 -l a:1 -l b");
  EXPECT_EQ(s.port, 11300);
  EXPECT_EQ(s.maxconns, 200);
  EXPECT_EQ(s.backlog, 7);
  EXPECT_EQ(s.reqs_per_event, 3);
  EXPECT_EQ(s.binding_protocol, Protocol::kAscii);
  ASSERT_EQ(s.inter.size(), 2u);
  EXPECT_EQ(s.inter[0].port, 1);
  EXPECT_EQ(Good("-p -1").port, -1);
  s = Good("-s /tmp/x -a 777");
  EXPECT_EQ(s.socketpath, "/tmp/x");
  EXPECT_EQ(s.access, 0777);
}

TEST(Flags, CacheOptions) {
  Settings s = Good("-m 128 -M -I 2m -f 1.1 -n 64 -C -F -X -W -A -L -t 2");
  EXPECT_EQ(s.maxbytes, uint64_t{128} << 20);
  EXPECT_FALSE(s.evict_to_free || s.use_cas || s.flush_enabled);
  EXPECT_FALSE(s.dump_enabled || s.watch_enabled);
  EXPECT_TRUE(s.shutdown_command && s.large_pages);
  EXPECT_EQ(s.item_size_max, uint64_t{2} << 20);
  EXPECT_DOUBLE_EQ(s.factor, 1.1);
  EXPECT_EQ(s.chunk_size, 64);
  EXPECT_EQ(s.num_threads, 2);
}

TEST(Flags, ProcessOptions) {
  Settings s = Good("-dvvrk -u nobody -P /run/x.pid");
  EXPECT_TRUE(s.daemonize && s.maxcore && s.lock_memory);
  EXPECT_EQ(s.verbose, 2);
  EXPECT_EQ(s.username, "nobody");
  EXPECT_EQ(s.pid_file, "/run/x.pid");
}

TEST(Flags, ExtendedOptions) {
  Settings s = Good(
      "-o hashpower=20,no_hashexpand,no_maxconns_fast,idle_timeout=9 "
      "-o slab_chunk_max=256,read_buf_mem_limit=3,watcher_logbuf_size=8 "
      "-o no_lru_crawler,track_sizes,page_size=64,hash_algorithm=jenkins");
  EXPECT_EQ(s.hashpower_init, 20);
  EXPECT_FALSE(s.hash_expand || s.maxconns_fast || s.lru_crawler);
  EXPECT_EQ(s.idle_timeout, 9);
  EXPECT_EQ(s.slab_chunk_size_max, 256u << 10);
  EXPECT_EQ(s.read_buf_mem_limit, 3u << 20);
  EXPECT_EQ(s.watcher_logbuf_size, 8u << 10);
  EXPECT_TRUE(s.track_sizes);
  EXPECT_EQ(s.page_size, 64u << 10);
  EXPECT_EQ(s.hash_algorithm, "jenkins");
}

// A directory that looks like / in a control group of version 2.
class FakeRoot {
 public:
  explicit FakeRoot(int megabytes) {
    Put("proc/self/cgroup", "0::/a\n");
    Put("proc/self/mountinfo", "31 23 0:27 / /cg rw - cgroup2 cgroup2 rw\n");
    Put("proc/sys/net/ipv4/tcp_wmem", "4096 16384 4194304\n");
    Put("proc/sys/net/ipv4/tcp_rmem", "4096 131072 6291456\n");
    Put("cg/a/memory.max", std::to_string(megabytes) + "000000\n");
    setenv("CUCACHE_ROOT", root_.c_str(), 1);
  }
  ~FakeRoot() {
    unsetenv("CUCACHE_ROOT");
    std::filesystem::remove_all(root_);
  }

 private:
  void Put(const std::string& name, const std::string& text) {
    const std::filesystem::path path = root_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  const std::filesystem::path root_ =
      testing::TempDir() + "cucache_root." + std::to_string(getpid());
};

TEST(Flags, SocketsOfAControlGroup) {
  const FakeRoot root(500);
  const Outcome chosen = Parse("-v", "cucached-debug");
  ASSERT_TRUE(chosen.settings.has_value());
  EXPECT_EQ(chosen.settings->maxbytes, uint64_t{64} << 20);
  EXPECT_EQ(chosen.settings->socket_buffer, 64u << 10);
  EXPECT_THAT(chosen.err, HasSubstr("they are set to 65536 bytes"));
  EXPECT_EQ(Parse("", "cucached-debug").err, "");
  const Outcome given = Parse("-v -m 64", "cucached-debug");
  ASSERT_TRUE(given.settings.has_value());
  EXPECT_EQ(given.settings->socket_buffer, 0u);
  EXPECT_EQ(given.err, "");
  // It is not for others.
  EXPECT_EQ(Good("-m 64").socket_buffer, 0u);
}

TEST(Flags, OneOptionMeansAnother) {
  Settings s = Good("-D . -o temporary_ttl=30");
  EXPECT_EQ(s.prefix_delimiter, '.');
  EXPECT_TRUE(s.detail_enabled);
  EXPECT_TRUE(s.temp_lru);
  // Even with the value that is the default.
  EXPECT_TRUE(Good("-D :").detail_enabled);
  EXPECT_TRUE(Good("-o no_modern,lru_crawler").lru_crawler);
  EXPECT_FALSE(Good("-o no_modern").slab_reassign);
}

// What memcached's own tests and usual configurations start.
TEST(Flags, CommandLinesOfOthersAreTaken) {
  for (const char* line :
       {"-d -m 64 -p 11211 -u memcache -l 127.0.0.1 -P /run/m.pid",
        "-u root -o relaxed_privileges -s /tmp/s",
        "-m 3",
        "-m 4098 -M",
        "-o slab_reassign,no_slab_automove -m 8",
        "-m 60 -o slab_reassign,slab_automove,lru_crawler,lru_maintainer",
        "-o no_modern,slab_chunk_max=4",
        "-I 1024 -o slab_chunk_max=1",
        "-m 256 -I 32m",
        "-m 2 -o lru_maintainer,temporary_ttl=61",
        "-I 512k -o slab_chunk_max=16",
        "-I 600k",
        "-I 1k",
        "-I 256m -m 1024",
        "-o slab_sizes=100-200-300",
        "-o no_drop_privileges",
        "-o drop_privileges",
        "-o tail_repair_time=10,hot_lru_pct=40,warm_lru_pct=40",
        "-o read_buf_mem_limit=1 -t 32 -R 500",
        "-I 2097152"}) {
    Good(line);
  }
}

TEST(Flags, ValuesOutOfRange) {
  ExpectRefused("-c 0", 1, "-c");
  ExpectRefused("-c 100000000", 1, "from 1 to");
  ExpectRefused("-c -1", 1, "-c");
  ExpectRefused("-t 0", 1, "-t");
  ExpectRefused("-R 0", 1, "-R");
  ExpectRefused("-f 1", 1, "-f");
  ExpectRefused("-n 0", 1, "-n");
  ExpectRefused("-p 65536", 64, "-p");
  ExpectRefused("-m 0", 64, "-m");
  ExpectRefused("-m -5", 64, "-m");
  ExpectRefused("-B http", 64, "-B");
  ExpectRefused("-a 9", 64, "-a");
  ExpectRefused("-I 1000", 64, "-I");
  ExpectRefused("-I 33m", 64, "-I");
  ExpectRefused("-I 2048m -m 8192", 64, "-I");
  ExpectRefused("-I x", 64, "-I");
  ExpectRefused("-l a:x", 64, "-l");
  for (const char* line : {"-n 1048577", "-m 16777217", "-c 16777217"}) {
    ExpectRefused(line, line[1] == 'm' ? 64 : 1, "must be from 1 to 1");
  }
  ExpectRefused("--pidfile=", 1, "-P: its argument is empty");
  ExpectRefused("--listen=", 1, "-l: its argument is empty");
  ExpectRefused("-l ::1 --listen=", 1, "-l: its argument is empty");
  ExpectRefused("-l :11211", 64, "-l");
  ExpectRefused("-l *:11211,:11212", 64, "-l");
}

TEST(Flags, ExtendedValuesOutOfRange) {
  for (const char* word :
       {"hashpower=11", "hashpower=33", "slab_automove=3", "page_size=65",
        "slab_automove_ratio=0", "slab_automove_window=2", "hot_lru_pct=80",
        "lru_crawler_sleep=1000001", "tail_repair_time=9", "page_size=32",
        "slab_chunk_max=1025", "slab_chunk_max=0", "idle_timeout=-1"}) {
    std::string name = std::string(word, std::string(word).find('='));
    ExpectRefused(std::string("-o ") + word, 1, "-o " + name);
  }
  ExpectRefused("-o hash_algorithm=md5", 1, "hash_algorithm");
  for (const char* list : {",", ",modern", "modern,,track_sizes"}) {
    ExpectRefused(std::string("-o ") + list, 1, "an empty word in -o");
  }
  EXPECT_TRUE(Good("-o track_sizes,").track_sizes);
  for (const char* sizes :
       {"5-100", "100-90", "100-108", "100-x", "-100", "100-600000"}) {
    ExpectRefused(std::string("-o slab_sizes=") + sizes, 64, "slab_sizes");
  }
  ExpectRefused("-o slab_chunk_max=300 -I 600k", 64, "divide a megabyte");
  ExpectRefused("-o hot_lru_pct=41,warm_lru_pct=40", 64, "80");
}

TEST(Flags, WhatIsNotThereIsRefused) {
  ExpectRefused("-U 70000", 64, "no port number");
  ExpectRefused("-U 11211 -o udp_trust=10.0/8", 64, "is no network");
  ExpectRefused("-o ext_path=/x:1G", 1, "ext_path");
  ExpectRefused("-o ssl_kernel_tls", 1, "ssl_kernel_tls is not supported yet");
}

TEST(Flags, Tls) {
  if (!kTlsBuilt) {
    ExpectRefused("-Z", 64, "-Z needs TLS");
    ExpectRefused("-o ssl_key=/k", 1, "ssl_key needs TLS");
    return;
  }
  for (const char* word :
       {"ssl_verify_mode=-1", "ssl_verify_mode=4", "ssl_min_version=-1",
        "ssl_min_version=4", "ssl_wbuf_size=-1", "ssl_wbuf_size=0",
        "ssl_wbuf_size=1048577", "ssl_keyformat=x"}) {
    ExpectRefused(std::string("-o ") + word, 1,
                  "-o " + std::string(word, std::string(word).find('=')));
  }
  const Settings s = Good(
      "-Z -l notls:a:1,mtls:[::1]:2,btls:b,c -o ssl_chain_cert=/c,ssl_key=/k "
      "-o ssl_verify_mode=3,ssl_keyformat=DER,ssl_min_version=3,"
      "ssl_wbuf_size=8,ssl_ciphers=A:B,ssl_session_cache,ssl_ca_cert=/a");
  EXPECT_TRUE(s.ssl_enabled && s.ssl_session_cache);
  EXPECT_EQ(s.ssl_chain_cert + s.ssl_key + s.ssl_ca_cert, "/c/k/a");
  EXPECT_EQ(s.ssl_ciphers, "A:B");
  EXPECT_EQ(s.ssl_verify_mode, 7);
  EXPECT_EQ(s.ssl_keyformat, 2);
  EXPECT_EQ(codec::TlsVersion::Show(s.ssl_min_version), "tlsv1.3");
  EXPECT_EQ(s.ssl_wbuf_size, 8192u);
  ASSERT_EQ(s.inter.size(), 4u);
  EXPECT_EQ(s.inter[0].tls, TlsMode::kOff);
  EXPECT_EQ(s.inter[1].tls, TlsMode::kPeer);
  EXPECT_EQ(s.inter[1].host, "::1");
  EXPECT_EQ(s.inter[2].tls, TlsMode::kNoPeer);
  EXPECT_EQ(s.inter[3].tls, TlsMode::kDefault);
  // As in memcached's t/ssl_settings.t.
  const Settings d = Good("-Z -o ssl_chain_cert=/c");
  EXPECT_EQ(d.ssl_verify_mode, 0);
  EXPECT_EQ(codec::KeyFormat::Show(d.ssl_keyformat), "1");
  EXPECT_EQ(codec::TlsVersion::Show(d.ssl_min_version), "tlsv1.2");
  EXPECT_EQ(d.ssl_wbuf_size, 16384u);
  // A path holds wherever the daemon goes.
  EXPECT_EQ(Good("-Z -o ssl_chain_cert=c").ssl_chain_cert[0], '/');
  for (const char* word : {"ssl_chain_cert=c", "ssl_key=k", "ssl_verify_mode=2",
                           "ssl_session_cache"}) {
    const Outcome plain = Parse(std::string("-o ") + word);
    EXPECT_TRUE(plain.settings.has_value()) << word;
    EXPECT_THAT(plain.err, HasSubstr("do nothing without -Z")) << word;
  }
  ExpectRefused("-Z", 64, "ssl_chain_cert");
  ExpectRefused("-Z -p 0 -o ssl_chain_cert=/c", 64, "TCP port");
  ExpectRefused("-Z -s /s -o ssl_chain_cert=/c", 64, "TCP port");
  for (const char* spec : {"notls:a", "btls:a", "mtls:a"}) {
    ExpectRefused(std::string("-l ") + spec, 64, "-Z");
  }
}

TEST(Flags, FlagFile) {
  std::string path = testing::TempDir() + "flags_test.flags";
  std::ofstream(path) << "# a comment\n--memory-limit=100\n--port=5\n"
                         "--disable-evictions\n--nomaxconns_fast\n";
  Settings s = Good("-t 3 --flagfile=" + path + " -p 6");
  EXPECT_EQ(s.maxbytes, uint64_t{100} << 20);
  EXPECT_EQ(s.port, 6);
  EXPECT_EQ(s.num_threads, 3);
  EXPECT_FALSE(s.evict_to_free || s.maxconns_fast);
  // What a flag file says is checked as well.
  std::ofstream(path) << "--enable_ssl\n";
  ExpectRefused("--flagfile=" + path, 64, "-Z");
  std::remove(path.c_str());
}

TEST(FlagsDeathTest, NoNumber) {
  const char* argv[] = {"cucached", "-p", "abc"};
  int code = 0;
  EXPECT_EXIT((void)ParseCommandLine(3, argv, &code),
              testing::ExitedWithCode(1), "abc.*port");
}

TEST(Flags, HelpVersionAndLicense) {
  Outcome outcome = Parse("-h");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("--memory-limit=<num>"));
  outcome = Parse("-V");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "cucached 1.6.45-cucache-0.1.0\n");
}

TEST(Flags, LicenseIsTheFile) {
  const char* top = std::getenv("top_srcdir");
  if (top == nullptr) GTEST_SKIP() << "top_srcdir is not set";
  std::ifstream file(std::string(top) + "/LICENSE");
  std::ostringstream text;
  text << file.rdbuf();
  ASSERT_FALSE(text.str().empty());
  EXPECT_THAT(Parse("-i").out, EndsWith(text.str()));
}

}  // namespace
}  // namespace cucache
