// What the governor remembers between ticks: rates, prices, probes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "pkg/base/random.h"
#include "pkg/scaling/price.h"
#include "pkg/scaling/probe.h"
#include "pkg/scaling/rates.h"

namespace flyball::scaling {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};
constexpr auto kMaxGap = seconds(7);

// ---- PodHistory

struct Pod {
  PodSample sample;
  PodHistory history;
  CellTable table;
  SteadyTime now = kStart;

  Pod() {
    sample.workers = 8;
    sample.start_time_seconds = 1000;
    sample.monotonic_seconds = 50;
    sample.endpoints.push_back({.endpoint = "list"});
  }
  EndpointCounters& list() { return sample.endpoints[0]; }
  bool Scrape(double pod_seconds = 2, seconds scraper = seconds(2)) {
    sample.monotonic_seconds += pod_seconds;
    now += scraper;
    return history.Add(sample, now, table, kMaxGap);
  }
  double First() const { return history.newest().cells[0][Cell::kFirst]; }
};

TEST(PodHistory, TheFirstSampleGivesNoRate) {
  Pod pod;
  pod.list().first_attempts = 1'000'000;
  EXPECT_FALSE(pod.Scrape());
  EXPECT_FALSE(pod.history.HasRates());
}

TEST(PodHistory, RatesAreOverThePodsOwnClock) {
  Pod pod;
  pod.Scrape();
  pod.list().first_attempts += 300;
  ASSERT_TRUE(pod.Scrape(3, seconds(2)));  // the scrape was late, the pod's clock knows
  EXPECT_EQ(pod.First(), 300);
  EXPECT_EQ(pod.history.newest().seconds, 3);
}

TEST(PodHistory, AfterARestartTheDifferenceIsTheNewValue) {
  Pod pod;
  pod.list().first_attempts = 5000;
  pod.Scrape();
  pod.list().first_attempts = 40;
  pod.sample.start_time_seconds += 60;
  pod.sample.monotonic_seconds = 0;
  ASSERT_TRUE(pod.Scrape(1));
  EXPECT_EQ(pod.First(), 40);
  EXPECT_EQ(pod.history.newest().seconds, 2);  // the pod's clock began anew, so the scraper's counts
}

TEST(PodHistory, ACounterThatFellIsAReset) {
  Pod pod;
  pod.list().completed[0] = 100;
  pod.Scrape();
  pod.list().first_attempts = 7;
  pod.list().completed[0] = 5;
  ASSERT_TRUE(pod.Scrape());
  EXPECT_EQ(pod.First(), 7);
  EXPECT_EQ(pod.history.newest().cells[0][Cell::k2xx], 5);
}

TEST(PodHistory, AfterALongGapItStartsAnew) {
  Pod pod;
  pod.Scrape();
  ASSERT_TRUE(pod.Scrape());
  pod.list().first_attempts += 10'000;
  EXPECT_FALSE(pod.Scrape(60, seconds(60)));
  EXPECT_FALSE(pod.history.HasRates());
  EXPECT_TRUE(pod.Scrape());
}

TEST(PodHistory, TheSamePageTwiceIsNotZeroLoad) {
  Pod pod;
  pod.Scrape();
  pod.list().first_attempts += 100;
  ASSERT_TRUE(pod.Scrape());
  EXPECT_FALSE(pod.Scrape(0));
  EXPECT_EQ(pod.First(), 100);
}

TEST(PodHistory, NewEndpointsCountFromZero) {
  Pod pod;
  pod.Scrape();
  pod.sample.endpoints.push_back({.endpoint = "create", .criticality = Criticality::kCritical, .first_attempts = 9});
  ASSERT_TRUE(pod.Scrape());
  ASSERT_EQ(pod.history.newest().cells.size(), 2u);
  EXPECT_EQ(pod.history.newest().cells[1][Cell::kFirst], 9);
  EXPECT_EQ(pod.table.CriticalityOf(1), Criticality::kCritical);
}

TEST(PodHistory, CapacityIsWhatItWouldCompleteFullyBusy) {
  Pod pod;
  pod.Scrape();
  EXPECT_EQ(pod.history.Capacity(), 0);
  pod.list().completed[0] += 200;
  pod.sample.executor_busy_seconds += 4;  // 100/s with 2 of 8 workers
  pod.Scrape();
  EXPECT_NEAR(pod.history.Capacity(), 400, 1e-9);
}

