#include "pkg/kube/event_correlator.h"

#include <gtest/gtest.h>

namespace flyball::kube {
namespace {

using namespace std::chrono_literals;

class Correlator : public ::testing::Test {
 protected:
  EventCorrelator correlator;
  SteadyTime now{1000s};

  CorrelatedEvent Say(const std::string& message, const std::string& object = "api",
                      const std::string& reason = "Scaled", EventType type = EventType::kNormal) {
    return correlator.Take(
        {{.kind = "Governor", .name_space = "shop", .name = object, .uid = "u"}, type, reason, message}, now,
        WallTime{} + now.time_since_epoch());
  }
};

TEST_F(Correlator, TheSameAgainCountsUpTheSameEvent) {
  const auto first = Say("2 -> 3");
  EXPECT_EQ(first.count, 1);
  EXPECT_TRUE(first.name.starts_with("api."));
  now += 10s;
  const auto second = Say("2 -> 3");
  EXPECT_EQ(second.count, 2);
  EXPECT_EQ(second.name, first.name);
  EXPECT_EQ(second.first, first.first);
  EXPECT_EQ(second.last - second.first, 10s);
}

TEST_F(Correlator, AnotherMessageReasonTypeOrObjectIsAnotherEvent) {
  Say("m");
  EXPECT_EQ(Say("other").count, 1);
  EXPECT_EQ(Say("m", "web").count, 1);
  EXPECT_EQ(Say("m", "api", "Paused").count, 1);
  EXPECT_EQ(Say("m", "api", "Scaled", EventType::kWarning).count, 1);
}

TEST_F(Correlator, FromTheEleventhMessageOfOneReasonTheyAreOne) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Say(std::to_string(i)).message, std::to_string(i));
  const auto combined = Say("10");
  EXPECT_EQ(combined.message, "(combined from similar events): 10");
  EXPECT_EQ(combined.count, 1);
  const auto more = Say("11");
  EXPECT_EQ(more.message, "(combined from similar events): 11");
  EXPECT_EQ(more.count, 2);
  EXPECT_EQ(more.name, combined.name);
  EXPECT_EQ(Say("3").count, 2) << "one that was told by itself still is";
}

TEST_F(Correlator, AfterTenQuietMinutesMessagesAreToldOneByOneAgain) {
  for (int i = 0; i < 11; ++i) Say(std::to_string(i));
  now += 10min + 1s;
  EXPECT_EQ(Say("20").message, "20");
}

TEST_F(Correlator, OneObjectGetsTwentyFiveThenOneInFiveMinutes) {
  int written = 0;
  for (int i = 0; i < 100; ++i) written += Say("m").dropped ? 0 : 1;
  EXPECT_EQ(written, 25);
  EXPECT_FALSE(Say("m", "web").dropped) << "others have their own";
  now += 299s;
  EXPECT_TRUE(Say("m").dropped);
  now += 1s;
  const auto next = Say("m");
  EXPECT_FALSE(next.dropped);
  EXPECT_EQ(next.count, 102) << "those that were not written are counted";
}

TEST_F(Correlator, AForgottenEventBeginsAnew) {
  const auto first = Say("m");
  correlator.Forget(first);
  const auto again = Say("m");
  EXPECT_EQ(again.count, 1);
  EXPECT_NE(again.name, first.name);
}

TEST_F(Correlator, RemembersOnlyTheMostRecent) {
  correlator = EventCorrelator({.remembered = 10});
  Say("m", "first");
  for (int i = 0; i < 9; ++i) Say("m", std::to_string(i));
  EXPECT_EQ(Say("m", "first").count, 2);
  for (int i = 0; i < 10; ++i) Say("m", std::to_string(i));
  EXPECT_EQ(Say("m", "first").count, 1);
}

}  // namespace
}  // namespace flyball::kube
