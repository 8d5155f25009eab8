// The control gates in their quick form: single runs, each of which one wrong turn of the design would spoil. The whole
// matrix is `make control-gates`.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>

#include "pkg/simulate/contender.h"
#include "pkg/simulate/gates.h"
#include "pkg/simulate/governed.h"

namespace flyball::simulate {
namespace {

constexpr double kBase = 400;  // of a pod: 400

spec::Governor Document(int startup) {
  spec::Governor document;
  document.name = "gates";
  document.replicas = {.min = 2, .max = 60, .startup = seconds(startup)};
  return document;
}

struct Ran {
  Outcome outcome;
  double fractional = 0;  // pods that the load asked for `look` seconds into the run
  int most = 0;           // replicas ordered
};

Ran Replay(const char* name, int startup, double look, double adaptive_quota_rps = 0) {
  class Watched final : public Autoscaler {
   public:
    Watched(const spec::Governor& document, double look) : inner_(document, kSimulationStart), look_(look) {}
    std::string_view name() const override { return inner_.name(); }
    std::optional<scaling::Allocation> Limits() const override { return inner_.Limits(); }
    int Decide(const FleetSight& sight, SteadyTime now) override {
      const int desired = inner_.Decide(sight, now);
      if (ToSeconds(now - kSimulationStart) <= look_ && !inner_.last().signals.empty()) {
        fractional = inner_.last().signals[0].fractional / inner_.last().signals[0].headroom;
      }
      most = std::max(most, desired);
      return desired;
    }
    double fractional = 0;
    int most = 0;

   private:
    Governed inner_;
    double look_;
  };
  const Trace trace = MakeTrace(name, kBase).value();
  FleetOptions options;
  options.pods = 3;
  options.startup = seconds(startup);
  options.adaptive_quota_rps = adaptive_quota_rps;
  Watched watched(Document(startup), look);
  Ran ran;
  ran.outcome = Simulate(trace, options, watched);
  ran.fractional = watched.fractional;
  ran.most = watched.most;
  return ran;
}

int ViolatedFrom(const Outcome& outcome, int from, int to) {
  int violated = 0;
  for (int i = from; i < to; ++i) {
    const Second& second = outcome.seconds[static_cast<size_t>(i)];
    violated += second.good < 0.95 * second.offered ? 1 : 0;
  }
  return violated;
}

constexpr double kFlashNeeds = 5 * kBase / 400 / 0.8;  // pods at the target after the flash trace's step

// Most of the crowd is shed at first; counted after admission it would not be seen until new pods are Ready.
TEST(ControlGates, FourTicksAfterAFlashTheWholeLoadIsKnown) {
  const Ran ran = Replay("flash", 60, 138);
  EXPECT_NEAR(ran.fractional / kFlashNeeds, 1, 0.1);
}

// The step ends at 130 s, and the factor of adaptive quotas is at its floor long before new pods are Ready. What it
// refuses is demand.
TEST(ControlGates, WhatTheLoweredQuotaFactorRefusesIsStillKnownWhenItIsAtItsFloor) {
  const Ran ran = Replay("flash", 60, 176, 6 * kBase);
  EXPECT_NEAR(ran.fractional / kFlashNeeds, 1, 0.15);
  EXPECT_EQ(ViolatedFrom(ran.outcome, 240, 400), 0);
}

// Six minutes of a database that is too slow: one probe at a time, and no price learnt from it.
TEST(ControlGates, ASharedSlowDatabaseDoesNotDriveReplicasToTheirMost) {
  const Ran ran = Replay("slow-database", 10, 1);
  EXPECT_LE(ran.most, 8);  // a probe orders at most what the observed price asks; then it is taken back
  EXPECT_LE(ran.outcome.PodHours(), 900.0 / 3600 * 4.5);
}

TEST(ControlGates, AFlashIsOverFifteenSecondsAfterAStartUp) {
  for (const int startup : {10, 30}) {
    const Ran ran = Replay("flash", startup, 1);
    EXPECT_EQ(ViolatedFrom(ran.outcome, 120 + startup + 15, 400), 0) << startup;
    EXPECT_GE(ran.outcome.critical_served / ran.outcome.critical_offered, 0.99) << startup;
  }
}

TEST(ControlGates, TheQuickMatrixIsBetterThanTheReferencesAndItsReportIsTheSameTwice) {
  const Gates gates(QuickMatrix());
  std::vector<Score> scores;
  for (const Job& job : gates.Jobs()) scores.push_back(gates.Run(job));
  for (const Gates::Result& result : gates.Evaluate(scores)) {
    const bool net = result.gate.starts_with("net violation");
    EXPECT_TRUE(result.met || !net) << result.gate << " " << result.value;
  }
  const Score again = gates.Run(gates.Jobs().front());
  EXPECT_EQ(again.pod_hours, scores.front().pod_hours);
  EXPECT_NE(gates.Report(scores).find("## Gates"), std::string::npos);
  EXPECT_EQ(gates.Report(scores), gates.Report(scores));
}

}  // namespace
}  // namespace flyball::simulate
