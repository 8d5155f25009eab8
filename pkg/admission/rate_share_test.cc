#include "pkg/admission/rate_share.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "pkg/base/random.h"

namespace flyball::admission {
namespace {

std::vector<RateLease> All(const PerCriticality& rates, const std::vector<PerCriticality>& demands) {
  std::vector<RateLease> leases;
  for (size_t i = 0; i < demands.size(); ++i) leases.push_back(ShareRates(rates, demands, i));
  return leases;
}

double Total(const RateLease& lease) { return lease.rates[0] + lease.rates[1] + lease.rates[2] + lease.spare; }

TEST(ShareRates, UnderCapacityEverybodyGetsWhatItAsksAndPartOfTheRest) {
  const auto leases = All({10, 80, 10}, {{0, 30, 0}, {0, 10, 0}});
  EXPECT_DOUBLE_EQ(leases[0].rates[1], 30);
  EXPECT_DOUBLE_EQ(leases[1].rates[1], 10);
  EXPECT_DOUBLE_EQ(leases[0].spare, 30);
  EXPECT_DOUBLE_EQ(leases[1].spare, 30);
}

TEST(ShareRates, OverCapacityIsDividedByDemand) {
  const auto leases = All({0, 100, 0}, {{0, 300, 0}, {0, 100, 0}});
  EXPECT_DOUBLE_EQ(leases[0].rates[1], 75);
  EXPECT_DOUBLE_EQ(leases[1].rates[1], 25);
  EXPECT_DOUBLE_EQ(leases[0].spare, 0);
}

TEST(ShareRates, CriticalBorrowsFromSheddableThenNormal) {
  EXPECT_DOUBLE_EQ(All({20, 50, 30}, {{40, 100, 100}})[0].rates[0], 40);
  EXPECT_DOUBLE_EQ(All({20, 50, 30}, {{40, 100, 100}})[0].rates[1], 50);
  EXPECT_DOUBLE_EQ(All({20, 50, 30}, {{40, 100, 100}})[0].rates[2], 10);
  EXPECT_DOUBLE_EQ(All({20, 50, 30}, {{80, 100, 100}})[0].rates[1], 20);
  EXPECT_DOUBLE_EQ(All({20, 50, 30}, {{80, 100, 100}})[0].rates[2], 0);
  EXPECT_DOUBLE_EQ(All({20, 50, 30}, {{500, 100, 100}})[0].rates[0], 100);
}

TEST(ShareRates, WhatCriticalDoesNotUseGoesToNormalFirst) {
  const RateLease lease = All({60, 20, 20}, {{10, 60, 100}})[0];
  EXPECT_DOUBLE_EQ(lease.rates[1], 60);
  EXPECT_DOUBLE_EQ(lease.rates[2], 30);
}

TEST(ShareRates, APodWithoutDemandYetCanBegin) {
  const auto leases = All({0, 100, 0}, {{0, 190, 0}, {0, 0, 0}});
  EXPECT_GT(leases[1].rates[1], 1);
}

TEST(ShareRates, NobodyAskingLeavesEqualSpare) {
  for (const RateLease& lease : All({10, 20, 30}, {{}, {}, {}})) EXPECT_DOUBLE_EQ(lease.spare, 20);
}

TEST(ShareRates, TheSumIsTheCeilingExactly) {
  const uint64_t seed = 20261121;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 2000; ++round) {
    const PerCriticality rates{random.Uniform() * 100, random.Uniform() * 1000, random.Uniform() * 100};
    std::vector<PerCriticality> demands(1 + random.Below(9));
    for (auto& demand : demands)
      for (double& d : demand) d = random.Below(3) == 0 ? 0 : random.Uniform() * 400;
    double sum = 0;
    for (const RateLease& lease : All(rates, demands)) {
      for (double rate : lease.rates) EXPECT_GE(rate, 0);
      sum += Total(lease);
    }
    EXPECT_NEAR(sum, rates[0] + rates[1] + rates[2], 1e-6);
  }
}

TEST(ShareRates, NonsenseCountsAsNothing) {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const RateLease lease = ShareRates({nan, 100, -5}, {{inf, 50, nan}, {-1, 50, 0}}, 0);
  EXPECT_DOUBLE_EQ(lease.rates[0], 0);
  EXPECT_DOUBLE_EQ(lease.rates[1], 50);
  EXPECT_DOUBLE_EQ(lease.spare, 0);
}

}  // namespace
}  // namespace flyball::admission
