#include "pkg/simulate/simulation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "pkg/simulate/governed.h"
#include "pkg/simulate/references.h"

namespace flyball::simulate {
namespace {

class Fixed final : public Autoscaler {
 public:
  explicit Fixed(int replicas) : replicas_(replicas) {}
  std::string_view name() const override { return "fixed"; }
  int Decide(const FleetSight&, SteadyTime) override { return replicas_; }

 private:
  int replicas_;
};

Trace Steady(double rps, int duration) {
  Trace trace;
  trace.name = "steady";
  trace.duration = seconds(duration);
  trace.rps.knots = {{0, rps}};
  return trace;
}

spec::Governor Document(seconds startup) {
  spec::Governor doc;
  doc.replicas = {.min = 2, .max = 60, .startup = startup};
  return doc;
}

TEST(Simulation, TheSameSeedGivesTheSameHistoryAndAnotherDoesNot) {
  const auto run = [](uint64_t seed) {
    FleetOptions options;
    options.seed = seed;
    Governed governed(Document(seconds(10)), kSimulationStart);
    return Simulate(MakeTrace("flash", 100).value(), options, governed).hash;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(Simulation, OffersWhatTheTraceSaysWithinItsNoise) {
  Fixed fixed(4);
  const Outcome outcome = Simulate(Steady(500, 60), {}, fixed);
  EXPECT_NEAR(outcome.offered, 30'000, 4 * std::sqrt(30'000));
  EXPECT_NEAR(outcome.pod_seconds, 2 * 2 + 4 * 58, 1);
}

// M/M/1 with the load 0.5: the mean time in the system is S / (1 - rho) (Kleinrock, Queueing Systems I, 3.2).
TEST(Simulation, OneWorkerWithoutALimiterIsAnMM1Queue) {
  class Watch final : public Autoscaler {
   public:
    std::string_view name() const override { return "watch"; }
    int Decide(const FleetSight& sight, SteadyTime) override {
      last = *sight.pods[0].sample;
      return 1;
    }
    scaling::PodSample last;
  };
  Watch watch;
  FleetOptions options;
  options.pods = 1;
  options.workers = 1;
  options.limiter = false;
  Simulate(Steady(25, 4000), options, watch);
  double sum = 0, count = 0;
  for (const auto& histogram : watch.last.request) sum += histogram.sum_seconds, count += histogram.Count();
  EXPECT_NEAR(sum / count, 0.040, 0.002);
  EXPECT_NEAR(watch.last.executor_busy_seconds / watch.last.monotonic_seconds, 0.5, 0.02);
}

TEST(Simulation, ServiceTimesHaveTheMeanTheyShould) {
  for (const auto service :
       {FleetOptions::Service::kExponential, FleetOptions::Service::kLognormal, FleetOptions::Service::kBimodal}) {
    class Watch final : public Autoscaler {
     public:
      std::string_view name() const override { return "watch"; }
      int Decide(const FleetSight& sight, SteadyTime) override {
        mean = 0;
        double count = 0;
        for (const auto& cell : sight.pods[0].sample->endpoints)
          mean += cell.service_seconds, count += cell.service_count;
        mean /= count;
        return 1;
      }
      double mean = 0;
    };
    Watch watch;
    FleetOptions options;
    options.pods = 1;
    options.service = service;
    Simulate(Steady(200, 300), options, watch);
    EXPECT_NEAR(watch.mean, 0.020, 0.001);
  }
}

TEST(Simulation, AnOverloadedFleetServesWhatItCanAndCriticalFirst) {
  Fixed fixed(2);
  const Outcome outcome = Simulate(Steady(2400, 60), {}, fixed);  // three times what two pods carry
  EXPECT_GT(outcome.good, 0.80 * 800 * 60);
  EXPECT_GT(outcome.critical_served / outcome.critical_offered, 0.6);
}

TEST(Simulation, TheGovernorHoldsCriticalTrafficInAFlashCrowd) {
  FleetOptions options;
  Governed governed(Document(seconds(10)), kSimulationStart);
  const Outcome outcome = Simulate(MakeTrace("flash", 320).value(), options, governed);
  EXPECT_GT(outcome.critical_served / outcome.critical_offered, 0.97);
  EXPECT_LE(outcome.violated_seconds, 35);
}

TEST(Simulation, ABrokenShareOfNewPodsDoesNotStopService) {
  FleetOptions options;
  options.crash_share = 0.2;
  Governed governed(Document(seconds(10)), kSimulationStart);
  const Outcome outcome = Simulate(MakeTrace("flash", 200).value(), options, governed);
  EXPECT_GT(outcome.good / outcome.offered, 0.7);
}

TEST(Trace, CurvesInterpolateAndStep) {
  const Curve curve{{{0, 1}, {10, 3}, {10, 7}, {20, 7}}};
  EXPECT_DOUBLE_EQ(curve.At(-1), 1);
  EXPECT_DOUBLE_EQ(curve.At(5), 2);
  EXPECT_DOUBLE_EQ(curve.At(10), 7);
  EXPECT_DOUBLE_EQ(curve.At(99), 7);
}

TEST(Trace, EveryNamedTraceExistsAndOthersAreRefusedByName) {
  for (const std::string& name : TraceNames()) {
    const auto trace = MakeTrace(name, 100);
    ASSERT_TRUE(trace) << name;
    EXPECT_GT(trace->duration.count(), 0);
    EXPECT_GT(trace->rps.At(1), 0);
  }
  EXPECT_NE(MakeTrace("tsunami", 100).error().message.find("expected one of flash"), std::string::npos);
}

TEST(Trace, ReadsCsvAndNamesTheLineThatIsWrong) {
  const auto trace = ReadTrace("seconds,rps\n0,10\n60,20 # noon\r\n\n120,15\n");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->duration, seconds(120));
  EXPECT_DOUBLE_EQ(trace->rps.At(30), 15);
  EXPECT_EQ(ReadTrace("0,10\n5;3\n").error().message.find("line 2"), 0u);
  EXPECT_EQ(ReadTrace("0,10\n5,-3\n").error().message.find("line 2"), 0u);
  EXPECT_EQ(ReadTrace("9,10\n5,3\n").error().message, "line 2: time goes back");
  EXPECT_FALSE(ReadTrace(""));
}

}  // namespace
}  // namespace flyball::simulate
