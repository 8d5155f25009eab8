#include "pkg/service/load/trace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace flyball::load {
namespace {

using namespace std::chrono_literals;

std::vector<double> Seconds(const Trace& trace, uint64_t seed) {
  Arrivals arrivals(trace, seed);
  std::vector<double> times;
  while (const auto at = arrivals.Next()) times.push_back(std::chrono::duration<double>(*at).count());
  return times;
}

size_t CountBetween(const std::vector<double>& times, double from, double to) {
  return static_cast<size_t>(std::count_if(times.begin(), times.end(), [&](double t) { return t >= from && t < to; }));
}

// Five standard deviations of a Poisson count.
void ExpectAbout(double expected, size_t count, const std::string& what) {
  EXPECT_NEAR(static_cast<double>(count), expected, 5 * std::sqrt(expected)) << what;
}

TEST(TraceTest, FlashGoesToFiveTimesAtAThirdWithinTenSeconds) {
  const Trace flash = Trace::Flash(100, 90s);
  EXPECT_DOUBLE_EQ(flash.RateAt(29.9), 100);
  EXPECT_DOUBLE_EQ(flash.RateAt(35), 300);
  EXPECT_DOUBLE_EQ(flash.RateAt(40), 500);
  EXPECT_DOUBLE_EQ(flash.RateAt(90), 500);
  EXPECT_DOUBLE_EQ(flash.RateAt(90.1), 0);
  EXPECT_DOUBLE_EQ(Trace::Flash(100, 30s).RateAt(15), 500) << "a short run climbs in a sixth of its time";
}

TEST(TraceTest, RampIsAStraightLineFromNothing) {
  const Trace ramp = Trace::Ramp(200, 10s);
  EXPECT_DOUBLE_EQ(ramp.RateAt(0), 0);
  EXPECT_DOUBLE_EQ(ramp.RateAt(5), 100);
  EXPECT_DOUBLE_EQ(ramp.ExpectedArrivals(), 1000);
}

TEST(TraceTest, OnOffTakesTurns) {
  const Trace waves = Trace::OnOff(100, 120s);
  EXPECT_DOUBLE_EQ(waves.RateAt(0), 100);
  EXPECT_DOUBLE_EQ(waves.RateAt(29.9), 100);
  EXPECT_DOUBLE_EQ(waves.RateAt(30), 10);
  EXPECT_DOUBLE_EQ(waves.RateAt(60), 100);
  EXPECT_DOUBLE_EQ(waves.RateAt(119), 10);
  EXPECT_DOUBLE_EQ(waves.ExpectedArrivals(), 2 * 30 * 100 + 2 * 30 * 10);
  EXPECT_DOUBLE_EQ(Trace::OnOff(100, 8s).RateAt(3), 10) << "a short run has four turns";
}

TEST(TraceTest, NamesAreThoseOfTheCommandLine) {
  for (const char* name : {"steady", "flash", "ramp", "on-off"}) EXPECT_TRUE(Trace::Named(name, 10, 10s)) << name;
  EXPECT_FALSE(Trace::Named("tsunami", 10, 10s));
}

TEST(ArrivalsTest, FollowTheTrace) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto steady = Seconds(Trace::Steady(1000, 20s), seed);
  ExpectAbout(20'000, steady.size(), "steady");
  const auto flash = Seconds(Trace::Flash(100, 90s), seed);
  ExpectAbout(3000, CountBetween(flash, 0, 30), "before the flash");
  ExpectAbout(3000, CountBetween(flash, 30, 40), "the climb");
  ExpectAbout(25'000, CountBetween(flash, 40, 90), "after it");
  const auto ramp = Seconds(Trace::Ramp(1000, 20s), seed);
  ExpectAbout(2500, CountBetween(ramp, 0, 10), "first half of a ramp");
  ExpectAbout(7500, CountBetween(ramp, 10, 20), "second half of a ramp");
}

TEST(ArrivalsTest, AreInOrderInsideTheTraceAndRepeatable) {
  const auto times = Seconds(Trace::OnOff(500, 8s), 7);
  ASSERT_GT(times.size(), 100u);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  EXPECT_GE(times.front(), 0);
  EXPECT_LE(times.back(), 8);
  EXPECT_EQ(times, Seconds(Trace::OnOff(500, 8s), 7));
  EXPECT_NE(times, Seconds(Trace::OnOff(500, 8s), 8));
}

TEST(ArrivalsTest, GapsAreThoseOfAPoissonProcess) {
  const auto times = Seconds(Trace::Steady(1000, 20s), 3);
  double sum = 0, squares = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    const double gap = times[i] - times[i - 1];
    sum += gap;
    squares += gap * gap;
  }
  const double n = static_cast<double>(times.size() - 1);
  const double mean = sum / n;
  EXPECT_NEAR(mean, 0.001, 0.00005);
  EXPECT_NEAR(std::sqrt(squares / n - mean * mean) / mean, 1, 0.05) << "exponential gaps vary by their mean";
}

TEST(ArrivalsTest, NothingIsDueWhereTheRateIsNought) {
  const auto times = Seconds(Trace({{0, 0}, {5, 0}, {5, 100}, {10, 100}, {10, 0}, {20, 0}}), 1);
  ExpectAbout(500, times.size(), "all");
  EXPECT_GE(times.front(), 5);
  EXPECT_LE(times.back(), 10);
  EXPECT_TRUE(Seconds(Trace::Steady(0, 5s), 1).empty());
}

}  // namespace
}  // namespace flyball::load