TEST(CellTable, IsBounded) {
  CellTable table;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_LT(table.Id("e" + std::to_string(i), Criticality::kNormal, 0), CellTable::kMax);
  }
  EXPECT_EQ(table.size(), CellTable::kMax);
}

TEST(Cell, DemandCountsWhatWasShedButNotAbuseOrRetries) {
  Cell cell;
  cell.counters[Cell::kFirst] = 100;
  cell.counters[Cell::kRetries] = 20;
  cell.counters[Cell::kAuth] = 3;
  cell.counters[Cell::kQuota] = 7;
  cell.counters[Cell::kAdaptive] = 10;
  cell.counters[Cell::kFleet] = 30;
  cell.counters[Cell::kPod] = 40;
  EXPECT_EQ(cell.Offered(), 110);
  EXPECT_EQ(cell.Demand(), 90);
  EXPECT_EQ(cell.Shed(), 80);
}

TEST(FleetRates, LoadThatMovesBetweenPodsIsNotCountedTwice) {
  // 100/s on one pod; then a second pod takes half of it.
  CellTable table;
  PodHistory a, b;
  FleetRates rates;
  PodSample sa, sb;
  sa.workers = sb.workers = 8;
  sa.endpoints.push_back({.endpoint = "list"});
  sb.endpoints.push_back({.endpoint = "list"});
  for (int tick = 1; tick <= 8; ++tick) {
    const bool two = tick > 4;
    sa.monotonic_seconds = sb.monotonic_seconds = 2 * tick;
    sa.endpoints[0].first_attempts += two ? 100 : 200;
    sb.endpoints[0].first_attempts += two ? 100 : 0;
    a.Add(sa, kStart + seconds(2 * tick), table, kMaxGap);
    b.Add(sb, kStart + seconds(2 * tick), table, kMaxGap);
    FleetTick now;
    now.Add(a);
    now.Add(b);
    rates.Push(now);
    if (tick == 1) continue;
    EXPECT_NEAR(rates.newest().total[Cell::kFirst], 100, 1e-9) << tick;
    if (tick <= 4) continue;
    EXPECT_NEAR(rates.mean().total[Cell::kFirst], 100, 1e-9) << tick;
  }
}

// ---- Prices

FleetTick Served(double rps, double service, double cpu = 0) {
  FleetTick tick;
  tick.seconds = 6;
  tick.pods = 1;
  tick.workers = 8;
  Cell cell;
  cell.counters[Cell::kFirst] = cell.counters[Cell::k2xx] = cell.counters[Cell::kServiceCount] = rps;
  cell.counters[Cell::kServiceSeconds] = rps * service;
  tick.cells.push_back(cell);
  tick.total = cell;
  tick.executor_busy = rps * service;
  tick.cpu = rps * cpu;
  return tick;
}

double PriceAfter(Prices& prices, const FleetTick& tick, int ticks, bool queueing) {
  for (int i = 0; i < ticks; ++i) prices.Observe(tick, tick, queueing);
  return prices.Work(tick) / tick.total.Demand();
}

TEST(Prices, StartAtWhatWasObserved) {
  Prices prices;
  EXPECT_FALSE(prices.known());
  EXPECT_NEAR(PriceAfter(prices, Served(400, 0.020), 1, false), 0.020, 1e-9);
}

TEST(Prices, FallFast) {
  Prices prices;
  PriceAfter(prices, Served(400, 0.020), 1, false);
  EXPECT_LT(PriceAfter(prices, Served(400, 0.005), 4, false), 0.007);
}

TEST(Prices, NeverRiseUnderQueueing) {
  Prices prices;
  PriceAfter(prices, Served(400, 0.020), 1, false);
  EXPECT_NEAR(PriceAfter(prices, Served(400, 0.200), 500, true), 0.020, 1e-9);
}

TEST(Prices, RiseAtMostOnePercentATickOtherwise) {
  Prices prices;
  PriceAfter(prices, Served(400, 0.020), 1, false);
  const double after = PriceAfter(prices, Served(400, 0.200), 10, false);
  EXPECT_GT(after, 0.0215);
  EXPECT_LE(after, 0.020 * 1.105);
}

