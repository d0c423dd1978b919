// Copyright (c) 2026 The cucache authors. BSD-3-Clause, see LICENSE.
//
// Which lines reach stderr at which level.

#include "base/log.h"

#include <glog/logging.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace cucache {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Logged() {
  testing::internal::CaptureStderr();
  LOG(WARNING) << "a warning";
  LOG(INFO) << "some information";
  VLOG(1) << "level one";
  VLOG(2) << "level two";
  return testing::internal::GetCapturedStderr();
}

TEST(Log, LevelsChangeAtRunTime) {
  SetVerbosity(0);
  EXPECT_THAT(Logged(), HasSubstr("a warning"));
  EXPECT_THAT(Logged(), Not(HasSubstr("some information")));
  SetVerbosity(1);
  EXPECT_THAT(Logged(), HasSubstr("some information"));
  EXPECT_THAT(Logged(), HasSubstr("level one"));
  EXPECT_THAT(Logged(), Not(HasSubstr("level two")));
  SetVerbosity(2);
  EXPECT_THAT(Logged(), HasSubstr("level two"));
  SetVerbosity(-5);
  EXPECT_THAT(Logged(), Not(HasSubstr("some information")));
}

void LogOfThisModule() { VLOG(5) << "level five"; }

TEST(Log, ModulesHaveTheirOwnLevel) {
  SetVerbosity(1);
  SetModuleVerbosity("log_test", 5);
  testing::internal::CaptureStderr();
  LogOfThisModule();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("level five"));
}

TEST(LogDeathTest, CrashLeavesATrace) { EXPECT_DEATH(std::abort(), "SIGABRT"); }

// Less that, the addresses of a trace without names are those of the file.
TEST(LogDeathTest, CrashSaysWhereTheProgramLies) {
  EXPECT_DEATH(std::abort(), "program begins at 0x[0-9a-f]+");
}

TEST(LogDeathTest, TermIsNoCrash) {
  EXPECT_EXIT(std::raise(SIGTERM), testing::KilledBySignal(SIGTERM), "^$");
}

}  // namespace
}  // namespace cucache

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  cucache::InitLogging(argv[0], 0);
  return RUN_ALL_TESTS();
}
