#include "cmd/flags/values.h"

#include <gtest/gtest.h>

namespace flyball::flags {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

TEST(ValuesTest, ADurationWithinItsBounds) {
  EXPECT_EQ(DurationBetween("1m30s", milliseconds(0), minutes(2)), milliseconds(90'000));
  EXPECT_EQ(DurationBetween("0s", milliseconds(0), minutes(2)), milliseconds(0));
  EXPECT_EQ(DurationBetween("3m", milliseconds(0), minutes(2)).error().message, "must be at most 2m");
  EXPECT_EQ(DurationBetween("5ms", milliseconds(10), minutes(2)).error().message, "must be at least 10ms");
  EXPECT_EQ(DurationBetween("5", milliseconds(0), minutes(2)).error().message,
            "must be a number with its unit (ms, s, m, h, d), such as 5s");
  for (const char* text : {"", "-5s", "5 s", "abc", "1.5s", "99999999999999999999s"}) {
    const auto refused = DurationBetween(text, milliseconds(0), minutes(2));
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().message.find("such as 30s"), std::string::npos) << refused.error().message;
  }
}

TEST(ValuesTest, TheFaultsAreADelayAndAFileOfOne) {
  EXPECT_EQ(ReadFault("delay=20ms")->delay, milliseconds(20));
  EXPECT_EQ(ReadFault("delay=1m")->delay, minutes(1));
  EXPECT_EQ(ReadFault("delay-file=/etc/hostname")->delay_file, "/etc/hostname");
  EXPECT_FALSE(ReadFault("delay-file=/not/there"));
  for (const char* text : {"foo=1", "delay", "", "Delay=20ms", "delay 20ms"}) {
    const auto refused = ReadFault(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().message.find("delay=20ms, and delay-file=FILE"), std::string::npos)
        << refused.error().message;
  }
  EXPECT_EQ(ReadFault("delay=abc").error().message,
            "the delay must be a number with its unit (ms, s, m, h, d), such as 30s");
  EXPECT_EQ(ReadFault("delay=0s").error().message, "the delay must be at least 1ms");
  EXPECT_EQ(ReadFault("delay=2m").error().message, "the delay must be at most 1m");
}

TEST(ValuesTest, ADatabaseIsAFileOrAServer) {
  for (const char* text : {"", "tasks.db", "/var/lib/tasks.db", "postgres://h/db", "postgresql://ann:secret@h:5433/db"})
    EXPECT_TRUE(CheckDatabase(text)) << text;
  for (const char* text : {"mysql://h/db", "sqlite:///x.db", "/tmp", "folder/", "postgresql://h/%zz"}) {
    const auto refused = CheckDatabase(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().message.find("expected"), std::string::npos) << refused.error().message;
  }
}

TEST(ValuesTest, ARedisIsAnAddressOrNone) {
  for (const char* text : {"", "none", "unix:/run/r.sock", "redis://localhost", "redis://:secret@h:7000/1"})
    EXPECT_TRUE(CheckRedis(text)) << text;
  for (const char* text : {"bad", "localhost:6379", "redis://", "redis://h:99999", "rediss://h", "unix:"}) {
    const auto refused = CheckRedis(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().message.find("or none"), std::string::npos) << refused.error().message;
  }
}

TEST(ValuesTest, PasswordsAreNotShown) {
  EXPECT_EQ(WithoutPassword("redis://ann:secret@h:1/2"), "redis://***@h:1/2");
  EXPECT_EQ(WithoutPassword("postgres://ann:p@ss@h/db"), "postgres://***@h/db");
  EXPECT_EQ(WithoutPassword("postgres://h/db?password=secret&user=ann"), "postgres://h/db?password=***&user=ann");
  EXPECT_EQ(WithoutPassword("postgres://h/db?user=ann&password=secret"), "postgres://h/db?user=ann&password=***");
  EXPECT_EQ(WithoutPassword("a@b"), "a@b");
  EXPECT_EQ(WithoutPassword("redis://h"), "redis://h");
}

}  // namespace
}  // namespace flyball::flags
