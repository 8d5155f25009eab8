#include "pkg/admission/fleet_ceiling.h"

#include <gtest/gtest.h>

#include <cmath>

namespace flyball::admission {
namespace {

using enum spec::Criticality;
using Source = FleetCeiling::Source;
const SteadyTime kStart{std::chrono::hours(1)};
SteadyTime At(int64_t ms) { return kStart + milliseconds(ms); }

FleetCeiling Ceiling(double hint = 0, int holders = 1) {
  return FleetCeiling({.capacity_hint_rps = hint, .holders_in_pod = holders}, kStart);
}

GovernorRecord Record(double normal, int ready, double c = 0, uint64_t seq = 1, uint64_t epoch = 1) {
  GovernorRecord record;
  record.epoch = epoch;
  record.seq = seq;
  record.rates = {0, normal, 0};
  record.ready = ready;
  record.capacity_per_pod = c;
  return record;
}

RateLease Lease(double critical, double normal, double sheddable, double spare) {
  return {.published = true, .rates = {critical, normal, sheddable}, .spare = spare};
}

// Offers `per_ms` requests every millisecond from `from_ms` on; how many pass.
int Offer(FleetCeiling& ceiling, Criticality criticality, int from_ms, int ms, int per_ms) {
  int admitted = 0;
  for (int t = from_ms; t < from_ms + ms; ++t)
    for (int i = 0; i < per_ms; ++i) admitted += ceiling.Admit(criticality, At(t));
  return admitted;
}

TEST(FleetCeiling, IsOffWhileNothingIsKnown) {
  auto ceiling = Ceiling();
  EXPECT_EQ(ceiling.source(At(0)), Source::kOff);
  EXPECT_EQ(Offer(ceiling, kSheddable, 0, 100, 10), 1000);
}

TEST(FleetCeiling, TheHintBindsBeforeThereIsARecord) {
  auto ceiling = Ceiling(400);
  EXPECT_EQ(ceiling.source(At(0)), Source::kStatic);
  EXPECT_NEAR(Offer(ceiling, kCritical, 0, 1000, 10), 480, 2);  // a second and the burst
}

TEST(FleetCeiling, ALeaseIsItsRate) {
  auto ceiling = Ceiling();
  int admitted = 0;
  for (int t = 0; t < 1000; t += 100) {
    ceiling.OnLease(Lease(0, 100, 0, 50), At(t));
    admitted += Offer(ceiling, kNormal, t, 100, 5);
  }
  EXPECT_EQ(ceiling.source(At(999)), Source::kLeased);
  EXPECT_NEAR(admitted, 180, 2);
}

TEST(FleetCeiling, DemandThatMovesHereIsCarriedUpToTheEqualPartUntilTheLeaseFollows) {
  auto ceiling = Ceiling(0, 2);
  ceiling.OnRecord(Record(800, 2), At(0));
  ceiling.OnLease(Lease(0, 10, 0, 0), At(0));                 // nothing arrived here so far
  Offer(ceiling, kNormal, 0, 200, 2);                         // what was saved up is used
  EXPECT_NEAR(Offer(ceiling, kNormal, 200, 500, 2), 100, 3);  // a quarter of 800, for half a second
}

TEST(FleetCeiling, ALeaseAboveTheEqualPartIsNotRaisedByIt) {
  auto ceiling = Ceiling();
  ceiling.OnRecord(Record(200, 2), At(0));
  ceiling.OnLease(Lease(0, 150, 0, 20), At(0));
  EXPECT_DOUBLE_EQ(ceiling.Rate(At(0)), 170);
  ceiling.OnLease(Lease(0, 60, 0, 70), At(100));  // what raises it to its part comes out of what is spare
  EXPECT_DOUBLE_EQ(ceiling.Rate(At(100)), 130);
}

// The split by class is of what was offered a while ago, and says nothing of what comes here now.
TEST(FleetCeiling, TheEqualPartIsForNormalAndCriticalAndNotForSheddable) {
  const auto leased_nothing = [] {
    auto ceiling = Ceiling();
    GovernorRecord record = Record(100, 1);
    record.rates = {100, 100, 200};
    ceiling.OnRecord(record, At(0));
    ceiling.OnLease(Lease(0, 0, 0, 0), At(0));
    return ceiling;
  };
  auto normal = leased_nothing(), critical = leased_nothing(), sheddable = leased_nothing();
  Offer(normal, kNormal, 0, 300, 2);
  EXPECT_NEAR(Offer(normal, kNormal, 300, 400, 2), 160, 3);
  Offer(critical, kCritical, 0, 300, 2);
  EXPECT_NEAR(Offer(critical, kCritical, 300, 400, 2), 160, 3);
  Offer(sheddable, kSheddable, 0, 300, 2);
  EXPECT_FALSE(sheddable.Admit(kSheddable, At(300)));
}

TEST(FleetCeiling, CriticalBorrowsAndTheOthersDoNot) {
  auto ceiling = Ceiling();
  ceiling.OnLease(Lease(10, 100, 100, 0), At(0));
  EXPECT_NEAR(Offer(ceiling, kCritical, 0, 900, 2), 210 * 1.1 - 5, 20);
  auto other = Ceiling();
  other.OnLease(Lease(100, 10, 100, 0), At(0));
  EXPECT_NEAR(Offer(other, kNormal, 0, 900, 2), 11, 1);
}

TEST(FleetCeiling, WithoutLeasesTheRecordHoldsThirtySecondsThenTheStaticShare) {
  auto ceiling = Ceiling(1000, 2);
  ceiling.OnRecord(Record(600, 3, 150), At(0));
  ceiling.OnLease(Lease(0, 500, 0, 0), At(0));
  EXPECT_EQ(ceiling.source(At(999)), Source::kLeased);
  EXPECT_EQ(ceiling.source(At(1000)), Source::kHeld);
  EXPECT_DOUBLE_EQ(ceiling.Rate(At(1000)), 600.0 / 3 / 2);
  EXPECT_EQ(ceiling.source(At(29'999)), Source::kHeld);
  EXPECT_EQ(ceiling.source(At(30'000)), Source::kStatic);
  EXPECT_DOUBLE_EQ(ceiling.Rate(At(30'000)), 1.1 * 150 / 2);
  EXPECT_EQ(ceiling.source(At(100'000'000)), Source::kStatic);
}

TEST(FleetCeiling, AnExpiredRecordIsHeldFromWhenItWasLastSeen) {
  auto ceiling = Ceiling();
  ceiling.OnRecord(Record(100, 1, 100), At(0));
  for (int t = 0; t <= 10'000; t += 100) ceiling.OnLease(Lease(0, 100, 0, 0), At(t));
  for (int t = 10'100; t <= 39'900; t += 100) ceiling.OnLease({}, At(t));  // nothing is published any more
  EXPECT_EQ(ceiling.source(At(39'900)), Source::kHeld);
  EXPECT_EQ(ceiling.source(At(40'000)), Source::kStatic);
}

TEST(FleetCeiling, ANewLeaderEndsTheStaticShare) {
  auto ceiling = Ceiling(10);
  ceiling.OnRecord(Record(100, 1), At(0));
  EXPECT_EQ(ceiling.source(At(60'000)), Source::kStatic);
  ceiling.OnRecord(Record(300, 1, 0, 1, 2), At(60'000));
  EXPECT_DOUBLE_EQ(ceiling.Rate(At(60'000)), 300);
}

TEST(FleetCeiling, AnOlderRecordIsIgnored) {
  auto ceiling = Ceiling();
  ceiling.OnRecord(Record(100, 1, 0, 5, 7), At(0));
  ceiling.OnRecord(Record(900, 1, 0, 9, 6), At(1));
  ceiling.OnRecord(Record(900, 1, 0, 4, 7), At(1));
  EXPECT_DOUBLE_EQ(ceiling.Rate(At(1)), 100);
  ceiling.OnRecord(Record(200, 1, 0, 6, 7), At(2));
  EXPECT_DOUBLE_EQ(ceiling.Rate(At(2)), 200);
}

TEST(FleetCeiling, NoCeilingPublishedIsNoCeiling) {
  auto ceiling = Ceiling(10);
  GovernorRecord record = Record(1, 1);
  record.ceiling = false;
  ceiling.OnRecord(record, At(0));
  EXPECT_EQ(ceiling.source(At(100'000)), Source::kOff);
  EXPECT_TRUE(std::isinf(ceiling.Rate(At(100'000))));
}

TEST(FleetCeiling, AStaticShareIsKeptForTheImportant) {
  auto ceiling = Ceiling(100);
  Offer(ceiling, kSheddable, 0, 1, 100);
  EXPECT_FALSE(ceiling.Admit(kSheddable, At(0)));
  EXPECT_TRUE(ceiling.Admit(kNormal, At(0)));
  Offer(ceiling, kNormal, 0, 1, 100);
  EXPECT_TRUE(ceiling.Admit(kCritical, At(0)));
}

TEST(FleetCeiling, DemandCountsWhatIsRefusedToo) {
  auto ceiling = Ceiling();
  PerCriticality demand{};
  for (int t = 0; t < 3000; t += 100) {
    ceiling.OnLease(Lease(0, 1, 0, 0), At(t));
    Offer(ceiling, kNormal, t, 100, 2);
    demand = ceiling.TakeDemand(At(t + 100));
  }
  EXPECT_NEAR(demand[1], 2000, 20);
  EXPECT_EQ(demand[0], 0);
  EXPECT_EQ(ceiling.TakeDemand(At(3000))[1], demand[1]);
}

TEST(FleetCeiling, RetryAfterIsBounded) {
  auto ceiling = Ceiling(1);
  while (ceiling.Admit(kNormal, At(0))) {
  }
  EXPECT_EQ(ceiling.RetryAfter(kNormal, At(0)), seconds(1));
  EXPECT_EQ(ceiling.RetryAfter(kNormal, At(950)), milliseconds(100));
  auto closed = Ceiling();
  closed.OnLease(Lease(0, 0, 0, 0), At(0));
  EXPECT_FALSE(closed.Admit(kNormal, At(0)));
  EXPECT_EQ(closed.RetryAfter(kNormal, At(0)), seconds(10));
}

}  // namespace
}  // namespace flyball::admission