TEST(Prices, CpuTimeJumpsAfterTwoTicksEvenUnderQueueing) {
  Prices prices;
  PriceAfter(prices, Served(400, 0.020, 0.019), 5, false);
  EXPECT_LT(PriceAfter(prices, Served(400, 0.040, 0.038), 1, true), 0.030);  // could be noise
  EXPECT_NEAR(PriceAfter(prices, Served(400, 0.040, 0.038), 1, true), 0.039,
              1e-6);  // 20 ms, and 19 ms of CPU more than usual
}

TEST(Prices, AMixOfEndpointsThatComputeMoreIsNotChargedTwice) {
  Prices prices;
  FleetTick tick = Served(400, 0.020, 0.010);
  PriceAfter(prices, tick, 20, false);
  Cell heavy;
  heavy.counters[Cell::kFirst] = heavy.counters[Cell::k2xx] = heavy.counters[Cell::kServiceCount] = 100;
  heavy.counters[Cell::kServiceSeconds] = 100 * 0.200;
  tick.cells.push_back(heavy);
  tick.total.Add(heavy, 1);
  tick.cpu = (400 * 0.020 + 100 * 0.200) / 2;
  EXPECT_NEAR(PriceAfter(prices, tick, 3, true), 0.056, 0.002);  // (8 + 20) / 500
}

// What an idle pod computes anyway, and CPU time that no request waited for, is not the requests' price.
TEST(Prices, CpuTimeThatNobodyWaitedForAddsNothing) {
  Prices prices;
  PriceAfter(prices, Served(400, 0.020, 0.010), 5, false);
  EXPECT_NEAR(PriceAfter(prices, Served(400, 0.020, 0.090), 5, false), 0.020, 1e-6);
}

TEST(Prices, AHandfulOfRequestsIsNotChargedWithTheCpuOfIdlePods) {
  Prices prices;
  FleetTick logins = Served(0.7, 0.250, 0.250), few = Served(2, 0.0003);
  few.cpu = 0.1;  // two idle pods
  PriceAfter(prices, logins, 3, false);
  for (int tick = 0; tick < 30; ++tick) {
    prices.Observe(few, few, false);
    EXPECT_LE(prices.Work(few), 2 * 0.250);  // the login's price is all that is known at first
    EXPECT_NEAR(prices.CpuWork(few), 0.1, 1e-9);
  }
}

TEST(Prices, WorkNeverExceedsWhatWasUsedScaledByWhatWasAskedFor) {
  constexpr uint64_t kSeed = 5;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  Prices prices;
  for (int i = 0; i < 20'000; ++i) {
    FleetTick tick;
    tick.seconds = 2 + 4 * random.Uniform();
    tick.pods = 2;
    tick.workers = 16;
    double at_slowest = 0, most_shed = 1;
    for (const double service : {0.0003, 0.250, 0.020}) {
      const double demand = std::pow(10, 4 * random.Uniform() - 1), share = 0.05 + 0.95 * random.Uniform();
      Cell cell;
      cell.counters[Cell::kFirst] = demand;
      cell.counters[Cell::k2xx] = cell.counters[Cell::kServiceCount] = demand * share;
      cell.counters[Cell::kPod] = demand * (1 - share);
      cell.counters[Cell::kServiceSeconds] = demand * share * service * (1 + random.Uniform());
      tick.cells.push_back(cell);
      tick.total.Add(cell, 1);
      at_slowest += demand * 2 * service;
      most_shed = std::max(most_shed, 1 / share);
    }
    tick.executor_busy = tick.total[Cell::kServiceSeconds];
    tick.reactor_busy = 0.2 * random.Uniform();
    tick.cpu = tick.reactor_busy + std::pow(10, 4 * random.Uniform() - 2);
    prices.Observe(tick, tick, random.Uniform() < 0.5);
    ASSERT_LE(prices.Work(tick), 2 * at_slowest) << i;  // S0 and what goes beyond it, each at most twice the service
    ASSERT_LE(prices.CpuWork(tick), tick.cpu * most_shed * (1 + 1e-9)) << i;
    ASSERT_LE(prices.ReactorWork(tick), tick.reactor_busy * most_shed * (1 + 1e-9)) << i;
  }
}

TEST(Prices, CacheHitsMakeARequestCheaper) {
  Prices prices;
  FleetTick tick = Served(400, 0.020);
  tick.cells[0].counters[Cell::kFirst] = tick.cells[0].counters[Cell::k2xx] = 4000;  // nine of ten never saw a worker
  tick.total = tick.cells[0];
  EXPECT_NEAR(PriceAfter(prices, tick, 1, false), 0.002, 1e-9);
}

