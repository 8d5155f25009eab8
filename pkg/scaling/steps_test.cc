// The pure steps of a decision, one fact a test.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "pkg/base/random.h"
#include "pkg/scaling/allocate.h"
#include "pkg/scaling/constrain.h"
#include "pkg/scaling/down_window.h"
#include "pkg/scaling/recommend.h"
#include "pkg/scaling/scaling_rules.h"
#include "pkg/scaling/trend.h"

namespace flyball::scaling {
namespace {

using std::chrono::minutes;

// ---- Recommend

Signal Executor(double work, double workers) {
  Signal signal;
  signal.name = "executor";
  signal.work = signal.work_down = work;
  signal.resource = workers;
  signal.target = 0.8;
  return signal;
}

TEST(Recommend, FortyBusyWorkersNeedSevenPodsOfEightAtEightyPercent) {
  std::vector<Signal> signals{Executor(40, 8)};
  Recommend(signals);
  EXPECT_DOUBLE_EQ(signals[0].fractional, 6.25);
  EXPECT_EQ(signals[0].raw, 7);
}

TEST(Recommend, HeadroomAndTrendMultiply) {
  Signal signal = Executor(32, 8);
  signal.headroom = 1.1;
  signal.trend = 0.2;
  std::vector<Signal> signals{signal};
  Recommend(signals);
  EXPECT_NEAR(signals[0].fractional, 5 * 1.1 * 1.2, 1e-12);
}

TEST(Recommend, AWholeNumberIsNotRoundedUp) {
  std::vector<Signal> signals{Executor(0.1 * 3 * 6.4 / 0.3, 8)};  // 1.0000000000000002 pods
  Recommend(signals);
  EXPECT_EQ(signals[0].raw, 1);
}

TEST(Recommend, TheLargestComesFirstAndUnknownResourcesAreLeftOut) {
  Signal cpu = Executor(9, 1);
  cpu.name = "cpu";
  Signal reactor = Executor(1, 0);
  reactor.name = "reactor";
  std::vector<Signal> signals{Executor(40, 8), reactor, cpu};
  Recommend(signals);
  ASSERT_EQ(signals.size(), 2u);
  EXPECT_EQ(signals[0].name, "cpu");
}

TEST(Recommend, WithinTheHpaToleranceTheCurrentCountStays) {
  Signal signal = Executor(4.3 * 6.4, 8);
  signal.current = 4;
  signal.tolerance = 0.1;
  std::vector<Signal> signals{signal};
  Recommend(signals);
  EXPECT_EQ(signals[0].raw, 4);
}

TEST(Recommend, AbsurdWorkDoesNotOverflow) {
  std::vector<Signal> signals{Executor(1e300, 8)};
  Recommend(signals);
  EXPECT_EQ(signals[0].raw, 1'000'000);
}

// ---- Constrain

ConstraintInputs Four() {
  ConstraintInputs in;
  in.ordered = in.ready = in.raw = in.raw_down = in.window_peak = in.revoke_peak = in.up_window_low = 4;
  in.has_signal = true;
  in.up_rate_limit = 100;
  in.down_rate_limit = 1;
  in.min = 1;
  in.max = 100;
  return in;
}

ConstraintInputs Wanting(int raw) {
  ConstraintInputs in = Four();
  in.raw = in.raw_down = in.up_window_low = raw;
  in.window_peak = in.revoke_peak = raw;
  return in;
}

struct Case {
  const char* name;
  ConstraintInputs in;
  int desired;
  const char* rule;  // the last that changed something; "" = none
};

template <typename Change>
ConstraintInputs With(ConstraintInputs in, Change change) {
  change(in);
  return in;
}

std::vector<Case> Cases() {
  using In = ConstraintInputs;
  return {
      {"enough", Four(), 4, ""},
      {"up at once", Wanting(9), 9, "signals"},
      {"up capped by the rate", With(Wanting(90), [](In& in) { in.up_rate_limit = 14; }), 14, "scale-up-rate"},
      {"the rate never lowers", With(Wanting(9), [](In& in) { in.up_rate_limit = 2; }), 4, "scale-up-rate"},
      {"up held by the scale-up window", With(Wanting(9), [](In& in) { in.up_window_low = 6; }), 6, "scale-up-window"},
      {"tolerance holds a small raise", With(Wanting(31), [](In& in) { in.ordered = in.ready = 30; }), 30, "tolerance"},
      {"shedding waives it", With(Wanting(31), [](In& in) { in.ordered = in.ready = 30, in.shedding = true; }), 31,
       "signals"},
      {"pods that never start block", With(Wanting(9), [](In& in) { in.up_blocked = "x"; }), 4, "pods-not-ready"},
      {"down", Wanting(2), 2, "signals"},
      {"the window holds", With(Wanting(2), [](In& in) { in.window_peak = 3; }), 3, "scale-down-window"},
      {"the window never raises", With(Wanting(2), [](In& in) { in.window_peak = 9; }), 4, "scale-down-window"},
      {"down rate", With(Wanting(1), [](In& in) { in.down_rate_limit = 3; }), 3, "scale-down-rate"},
      {"blocked", With(Wanting(1), [](In& in) { in.down_blocked = "restart"; }), 4, "scale-down-blocked"},
      {"missing pods run at the target", With(Wanting(1), [](In& in) { in.raw_down = 3, in.window_peak = 3; }), 3,
       "missing-metrics"},
      {"and never turn down into up", With(Wanting(1), [](In& in) { in.raw_down = 9, in.window_peak = 9; }), 4,
       "missing-metrics"},
      {"few fresh: not down", With(Wanting(1), [](In& in) { in.fresh_share = 0.4; }), 4, "stale-metrics"},
      {"few fresh: still up", With(Wanting(9), [](In& in) { in.fresh_share = 0.4; }), 9, "signals"},
      {"all stale holds", With(Wanting(1), [](In& in) { in.stale_seconds = 31, in.has_signal = false; }), 4, ""},
      {"long stale falls back",
       With(Wanting(1), [](In& in) { in.stale_seconds = 121, in.has_signal = false, in.fallback = 6; }), 6,
       "stale-metrics"},
      {"the fallback never lowers",
       With(Wanting(1), [](In& in) { in.stale_seconds = 121, in.has_signal = false, in.fallback = 2; }), 4, ""},
      {"no signal holds", With(Wanting(0), [](In& in) { in.has_signal = false; }), 4, ""},
      {"revoked before they start", With(Wanting(2), [](In& in) { in.ordered = 9, in.ready = 2, in.window_peak = 9; }),
       2, "revoke"},
      {"Ready pods are not revoked", With(Wanting(2), [](In& in) { in.ordered = 9, in.ready = 5, in.window_peak = 9; }),
       5, "revoke"},
      {"not revoked within 30 s",
       With(Wanting(2), [](In& in) { in.ordered = 9, in.ready = 2, in.window_peak = 9, in.revoke_peak = 9; }), 9,
       "scale-down-window"},
      {"floor", With(Wanting(2), [](In& in) { in.floor = 6; }), 6, "floor"},
      {"min", With(Wanting(0), [](In& in) { in.min = 2; }), 2, "min"},
      {"max", With(Wanting(9), [](In& in) { in.max = 5; }), 5, "max"},
      {"max beats the floor", With(Wanting(9), [](In& in) { in.max = 5, in.floor = 8; }), 5, "max"},
      {"paused", With(Wanting(9), [](In& in) { in.paused = true; }), 4, "paused"},
  };
}

TEST(Constrain, EachRuleDoesWhatItSays) {
  for (const Case& c : Cases()) {
    const std::vector<Step> steps = Constrain(c.in);
    EXPECT_EQ(steps.back().after, c.desired) << c.name;
    const auto last = std::find_if(steps.rbegin(), steps.rend(), [](const Step& s) { return s.before != s.after; });
    EXPECT_EQ(last == steps.rend() ? "" : last->rule, c.rule) << c.name;
  }
}

TEST(Constrain, StepsChainAndSayWhyWhereverTheyChange) {
  for (const Case& c : Cases()) {
    int now = c.in.ordered;
    for (const Step& step : Constrain(c.in)) {
      EXPECT_EQ(step.before, now) << c.name;
      EXPECT_EQ(step.reason.empty(), step.before == step.after) << c.name << " " << step.rule;
      now = step.after;
    }
  }
}

TEST(Constrain, AnyInputsStayWithinBoundsAndMissingMetricsNeverReverse) {
  constexpr uint64_t kSeed = 11;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Random random(kSeed);
  const auto some = [&](int below) { return static_cast<int>(random.Below(static_cast<uint64_t>(below))); };
  for (int i = 0; i < 50'000; ++i) {
    ConstraintInputs in;
    in.ordered = 1 + some(30);
    in.ready = some(in.ordered + 1);
    in.raw = some(40);
    in.raw_down = in.raw + some(10);
    in.has_signal = some(5) > 0;
    in.shedding = some(2) == 0;
    in.fresh_share = random.Uniform();
    in.stale_seconds = some(2) == 0 ? 0 : some(200);
    in.up_window_low = some(40);
    in.up_rate_limit = some(60);
    in.window_peak = std::max(in.raw_down, some(40));
    in.revoke_peak = std::max(in.raw_down, some(in.window_peak + 1));
    in.down_rate_limit = some(30);
    in.min = 1 + some(5);
    in.max = in.min + some(30);
    in.ordered = std::clamp(in.ordered, in.min, in.max);
    in.ready = std::min(in.ready, in.ordered);
    const int desired = Constrain(in).back().after;
    ASSERT_GE(desired, in.min);
    ASSERT_LE(desired, in.max);
    if (in.raw >= in.ordered && in.stale_seconds <= 120) {
      ASSERT_GE(desired, in.ordered);
    }
    if (in.raw <= in.ordered && in.stale_seconds <= 120) {
      ASSERT_LE(desired, in.ordered);
    }
    if (in.fresh_share < 0.5 || in.stale_seconds > 30) {
      ASSERT_GE(desired, in.ordered);
    }
  }
}

// ---- Allocate

AllocationInputs TwoPods() {
  AllocationInputs in;
  in.capacity_per_pod = 400;
  in.ready = 2;
  in.offered = {100, 300, 100};
  return in;
}

double Sum(const Allocation& a) { return a.rates[0] + a.rates[1] + a.rates[2]; }

TEST(Allocate, TheCeilingIsATenthAboveWhatReadyPodsCarry) {
  const Allocation a = Allocate(TwoPods());
  ASSERT_TRUE(a.ceiling_rps);
  EXPECT_NEAR(*a.ceiling_rps, 880, 1e-9);
  EXPECT_NEAR(Sum(a), 880, 1e-9);
  EXPECT_NEAR(a.static_share_rps, 440, 1e-9);
}

TEST(Allocate, InOverloadCriticalComesFirstThenNormal) {
  AllocationInputs in = TwoPods();
  in.offered = {400, 600, 900};
  const Allocation a = Allocate(in);
  EXPECT_NEAR(a.rates[0], 500, 1e-9);  // a quarter to grow
  EXPECT_NEAR(a.rates[1], 380, 1e-9);
  EXPECT_NEAR(a.rates[2], 0, 1e-9);
}

TEST(Allocate, WhatIsLeftGoesByWeight) {
  AllocationInputs in = TwoPods();
  in.offered = {0, 80, 0};
  in.weights = {3, 1, 0};
  const Allocation a = Allocate(in);
  EXPECT_NEAR(a.rates[0], 600, 1e-9);
  EXPECT_NEAR(a.rates[1], 280, 1e-9);
  EXPECT_NEAR(a.rates[2], 0, 1e-9);
}

TEST(Allocate, AtASharedBottleneckTheCeilingIsTheKnee) {
  AllocationInputs in = TwoPods();
  in.knee_rps = 300;
  EXPECT_NEAR(*Allocate(in).ceiling_rps, 300, 1e-9);
}

TEST(Allocate, UnknownCapacityOrNoPodsIsNoCeiling) {
  AllocationInputs in = TwoPods();
  in.capacity_per_pod = 0;
  EXPECT_FALSE(Allocate(in).ceiling_rps);
  in = TwoPods();
  in.ready = 0;
  EXPECT_FALSE(Allocate(in).ceiling_rps);
}

TEST(Allocate, TheQuotaFactorFallsUnderOverloadToItsFloorAndRecoversByASteps) {
  AllocationInputs in = TwoPods();
  in.limiter_shed_share = 0.5;
  EXPECT_NEAR(Allocate(in).quota_factor, 0.9, 1e-12);
  in.quota_factor_before = 0.26;
  EXPECT_NEAR(Allocate(in).quota_factor, 0.25, 1e-12);
  in.limiter_shed_share = 0;
  EXPECT_NEAR(Allocate(in).quota_factor, 0.31, 1e-12);
  in.quota_factor_before = 0.98;
  EXPECT_NEAR(Allocate(in).quota_factor, 1, 1e-12);
}

// ---- Trend

TEST(Trend, ARampIsCarriedOnForTheLead) {
  std::vector<double> loads;
  for (int i = 0; i < 15; ++i) loads.push_back(1000 + 10 * i);  // 5/s
  EXPECT_NEAR(Trend(loads, 2, 14), 5 * 14 / 1140.0, 1e-9);
}

TEST(Trend, NoiseStepsFallsAndTooLittleDataAreNoTrend) {
  std::vector<double> step(7, 1000.0);
  step.resize(15, 2000.0);
  EXPECT_EQ(Trend(step, 2, 14), 0);
  std::vector<double> falling, noisy;
  Random random(3);
  for (int i = 0; i < 15; ++i) {
    falling.push_back(1000 - 10 * i);
    noisy.push_back(1000 + 200 * random.Uniform());
  }
  EXPECT_EQ(Trend(falling, 2, 14), 0);
  EXPECT_EQ(Trend(noisy, 2, 14), 0);
  EXPECT_EQ(Trend(std::vector<double>{1, 2, 3}, 2, 14), 0);
  EXPECT_EQ(Trend(std::vector<double>(15, 0.0), 2, 14), 0);
}

TEST(Trend, AtMostAQuarter) {
  std::vector<double> loads;
  for (int i = 0; i < 15; ++i) loads.push_back(1000 + 16 * i);
  EXPECT_DOUBLE_EQ(Trend(loads, 2, 120), 0.25);
}

// ---- ChooseDownWindow

std::vector<int> OnOff(int on_ticks, int off_ticks, int high, int low) {
  std::vector<int> raw;
  while (raw.size() < 900) {
    raw.insert(raw.end(), static_cast<size_t>(on_ticks), high);
    raw.insert(raw.end(), static_cast<size_t>(off_ticks), low);
  }
  return raw;
}

seconds Choose(const std::vector<int>& raw) { return ChooseDownWindow(raw, seconds(2), seconds(30), 0.8); }

TEST(ChooseDownWindow, UntilThereIsHistoryItIsTheDefault) {
  EXPECT_EQ(Choose(std::vector<int>(149, 4)), kDefaultWindow);
}

TEST(ChooseDownWindow, PausesShorterThanAWindowAreBridged) {
  EXPECT_EQ(Choose(OnOff(60, 60, 10, 2)), seconds(600));  // 120 s pauses: 180 bridges them, the longest costs the same
}

TEST(ChooseDownWindow, ARareSpikeIsNotHeldForLong) { EXPECT_EQ(Choose(OnOff(15, 885, 10, 2)), seconds(60)); }

// ---- HPA behaviour (k8s.io, "Configurable scaling behavior", the examples of the documentation)

spec::ScalingRules Rules(std::vector<spec::ScalingPolicy> policies) {
  spec::ScalingRules rules;
  rules.policies = std::move(policies);
  return rules;
}

constexpr SteadyTime kNow{std::chrono::hours(1)};
using Type = spec::ScalingPolicy::Type;

TEST(ScalingRules, ScaleDownTakesTheLargerChangeOfFourPodsAndTenPercent) {
  const auto rules = Rules({{Type::kPods, 4, minutes(1)}, {Type::kPercent, 10, minutes(1)}});
  EXPECT_EQ(ScaleDownLimit(rules, {}, 80, kNow), 72);  // 10 % of 80 is 8
  EXPECT_EQ(ScaleDownLimit(rules, {}, 72, kNow), 64);  // 7.2 rounds up to 8
  EXPECT_EQ(ScaleDownLimit(rules, {}, 40, kNow), 36);
  EXPECT_EQ(ScaleDownLimit(rules, {}, 20, kNow), 16);  // 4 pods are more than 10 %
}

TEST(ScalingRules, SelectMinTakesTheSmallerChangeAndDisabledNone) {
  auto rules = Rules({{Type::kPods, 5, minutes(1)}, {Type::kPercent, 10, minutes(1)}});
  rules.select = spec::ScalingRules::Select::kMin;
  EXPECT_EQ(ScaleDownLimit(rules, {}, 80, kNow), 75);
  rules.select = spec::ScalingRules::Select::kDisabled;
  EXPECT_EQ(ScaleDownLimit(rules, {}, 80, kNow), 80);
  EXPECT_EQ(ScaleUpLimit(rules, {}, 80, kNow), 80);
}

TEST(ScalingRules, TheDefaultScaleUpIsFourPodsOrDoubleIn15Seconds) {
  const auto rules = Rules({{Type::kPercent, 100, seconds(15)}, {Type::kPods, 4, seconds(15)}});
  EXPECT_EQ(ScaleUpLimit(rules, {}, 2, kNow), 6);
  EXPECT_EQ(ScaleUpLimit(rules, {}, 10, kNow), 20);
}

TEST(ScalingRules, ChangesWithinThePeriodCount) {
  const auto rules = Rules({{Type::kPods, 4, seconds(15)}});
  const ReplicaChange recent[] = {{kNow - seconds(20), 9}, {kNow - seconds(5), 3}};
  EXPECT_EQ(ScaleUpLimit(rules, recent, 10, kNow), 11);
}

TEST(ScalingRules, WithoutPoliciesThereIsNoLimit) {
  EXPECT_GT(ScaleUpLimit({}, {}, 10, kNow), 1'000'000);
  EXPECT_EQ(ScaleDownLimit({}, {}, 10, kNow), 0);
}

}  // namespace
}  // namespace flyball::scaling
