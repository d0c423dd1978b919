// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// The struct, the codecs and the rows of `stats settings`.

#include "base/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "base/usage.h"

namespace cucache {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Names(const Settings& settings) {
  std::vector<std::string> names;
  settings.ForEach(
      [&](std::string_view name, std::string) { names.emplace_back(name); });
  return names;
}

std::map<std::string, std::string> Rows(const Settings& settings) {
  std::map<std::string, std::string> rows;
  settings.ForEach([&](std::string_view name, std::string value) {
    rows[std::string(name)] = std::move(value);
  });
  return rows;
}

TEST(Settings, DefaultsAreMemcacheds) {
  Settings s;
  EXPECT_EQ(s.maxbytes, uint64_t{64} << 20);
  EXPECT_EQ(s.port, 11211);
  EXPECT_EQ(s.udpport, 0);
  EXPECT_EQ(s.maxconns, 1024);
  EXPECT_EQ(s.num_threads, 4);
  EXPECT_EQ(s.reqs_per_event, 20);
  EXPECT_EQ(s.access, 0700);
  EXPECT_EQ(s.item_size_max, uint64_t{1} << 20);
  EXPECT_EQ(s.prefix_delimiter, ':');
  EXPECT_EQ(s.binding_protocol, Protocol::kNegotiating);
  EXPECT_TRUE(s.evict_to_free && s.use_cas && s.flush_enabled);
  EXPECT_TRUE(s.dump_enabled && s.watch_enabled && s.maxconns_fast);
  EXPECT_TRUE(s.inter.empty());
  EXPECT_FALSE(s.detail_enabled);
}

// In the words and order of memcached 1.6.45, cucached's own behind them.
TEST(Settings, RowsAreMemcacheds) {
  std::istringstream expected(
      "maxbytes maxconns tcpport udpport inter verbosity oldest evictions "
      "domain_socket umask shutdown_command growth_factor chunk_size "
      "num_threads num_threads_per_udp stat_key_prefix detail_enabled "
      "reqs_per_event cas_enabled tcp_backlog binding_protocol "
      "auth_enabled_sasl auth_enabled_ascii item_size_max maxconns_fast "
      "hashpower_init slab_reassign slab_automove slab_automove_ratio "
      "slab_automove_window slab_chunk_max lru_crawler lru_crawler_sleep "
      "lru_crawler_tocrawl tail_repair_time flush_enabled dump_enabled "
      "hash_algorithm lru_maintainer_thread lru_segmented hot_lru_pct "
      "warm_lru_pct hot_max_factor warm_max_factor temp_lru temporary_ttl "
      "idle_timeout watcher_logbuf_size worker_logbuf_size read_buf_mem_limit "
      "track_sizes inline_ascii_response drop_privileges ext_item_size "
      "ext_item_age ext_low_ttl ext_recache_rate ext_wbuf_size "
      "ext_compact_under ext_drop_under ext_max_sleep ext_max_frag "
      "slab_automove_freeratio ext_drop_unread ssl_enabled ssl_chain_cert "
      "ssl_key ssl_verify_mode ssl_keyformat ssl_ciphers ssl_ca_cert "
      "ssl_wbuf_size ssl_session_cache ssl_kernel_tls ssl_min_version "
      "num_napi_ids memory_file client_flags_size page_size hash_expand "
      "udp_trust socket_buffer");
  std::vector<std::string> words;
  for (std::string word; expected >> word;) words.push_back(word);
  EXPECT_EQ(Names(Settings()), words);
}

TEST(Settings, ValuesOfRows) {
  Settings s;
  s.evict_to_free = false;
  s.access = 0644;
  auto rows = Rows(s);
  EXPECT_EQ(rows["maxbytes"], "67108864");
  EXPECT_EQ(rows["inter"], "NULL");
  EXPECT_EQ(rows["evictions"], "off");
  EXPECT_EQ(rows["umask"], "644");
  EXPECT_EQ(rows["growth_factor"], "1.25");
  EXPECT_EQ(rows["stat_key_prefix"], ":");
  EXPECT_EQ(rows["binding_protocol"], "auto-negotiate");
  EXPECT_EQ(rows["auth_enabled_ascii"], "no");
  EXPECT_EQ(rows["slab_chunk_max"], "524288");
  EXPECT_EQ(rows["slab_automove_freeratio"], "0.010");
  EXPECT_EQ(rows["temporary_ttl"], "61");
}

TEST(Settings, CopyIsIndependent) {
  Settings a;
  Settings b = a;
  b.maxbytes = 5;
  b.verbose = 2;
  EXPECT_EQ(a.maxbytes, uint64_t{64} << 20);
  EXPECT_EQ(a.verbose, 0);
  a = b;
  EXPECT_EQ(a.maxbytes, 5u);
  EXPECT_EQ(Rows(a)["verbosity"], "2");
}

// Under ThreadSanitizer this fails if a Live field is a plain one.
TEST(Settings, LiveFieldsMayChangeWhileTheyAreRead) {
  Settings s;
  s.maxbytes = 1;
  std::thread writer([&] {
    for (uint64_t i = 0; i < 1000; ++i) s.maxbytes = 1 + i % 2;
  });
  for (int i = 0; i < 100; ++i) {
    std::string value = Rows(s)["maxbytes"];
    EXPECT_TRUE(value == "1" || value == "2") << value;
  }
  writer.join();
}

std::vector<ListenSpec> ParseListen(const std::string& text) {
  std::string why;
  auto specs = codec::Listen::From(text, &why);
  EXPECT_TRUE(specs.has_value()) << text << ": " << why;
  return specs.value_or(std::vector<ListenSpec>());
}

TEST(Listen, Forms) {
  auto specs = ParseListen("127.0.0.1,a.b:5;[::1],[fe80::1]:65535,::1,*:7,*");
  ASSERT_EQ(specs.size(), 7u);
  EXPECT_EQ(specs[0].host, "127.0.0.1");
  EXPECT_EQ(specs[0].port, -1);
  EXPECT_EQ(specs[1].host, "a.b");
  EXPECT_EQ(specs[1].port, 5);
  EXPECT_EQ(specs[2].host, "::1");
  EXPECT_EQ(specs[2].port, -1);
  EXPECT_EQ(specs[3].host, "fe80::1");
  EXPECT_EQ(specs[3].port, 65535);
  EXPECT_EQ(specs[4].host, "::1");
  EXPECT_EQ(specs[4].port, -1);
  EXPECT_EQ(specs[5].host, "*");
  EXPECT_EQ(specs[5].port, 7);
  EXPECT_EQ(specs[6].host, "*");
  EXPECT_EQ(codec::Listen::Show(ParseListen("a:1,[::1]:2")), "a:1,[::1]:2");
}

TEST(Listen, Errors) {
  std::string why;
  for (const char* text : {"a:", "a:65536", "a:-1", "a:1x", "[::1", "[]",
                           "[::1]5", "[::1]:", ":7"}) {
    EXPECT_FALSE(codec::Listen::From(text, &why)) << text;
    EXPECT_THAT(why, HasSubstr("no address"));
  }
  for (const char* text : {"notls:", "notls::7", "mtls::x", "btls:a:"}) {
    EXPECT_FALSE(codec::Listen::From(text, &why)) << text;
    EXPECT_THAT(why, HasSubstr("no address"));
  }
  for (const char* text :
       {"proto[ascii]:a", "mtls:proto[ascii]:a", "tag[b]:a", "tag_b_:a"}) {
    EXPECT_FALSE(codec::Listen::From(text, &why)) << text;
    EXPECT_THAT(why, HasSubstr("not supported yet"));
  }
}

TEST(Size, Units) {
  std::string why;
  EXPECT_EQ(codec::Size::From("1024", &why), 1024u);
  EXPECT_EQ(codec::Size::From("512k", &why), 512u << 10);
  EXPECT_EQ(codec::Size::From("2M", &why), 2u << 20);
  for (const char* text : {"", "k", "1g", "-1", "1.5m", "1mm",
                           "99999999999999999999", "9999999999999m"}) {
    EXPECT_FALSE(codec::Size::From(text, &why)) << text;
  }
}

TEST(Octal, Bits) {
  std::string why;
  EXPECT_EQ(codec::Octal::From("0755", &why), 0755);
  EXPECT_FALSE(codec::Octal::From("8", &why));
  EXPECT_FALSE(codec::Octal::From("77777", &why));
}

TEST(Options, LettersAndNamesAreUnique) {
  std::set<std::string> names;
  std::set<char> letters;
  for (const OptionInfo& option : Options()) {
    EXPECT_TRUE(names.insert(option.flag).second) << option.flag;
    if (option.letter == 0 || option.extended()) continue;
    EXPECT_TRUE(letters.insert(option.letter).second) << option.letter;
    EXPECT_EQ(std::string("hiV").find(option.letter), std::string::npos);
  }
}

TEST(Usage, NamesWhatWorksAndOnlyThat) {
  std::ostringstream out;
  PrintUsage(out);
  for (const OptionInfo& option : Options()) {
    std::string name = option.extended()
                           ? std::string("   - ") + option.flag + ":"
                           : LongName(option);
    if (option.state == OptionInfo::State::kRefused) {
      EXPECT_THAT(out.str(), Not(HasSubstr(name)));
    } else {
      EXPECT_THAT(out.str(), HasSubstr(name));
    }
  }
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

}  // namespace
}  // namespace cucache
