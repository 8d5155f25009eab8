#include "pkg/service/api/fault_delay.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace flyball::service::api {
namespace {

using std::chrono::seconds;

class FaultDelayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flyball-delay.XXXXXX";
    const int fd = ::mkstemp(name);
    ASSERT_GE(fd, 0);
    ::close(fd);
    file = name;
  }
  void TearDown() override { std::remove(file.c_str()); }
  void Say(const char* text) const { std::ofstream(file) << text; }

  std::string file;
  SteadyTime start{std::chrono::hours(1)};
};

TEST_F(FaultDelayTest, WithoutAFileItIsWhatItIs) {
  EXPECT_EQ(FaultDelay(milliseconds(20), "").At(start), milliseconds(20));
}

TEST_F(FaultDelayTest, TheFileIsReadAnewTwiceASecond) {
  Say("20ms\n");
  FaultDelay delay(nanoseconds(0), file);
  EXPECT_EQ(delay.At(start), milliseconds(20));
  Say("40ms");
  EXPECT_EQ(delay.At(start + milliseconds(499)), milliseconds(20));
  EXPECT_EQ(delay.At(start + milliseconds(500)), milliseconds(40));
}

TEST_F(FaultDelayTest, WhatCannotBeUnderstoodChangesNothing) {
  Say("20ms");
  FaultDelay delay(nanoseconds(0), file);
  EXPECT_EQ(delay.At(start), milliseconds(20));
  for (const char* text : {"", "fast", "20"}) {
    Say(text);
    start += seconds(1);
    EXPECT_EQ(delay.At(start), milliseconds(20)) << text;
  }
  std::remove(file.c_str());
  EXPECT_EQ(delay.At(start + seconds(1)), milliseconds(20));
}

}  // namespace
}  // namespace flyball::service::api
