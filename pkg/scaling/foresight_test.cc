// What may raise replicas ahead of the load: a period that was learnt, and schedules.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "pkg/base/random.h"
#include "pkg/base/time_format.h"
#include "pkg/scaling/forecast.h"
#include "pkg/scaling/period.h"
#include "pkg/scaling/schedule.h"

namespace flyball::scaling {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};
constexpr nanoseconds kLead = seconds(34);

PeriodLearner Learnt(int until, const std::function<double(int)>& load, nanoseconds lead = kLead) {
  PeriodLearner learner;
  for (int at = 0; at <= until; at += 2) learner.Add(load(at), kStart + seconds(at), lead);
  return learner;
}

double Spikes(int at) { return at % 270 >= 120 && at % 270 < 150 ? 8 : 2; }

TEST(Period, ALoadThatRepeatsItselfIsSeenAheadAfterTwoPeriods) {
  EXPECT_EQ(Learnt(400, Spikes).Ahead(kLead), 0);
  const PeriodLearner learner = Learnt(640, Spikes);  // the next spike comes at 660
  EXPECT_NEAR(ToSeconds(learner.period()), 270, 4);
  EXPECT_EQ(learner.Ahead(kLead), 8);
  EXPECT_EQ(learner.Ahead(seconds(4)), 2);
}

TEST(Period, NoiseAStepAndARampHaveNone) {
  Random random(9);
  EXPECT_EQ(Learnt(1800, [&](int) { return 5 + random.Uniform(); }).Ahead(kLead), 0);
  EXPECT_EQ(Learnt(1800, [](int at) { return at < 600 ? 2.0 : 6.0; }).Ahead(kLead), 0);
  EXPECT_EQ(Learnt(1800, [](int at) { return at / 100.0; }).Ahead(kLead), 0);
  EXPECT_EQ(Learnt(1800, [](int) { return 4.0; }).Ahead(kLead), 0);
}

TEST(Period, IsForgottenWhenTheLoadDoesSomethingElse) {
  const auto load = [](int at) { return at < 1000 ? Spikes(at) : 3.0; };
  EXPECT_GT(Learnt(990, load).period(), nanoseconds(0));
  EXPECT_EQ(Learnt(1400, load).period(), nanoseconds(0));
}

