#include "pkg/admission/concurrency_limit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "pkg/base/random.h"

namespace flyball::admission {
namespace {

// A pod of 8 workers whose latencies we choose; each Window() is 200 ms of it.
struct Pod {
  explicit Pod(int endpoints = 1) : limit({.workers = 8, .endpoints = endpoints}) { limit.Tick(0, now); }
  void Window(double latency_ms, int peak, int n = 50, int endpoint = 0) {
    for (int i = 0; i < n; ++i) limit.Sample(endpoint, nanoseconds(static_cast<int64_t>(latency_ms * 1e6)));
    Close(peak);
  }
  void Close(int peak) {
    now += ConcurrencyLimit::kWindow;
    EXPECT_TRUE(limit.Tick(peak, now));
  }
  SteadyTime now{std::chrono::hours(1)};
  ConcurrencyLimit limit;
};

TEST(LatencyWindow, MedianIsWithinItsBucket) {
  LatencyWindow window(1);
  for (double ms : {0.02, 0.7, 1.0, 20.0, 333.0, 5000.0}) {
    for (int i = 0; i < 100; ++i) window.Add(0, nanoseconds(static_cast<int64_t>(ms * 1e6)));
    EXPECT_NEAR(window.Median(0) * 1e3, ms, 0.13 * ms);
    window.Clear(0);
  }
  EXPECT_EQ(window.Median(0), 0);
}

TEST(LatencyWindow, TakesAnythingAndAbsorbs) {
  LatencyWindow a(2), b(2);
  a.Add(0, nanoseconds(-5));
  a.Add(1, std::chrono::hours(10));
  a.Add(77, milliseconds(1));
  a.Add(-1, milliseconds(1));
  b.Absorb(a);
  EXPECT_EQ(b.Count(0), 1);
  EXPECT_EQ(b.Count(1), 3);
  EXPECT_EQ(a.Count(1), 0);
}

TEST(ConcurrencyLimit, ANewPodTakesWhatItsQueueBounds) {
  Pod pod;
  EXPECT_EQ(pod.limit.limit(), 40);
  for (int i = 0; i < 50; ++i) pod.Window(20, 8);
  EXPECT_EQ(pod.limit.limit(), 40);
}

TEST(ConcurrencyLimit, ANewPodInAnOverloadLearnsWhatARequestTakesAndFallsToTheWorkers) {
  Pod pod;
  pod.Window(100, 40, 80);  // 80 answers of 100 ms in 200 ms: 40 in flight, five a worker
  EXPECT_NEAR(pod.limit.BaselineOf(0), 0.020, 0.003);
  for (int i = 0; i < 60; ++i) pod.Window(100, 40);
  EXPECT_EQ(pod.limit.limit(), 8);
}

TEST(ConcurrencyLimit, AMomentsPeakIsNotCrowding) {
  Pod pod;
  pod.Window(20, 14, 50);  // five in flight on average
  EXPECT_NEAR(pod.limit.BaselineOf(0), 0.020, 0.003);
}

TEST(ConcurrencyLimit, MillisecondsOfJitterAreNoCongestion) {
  Pod pod;
  pod.Window(1, 8);
  for (int i = 0; i < 200; ++i) pod.Window(i % 2 == 0 ? 1 : 4, 16);
  EXPECT_EQ(pod.limit.limit(), 40);
  for (int i = 0; i < 30; ++i) pod.Window(15, 40);
  EXPECT_LT(pod.limit.limit(), 12);
}

TEST(ConcurrencyLimit, GrowsWhileUsedAndFast) {
  Pod pod;
  pod.Window(20, 8);
  for (int i = 0; i < 100; ++i) pod.Window(200, 40);
  EXPECT_EQ(pod.limit.limit(), 8);
  for (int i = 0; i < 5; ++i) pod.Window(20, 8);
  EXPECT_NEAR(pod.limit.limit(), 8 + 5 * 0.2 * std::sqrt(9.0), 0.5);
  for (int i = 0; i < 100; ++i) pod.Window(20, static_cast<int>(pod.limit.limit()));
  EXPECT_EQ(pod.limit.limit(), 40);
}

TEST(ConcurrencyLimit, DoesNotGrowUnused) {
  Pod pod;
  pod.Window(20, 8);
  for (int i = 0; i < 100; ++i) pod.Window(200, 40);
  for (int i = 0; i < 50; ++i) pod.Window(20, 3);
  EXPECT_EQ(pod.limit.limit(), 8);
}

TEST(ConcurrencyLimit, FollowsTheFormula) {
  Pod pod;
  pod.Window(20, 8);
  const double s0 = pod.limit.BaselineOf(0);
  const double before = pod.limit.limit();
  LatencyWindow same(1);
  for (int i = 0; i < 50; ++i) same.Add(0, milliseconds(40));
  pod.Window(40, 20);
  const double g = 1.5 * s0 / same.Median(0);
  EXPECT_NEAR(pod.limit.gradient(), g, 1e-9);
  EXPECT_NEAR(pod.limit.limit(), std::max(8.0, 0.8 * before + 0.2 * (g * before + std::sqrt(before))), 1e-9);
}

TEST(ConcurrencyLimit, FallsUnderQueueingButNeverBelowTheWorkers) {
  Pod pod;
  for (int i = 0; i < 100; ++i) pod.Window(20, static_cast<int>(pod.limit.limit()));
  const double high = pod.limit.limit();
  pod.Window(100, 40);
  EXPECT_LT(pod.limit.limit(), high);
  for (int i = 0; i < 100; ++i) pod.Window(200, 40);
  EXPECT_EQ(pod.limit.limit(), 8);
}

TEST(ConcurrencyLimit, AConstantOverloadDoesNotTeachThatSlowIsNormal) {
  Pod pod;
  pod.Window(20, 8);
  const double s0 = pod.limit.BaselineOf(0);
  for (int i = 0; i < 1000; ++i) pod.Window(100, 9);
  EXPECT_EQ(pod.limit.BaselineOf(0), s0);
  EXPECT_EQ(pod.limit.limit(), 8);
}

TEST(ConcurrencyLimit, ASlowerServiceIsLearntSlowlyWithoutQueueing) {
  Pod pod;
  pod.Window(20, 8);
  const double s0 = pod.limit.BaselineOf(0);
  pod.Window(200, 8);
  EXPECT_LE(pod.limit.BaselineOf(0), 1.0101 * s0);
  for (int i = 0; i < 600; ++i) pod.Window(200, 8);
  EXPECT_GT(pod.limit.BaselineOf(0), 0.9 * 0.2);
}

TEST(ConcurrencyLimit, AFasterServiceIsLearntFast) {
  Pod pod;
  pod.Window(20, 8);
  for (int i = 0; i < 30; ++i) pod.Window(10, 20);
  EXPECT_LT(pod.limit.BaselineOf(0), 0.012);
}

TEST(ConcurrencyLimit, WeighsEndpointsByTheirUse) {
  Pod pod(2);
  for (int i = 0; i < 30; ++i) {
    for (int n = 0; n < 50; ++n) pod.limit.Sample(1, milliseconds(500));
    pod.Window(5, 20 <= pod.limit.limit() ? 8 : 8);
  }
  // The fast endpoint gets ten times slower: of the total time that is little.
  for (int n = 0; n < 50; ++n) pod.limit.Sample(1, milliseconds(500));
  pod.Window(50, 20);
  EXPECT_EQ(pod.limit.gradient(), 1);
  for (int n = 0; n < 50; ++n) pod.limit.Sample(1, milliseconds(2000));
  pod.Window(5, 20);
  EXPECT_EQ(pod.limit.gradient(), 0.5);
}

TEST(ConcurrencyLimit, FewSamplesWaitForMore) {
  Pod pod;
  for (int i = 0; i < 9; ++i) pod.Window(20, 1, 1);
  EXPECT_EQ(pod.limit.BaselineOf(0), 0);
  pod.Window(20, 1, 1);
  EXPECT_GT(pod.limit.BaselineOf(0), 0);
}

TEST(ConcurrencyLimit, AnEndpointFirstSeenUnderLoadIsNotRefusedToBeLearnt) {
  Pod pod(2);
  pod.Window(2, 8);
  for (int i = 0; i < 50; ++i) pod.Window(4, 16, 800, 1);
  EXPECT_NEAR(pod.limit.BaselineOf(1), 0.002, 0.0003);
  EXPECT_EQ(pod.limit.limit(), 40);
}

TEST(ConcurrencyLimit, ATimeoutCutsATenth) {
  Pod pod;
  pod.limit.OnTimeout();
  EXPECT_NEAR(pod.limit.limit(), 36, 1e-9);
  for (int i = 0; i < 100; ++i) pod.limit.OnTimeout();
  EXPECT_EQ(pod.limit.limit(), 8);
}

TEST(ConcurrencyLimit, ResetForgets) {
  Pod pod;
  pod.Window(20, 8);
  for (int i = 0; i < 100; ++i) pod.Window(200, 40);
  pod.limit.Reset();
  EXPECT_EQ(pod.limit.limit(), 40);
  EXPECT_EQ(pod.limit.BaselineOf(0), 0);
}

// Service times of mean 1: exponential, lognormal of cv 1.5, and nine short ones to a long one.
double Exponential(Random& random) { return -std::log(1 - random.Uniform()); }
double Lognormal(Random& random) {
  const double variance = std::log(1 + 1.5 * 1.5);
  const double normal = std::sqrt(2 * Exponential(random)) * std::cos(2 * M_PI * random.Uniform());
  return std::exp(std::sqrt(variance) * normal - variance / 2);
}
double Bimodal(Random& random) { return random.Uniform() < 0.9 ? 0.5 : 5.5; }

// 30 in flight of which none waits for another: the limit stays above them whatever the spread of service times.
TEST(ConcurrencyLimit, NoiseWithoutCongestionDoesNotCloseIt) {
  constexpr int kOffered = 30;
  struct {
    const char* name;
    double (*next)(Random&);
  } const services[] = {{"exponential", Exponential}, {"lognormal", Lognormal}, {"bimodal", Bimodal}};
  for (const auto& service : services) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      SCOPED_TRACE(std::string(service.name) + ", seed " + std::to_string(seed));
      Random random(seed);
      Pod pod;
      double lowest = 1000;
      for (int window = 0; window < 2000; ++window) {
        for (int i = 0; i < 80; ++i)
          pod.limit.Sample(0, nanoseconds(static_cast<int64_t>(service.next(random) * 20e6)));
        pod.Close(window < 100 ? 8 : kOffered);
        if (window > 300) lowest = std::min(lowest, pod.limit.limit());
      }
      EXPECT_GT(lowest, kOffered);
    }
  }
}

}  // namespace
}  // namespace flyball::admission
