// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// memcached's command lines, as the long flags that gflags gets.

#include "base/argv_front.h"

#include <gflags/gflags.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/flags.h"  // its flags must be registered

// Flags of another library, as glog's are.
DEFINE_string(probe_text, "", "");
DEFINE_bool(probe_switch, true, "");

namespace cucache {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Words = std::vector<std::string>;

// The flags are defined in flags.o, which only a call pulls out of libbase.a.
[[gnu::used]] const auto kPullFlags = &ParseCommandLine;

Words Flags(const Words& args) {
  FrontResult result = TranslateArguments(args);
  EXPECT_EQ(result.error, "");
  EXPECT_THAT(result.warnings, IsEmpty());
  return result.flags;
}

std::string Error(const Words& args) {
  FrontResult result = TranslateArguments(args);
  EXPECT_EQ(result.exit_code, result.error.empty() ? 0 : 1);
  return result.error;
}

TEST(ArgvFront, AttachedAndSeparateValues) {
  EXPECT_THAT(
      Flags({"-p11212", "-m", "64", "-I", "2m"}),
      ElementsAre("--port=11212", "--memory_limit=64", "--max_item_size=2m"));
}

TEST(ArgvFront, NegativeValueIsNoOption) {
  EXPECT_THAT(Flags({"-p", "-1"}), ElementsAre("--port=-1"));
}

TEST(ArgvFront, LeadingSpaceOfValueIsSkipped) {
  EXPECT_THAT(Flags({"-p 11212"}), ElementsAre("--port=11212"));
}

TEST(ArgvFront, ClusterEndsAtAValue) {
  EXPECT_THAT(Flags({"-dMp11212"}),
              ElementsAre("--daemon", "--disable_evictions", "--port=11212"));
}

TEST(ArgvFront, VerboseIsCounted) {
  EXPECT_THAT(Flags({"-vv"}), ElementsAre("--verbose=2"));
  EXPECT_THAT(Flags({"-dv", "--verbose", "-v"}),
              ElementsAre("--daemon", "--verbose=3"));
  EXPECT_THAT(Flags({"--verbose=2"}), ElementsAre("--verbose=2"));
  EXPECT_THAT(Error({"--verbose=x"}), HasSubstr("--verbose=x"));
}

TEST(ArgvFront, ListenIsAccumulated) {
  EXPECT_THAT(Flags({"-l", "127.0.0.1", "-l[::1]:5", "--listen=a,b"}),
              ElementsAre("--listen=127.0.0.1,[::1]:5,a,b"));
  EXPECT_THAT(Flags({"-l", "127.0.0.10", "-l", "127.0.0.1", "-l127.0.0.1"}),
              ElementsAre("--listen=127.0.0.10,127.0.0.1"));
}

TEST(ArgvFront, LongOptions) {
  EXPECT_THAT(Flags({"--port=1", "--port", "2", "--disable-evictions"}),
              ElementsAre("--port=1", "--port=2", "--disable_evictions"));
  EXPECT_THAT(Flags({"--memory-limit", "128"}),
              ElementsAre("--memory_limit=128"));
}

TEST(ArgvFront, LongOptionsMayBeAbbreviated) {
  EXPECT_THAT(Flags({"--thr=3", "--unix-s", "x"}),
              ElementsAre("--threads=3", "--unix_socket=x"));
  EXPECT_THAT(Error({"--unix=3"}), HasSubstr("ambiguous"));
}

TEST(ArgvFront, FlagsOfOthersGoThrough) {
  EXPECT_THAT(Flags({"--probe-text=conn=2", "--flagfile", "f",
                     "--noprobe_switch", "--probe_switch=false"}),
              ElementsAre("--probe_text=conn=2", "--flagfile=f",
                          "--noprobe_switch", "--probe_switch=false"));
}

TEST(ArgvFront, ExtendedWords) {
  EXPECT_THAT(
      Flags({"-o", "hashpower=20,no_maxconns_fast", "-oidle_timeout=3"}),
      ElementsAre("--hashpower=20", "--nomaxconns_fast", "--idle_timeout=3"));
  EXPECT_THAT(Flags({"--extended=track_sizes"}), ElementsAre("--track_sizes"));
  EXPECT_THAT(Flags({"-o", "no_hashexpand"}), ElementsAre("--nohashexpand"));
}

TEST(ArgvFront, ExtendedWordsWithAnOptionalValue) {
  EXPECT_THAT(Flags({"-o", "slab_automove,slab_automove=2,no_slab_automove"}),
              ElementsAre("--slab_automove=1", "--slab_automove=2",
                          "--slab_automove=0"));
}

TEST(ArgvFront, ExtendedAliases) {
  EXPECT_THAT(Flags({"-o", "modern,inline_ascii_resp"}), IsEmpty());
  EXPECT_THAT(Flags({"-o", "no_modern,slab_chunk_max=4"}),
              testing::Contains("--slab_chunk_max=4"));
  EXPECT_THAT(TranslateArguments({"-o", "resp_obj_mem_limit=5"}).warnings,
              ElementsAre(HasSubstr("resp_obj_mem_limit")));
}

TEST(ArgvFront, ExtendedErrors) {
  EXPECT_THAT(Error({"-o", "nonsense"}), HasSubstr("nonsense"));
  EXPECT_THAT(Error({"-o", "hashpower"}), HasSubstr("needs a value"));
  EXPECT_THAT(Error({"-o", "no_hashpower"}),
              HasSubstr("unknown word in -o: no_hashpower"));
  // A long option is no word of -o.
  EXPECT_THAT(Error({"-o", "port=5"}), HasSubstr("port"));
  for (const char* word : {"ext_path=/x:1G", "proxy_config=x"}) {
    EXPECT_THAT(Error({"-o", word}), HasSubstr("-o ")) << word;
  }
}

TEST(ArgvFront, Errors) {
  EXPECT_THAT(Error({"-z"}), HasSubstr("-z"));
  EXPECT_THAT(Error({"-p"}), HasSubstr("needs an argument"));
  EXPECT_THAT(Error({"--port"}), HasSubstr("needs an argument"));
  EXPECT_THAT(Error({"--no-such-thing"}), HasSubstr("unknown"));
}

TEST(ArgvFront, StrayWordsAreReported) {
  FrontResult result = TranslateArguments({"stray", "-m64", "--", "-p1"});
  EXPECT_THAT(result.flags, ElementsAre("--memory_limit=64"));
  EXPECT_THAT(result.warnings,
              ElementsAre(HasSubstr("'stray'"), HasSubstr("'-p1'")));
}

TEST(ArgvFront, Actions) {
  using Action = FrontResult::Action;
  EXPECT_EQ(TranslateArguments({"-vh"}).action, Action::kHelp);
  EXPECT_EQ(TranslateArguments({"--help"}).action, Action::kHelp);
  EXPECT_EQ(TranslateArguments({"-i"}).action, Action::kLicense);
  EXPECT_EQ(TranslateArguments({"-V", "-z"}).action, Action::kVersion);
  EXPECT_EQ(TranslateArguments({"--vers"}).action, Action::kVersion);
}

}  // namespace
}  // namespace cucache