TEST(Period, ADayIsKeptInAsLittleAsAnHour) {
  const auto day = [](int at) { return 6 - 4 * std::cos(2 * M_PI * at / 86'400) + (at % 86'400 > 70'000 ? 3 : 0); };
  const PeriodLearner learner = Learnt(220'000, day, std::chrono::hours(1));
  EXPECT_NEAR(ToSeconds(learner.period()) / 86'400, 1, 0.05);
}

TEST(Period, AfterAPauseLongerThanWhatIsRememberedItBeginsAnew) {
  PeriodLearner learner = Learnt(640, Spikes);
  learner.Add(3, kStart + std::chrono::hours(300), kLead);
  EXPECT_EQ(learner.Ahead(kLead), 0);
}

// ---- Forecast

constexpr auto kDay = std::chrono::hours(24);

double Day(int at) { return at % 86'400 >= 32'400 && at % 86'400 < 64'800 ? 10 : 3; }  // nine to six

SeasonalForecast Seen(int until, const std::function<double(int)>& load) {
  SeasonalForecast forecast(kDay);
  for (int at = 0; at <= until; at += 60) forecast.Add(load(at), kStart + seconds(at));
  return forecast;
}

TEST(Forecast, SaysNothingBeforeTwoSeasons) {
  EXPECT_EQ(Seen(2 * 86'400 - 600, Day).Ahead(kLead), 0);
  EXPECT_GT(Seen(2 * 86'400, Day).Ahead(kLead), 0);
}

TEST(Forecast, ExpectsTheMorningAheadAndTheNightToBeQuiet) {
  EXPECT_NEAR(Seen(2 * 86'400 + 31'500, Day).Ahead(std::chrono::minutes(15)), 10, 0.3);
  EXPECT_NEAR(Seen(2 * 86'400 + 20'000, Day).Ahead(std::chrono::minutes(15)), 3, 0.3);
}

TEST(Forecast, GrowsWithALoadThatGrowsFromDayToDay) {
  const auto growing = [](int at) { return Day(at) * (1 + at / (10 * 86'400.0)); };
  EXPECT_NEAR(Seen(6 * 86'400 + 40'000, growing).Ahead(kLead), growing(6 * 86'400 + 40'000), 1);
}

TEST(Forecast, APauseLongerThanASeasonForgetsEverything) {
  SeasonalForecast forecast = Seen(3 * 86'400, Day);
  forecast.Add(3, kStart + seconds(3 * 86'400) + std::chrono::hours(30));
  EXPECT_EQ(forecast.Ahead(kLead), 0);
}

// ---- Schedules

// A zoneinfo file of version 2 with the two changes of 2026 in Paris.
std::string Paris() {
  const auto number = [](int64_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 255);
    return out;
  };
  const auto header = [&](int times, int types) {
    return "TZif2" + std::string(15, '\0') + number(0, 4) + number(0, 4) + number(0, 4) + number(times, 4) +
           number(types, 4) + number(0, 4);
  };
  const std::string winter = number(3600, 4) + std::string("\0\0", 2),
                    summer = number(7200, 4) + std::string("\1\0", 2);
  return header(0, 0) + header(2, 2) + number(1774746000, 8) + number(1792890000, 8) + std::string("\1\0", 2) + winter +
         summer + "\nCET-1CEST,M3.5.0,M10.5.0/3\n";
}

spec::Schedule Mornings(const char* cron, int replicas) {
  spec::Schedule schedule;
  schedule.cron = spec::Cron::Parse(cron).value();
  schedule.time_zone = "Europe/Paris";
  schedule.duration = std::chrono::hours(2);
  schedule.min_replicas = replicas;
  return schedule;
}

int At(const std::vector<spec::Schedule>& schedules, const char* time) {
  const std::vector<TimeZone> zones(schedules.size(), TimeZone::Parse(Paris()).value());
  return FloorAt(schedules, zones, ParseRfc3339(time).value()).replicas;
}

TEST(Schedule, IsOnFromTheMinuteForItsDurationInItsTimeZone) {
  const std::vector<spec::Schedule> mornings{Mornings("0 8 * * 1-5", 6)};
  EXPECT_EQ(At(mornings, "2026-03-02T06:59:59Z"), 0);  // a Monday; Paris is one hour ahead
  EXPECT_EQ(At(mornings, "2026-03-02T07:00:00Z"), 6);
  EXPECT_EQ(At(mornings, "2026-03-02T08:59:59Z"), 6);
  EXPECT_EQ(At(mornings, "2026-03-02T09:00:00Z"), 0);
  EXPECT_EQ(At(mornings, "2026-03-01T07:30:00Z"), 0);  // a Sunday
  EXPECT_EQ(At(mornings, "2026-07-06T06:00:00Z"), 6);  // in summer two hours
  EXPECT_EQ(At(mornings, "2026-07-06T08:00:00Z"), 0);
}

TEST(Schedule, TheLargestOfThoseThatAreOnHoldsAndIsNamed) {
  const std::vector<spec::Schedule> both{Mornings("0 8 * * *", 6), Mornings("30 8 * * *", 9)};
  EXPECT_EQ(At(both, "2026-03-02T07:10:00Z"), 6);
  EXPECT_EQ(At(both, "2026-03-02T07:40:00Z"), 9);
  EXPECT_EQ(At(both, "2026-03-02T09:10:00Z"), 9);
  const std::vector<TimeZone> zones(2, TimeZone::Parse(Paris()).value());
  EXPECT_EQ(FloorAt(both, zones, ParseRfc3339("2026-03-02T07:40:00Z").value()).schedule, "30 8 * * * Europe/Paris");
}

// On 2026-03-29 there is no 02:30 in Paris; on 2026-10-25 there are two.
TEST(Schedule, ClockChangesSkipOrRepeat) {
  std::vector<spec::Schedule> nights{Mornings("30 2 * * *", 4)};
  nights[0].duration = std::chrono::minutes(10);
  EXPECT_EQ(At(nights, "2026-03-29T01:35:00Z"), 0);
  EXPECT_EQ(At(nights, "2026-10-25T00:35:00Z"), 4);
  EXPECT_EQ(At(nights, "2026-10-25T01:35:00Z"), 4);
}

TEST(TimeZone, BytesThatAreNoZoneAreRefused) {
  const std::string good = Paris();
  ASSERT_TRUE(TimeZone::Parse(good));
  for (size_t length = 0; length < 44 + 44 + 18 + 12; ++length) {
    EXPECT_FALSE(TimeZone::Parse(std::string_view(good).substr(0, length))) << length;
  }
  constexpr uint64_t kSeed = 21;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (int n = 0; n < 3; ++n) bad[random.Below(bad.size())] = static_cast<char>(random.Below(256));
    if (const auto zone = TimeZone::Parse(bad)) zone->OffsetAt(1'780'000'000);
  }
}

}  // namespace
}  // namespace flyball::scaling
