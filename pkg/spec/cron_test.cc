#include "pkg/spec/cron.h"

#include <gtest/gtest.h>

namespace flyball::spec {
namespace {

struct Case {
  const char* text;
  int minute, hour, day, month, weekday;
  bool matches;
};

TEST(Cron, NamesTheMinutesThatCrontabSays) {
  const Case cases[] = {
      {"* * * * *", 17, 3, 9, 11, 4, true},         {"0 8 * * 1-5", 0, 8, 9, 11, 1, true},
      {"0 8 * * 1-5", 0, 8, 9, 11, 6, false},       {"0 8 * * 1-5", 1, 8, 9, 11, 1, false},
      {"*/15 * * * *", 45, 0, 1, 1, 0, true},       {"*/15 * * * *", 44, 0, 1, 1, 0, false},
      {"5/20 * * * *", 45, 0, 1, 1, 0, true},  // from 5 on
      {"0,30 9-17/4 * * *", 30, 13, 1, 1, 0, true}, {"0,30 9-17/4 * * *", 30, 14, 1, 1, 0, false},
      {"0 0 * dec Sun", 0, 0, 7, 12, 0, true},      {"0 0 * * 7", 0, 0, 7, 12, 0, true},
      {"0 0 13 * fri", 0, 0, 13, 5, 2, true},  // either day is enough when both are restricted
      {"0 0 13 * fri", 0, 0, 14, 5, 5, true},       {"0 0 13 * fri", 0, 0, 14, 5, 6, false},
      {"0 0 */2 * fri", 0, 0, 14, 5, 5, false},  // crontab(5): a '*' at the beginning is no restriction
  };
  for (const Case& c : cases) {
    const auto cron = Cron::Parse(c.text);
    ASSERT_TRUE(cron) << c.text << ": " << cron.error().message;
    EXPECT_EQ(cron->Matches(c.minute, c.hour, c.day, c.month, c.weekday), c.matches)
        << c.text << " at " << c.minute << " " << c.hour << " " << c.day << " " << c.month << " " << c.weekday;
  }
}

TEST(Cron, SaysWhatIsWrong) {
  EXPECT_EQ(Cron::Parse("* * * *").error().message,
            "expected five fields: minute, hour, day of month, month, day of week");
  EXPECT_EQ(Cron::Parse("60 * * * *").error().message, "'60' is no minute from 0 to 59");
  EXPECT_EQ(Cron::Parse("0 0 0 * *").error().message, "'0' is no day of month from 1 to 31");
  for (const char* wrong : {"5-1 * * * *", "*/0 * * * *", "1, * * * *", "a * * * *", "1-2-3 * * * *", "-1 * * * *", "",
                            "* * * foo *", "1/x * * * *"}) {
    EXPECT_FALSE(Cron::Parse(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace flyball::spec