TEST(Prices, AnEndpointNeverServedCostsTheMean) {
  Prices prices;
  FleetTick tick = Served(400, 0.020);
  prices.Observe(tick, tick, false);
  Cell shed;
  shed.counters[Cell::kFirst] = shed.counters[Cell::kPod] = 100;
  tick.cells.push_back(shed);
  EXPECT_NEAR(prices.Work(tick), 500 * 0.020, 1e-9);
}

// ---- Probe

Probe::Tick Slow() {
  Probe::Tick tick;
  tick.observed_ratio = 2;
  tick.congested = tick.shedding = true;
  tick.ordered = tick.ready = tick.raw_by_price = 4;
  tick.raw_by_observed = 8;
  tick.max = 20;
  tick.completed_rps = 1000;
  tick.demand_rps = 2000;
  return tick;
}

constexpr auto kStartup = seconds(10);

TEST(Probe, BeginsAfterThreeSlowTicksWhenPriceSeesEnoughPods) {
  Probe probe;
  SteadyTime now = kStart;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(probe.replicas(), 0);
    probe.Step(Slow(), now += seconds(2), kStartup);
  }
  EXPECT_EQ(probe.replicas(), 8);
}

TEST(Probe, DoesNotBeginWhilePodsStartOrThePriceAsksForMore) {
  for (int pending : {0, 2}) {
    Probe probe;
    Probe::Tick tick = Slow();
    tick.pending = pending;
    if (pending == 0) tick.raw_by_price = 6;
    for (int i = 0; i < 10; ++i) probe.Step(tick, kStart + seconds(2 * i), kStartup);
    EXPECT_EQ(probe.replicas(), 0);
  }
}

Probe::Verdict RunProbe(Probe& probe, double completed_after) {
  SteadyTime now = kStart;
  for (int i = 0; i < 3; ++i) probe.Step(Slow(), now += seconds(2), kStartup);
  for (int i = 0; i < 60; ++i) {
    Probe::Tick tick = Slow();
    tick.ordered = 8;
    tick.ready = i < 5 ? 4 : 8;
    tick.pending = 8 - tick.ready;
    if (i >= 5) tick.completed_rps = completed_after;
    const Probe::Verdict verdict = probe.Step(tick, now += seconds(2), kStartup);
    if (verdict != Probe::Verdict::kNone) return verdict;
  }
  return Probe::Verdict::kNone;
}

TEST(Probe, ThroughputThatFollowsKeepsThePods) {
  Probe probe;
  EXPECT_EQ(RunProbe(probe, 1950), Probe::Verdict::kHelped);
  EXPECT_FALSE(probe.shared_bottleneck());
}

TEST(Probe, ThroughputThatDoesNotIsASharedBottleneckWithItsKnee) {
  Probe probe;
  EXPECT_EQ(RunProbe(probe, 1010), Probe::Verdict::kShared);
  EXPECT_TRUE(probe.shared_bottleneck());
  EXPECT_EQ(probe.replicas(), 0);
  EXPECT_NEAR(probe.knee_rps(), 1010, 1);
}

TEST(Probe, TheBottleneckIsForgottenWhenServiceTimesAreWellAgain) {
  Probe probe;
  RunProbe(probe, 1010);
  Probe::Tick well = Slow();
  well.observed_ratio = 1;
  well.congested = well.shedding = false;
  for (int i = 0; i < 5; ++i) probe.Step(well, kStart + std::chrono::minutes(5) + seconds(2 * i), kStartup);
  EXPECT_FALSE(probe.shared_bottleneck());
}

TEST(Probe, WaitsTwiceAsLongBeforeTheNext) {
  Probe probe;
  RunProbe(probe, 1010);
  SteadyTime now = kStart + std::chrono::minutes(2);
  int ticks_until[2] = {0, 0};
  for (int& ticks : ticks_until) {
    while (probe.replicas() == 0 && ticks < 1000) probe.Step(Slow(), now += seconds(2), kStartup), ++ticks;
    Probe::Tick none = Slow();
    none.ordered = none.ready = 8;
    while (probe.replicas() != 0) probe.Step(none, now += seconds(2), kStartup);
  }
  EXPECT_GT(ticks_until[1], ticks_until[0] + 20);
  EXPECT_LT(ticks_until[1], 1000);
}

}  // namespace
}  // namespace flyball::scaling
