// The references against the numbers their own projects publish: the table tests of kubernetes v1.31.4 and
// knative.dev/serving v0.43.0, the documentation of KEDA 2.16. Each case has the name it has there.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pkg/simulate/references.h"

namespace flyball::simulate {
namespace {

constexpr SteadyTime kNow{std::chrono::hours(10)};

// ---- kubernetes v1.31.4, pkg/controller/podautoscaler/replica_calculator_test.go

constexpr double kMissing = -1;

struct Calculation {
  const char* name;
  int current, expected;
  double target;               // utilization
  std::vector<double> levels;  // millicores; kMissing where the test gives fewer levels than pods
  std::vector<bool> ready;     // empty: all; a pod with hot CPU or not yet ready counts as unready (groupPods)
  std::vector<double> requests{};
};

// Unready pods of the `MissingMetrics...` cases are those without a level: the test lists levels of the others.
const Calculation kCalculations[] = {
    {"TestReplicaCalcScaleUp", 3, 5, 0.30, {300, 500, 700}, {}},
    {"TestReplicaCalcScaleUpUnreadyLessScale", 3, 4, 0.30, {300, 500, 700}, {false, true, true}},
    {"TestReplicaCalcScaleUpHotCpuLessScale", 3, 4, 0.30, {300, 500, 700}, {false, true, true}},
    {"TestReplicaCalcScaleUpUnreadyNoScale", 3, 3, 0.30, {400, 500, 700}, {true, false, false}},
    {"TestReplicaCalcScaleUpIgnoresFailedPods", 2, 4, 0.30, {500, 700}, {}},
    {"TestReplicaCalcScaleDown", 5, 3, 0.50, {100, 300, 500, 250, 250}, {}},
    {"TestReplicaCalcScaleDownExcludeUnreadyPods",
     5,
     2,
     0.50,
     {100, 300, 500, 250, 250},
     {true, true, true, false, false}},
    {"TestReplicaCalcTolerance", 3, 3, 1.00, {1010, 1030, 1020}, {}, {900, 1000, 1100}},
    {"TestReplicaCalcMissingMetrics", 4, 3, 1.00, {400, 95, kMissing, kMissing}, {}},
    {"TestReplicaCalcMissingMetricsNoChangeEq", 2, 2, 1.00, {1000, kMissing}, {}},
    {"TestReplicaCalcMissingMetricsNoChangeGt", 2, 2, 1.00, {1900, kMissing}, {}},
    {"TestReplicaCalcMissingMetricsNoChangeLt", 2, 2, 1.00, {600, kMissing}, {}},
    {"TestReplicaCalcMissingMetricsUnreadyChange", 3, 3, 0.50, {100, 450, kMissing}, {false, true, true}},
    {"TestReplicaCalcMissingMetricsUnreadyScaleUp", 3, 4, 0.50, {100, 2000, kMissing}, {false, true, true}},
    {"TestReplicaCalcMissingMetricsUnreadyScaleDown", 4, 3, 0.50, {100, 100, 100, kMissing}, {false, true, true, true}},
    {"TestReplicaCalcMissingMetricsScaleDownTargetOver100",
     4,
     2,
     3.00,
     {200, 100, 100, kMissing},
     {false, true, true, true},
     {1000, 1000, 2000, 2000}},
    {"TestReplicaCalcDuringRollingUpdateWithMaxSurge", 2, 2, 0.50, {100, 100, kMissing}, {}},
};

TEST(PublishedHpa, ReplicaCalculator) {
  for (const Calculation& c : kCalculations) {
    std::vector<PodUsage> pods;
    for (size_t i = 0; i < c.levels.size(); ++i) {
      PodUsage pod{c.levels[i], c.requests.empty() ? 1000 : c.requests[i], c.ready.empty() || c.ready[i]};
      if (c.levels[i] == kMissing) pod.usage.reset();
      pods.push_back(pod);
    }
    EXPECT_EQ(HpaResourceReplicas(c.current, pods, c.target), c.expected) << c.name;
  }
}

// TestReplicaCalcComputedToleranceAlgImplementation: 10 pods of 150m, requests 300m give or take, target 56 % and 55 %
// against the tests' tolerance of 0.1: the first breaches it (9 pods), the second does not.
TEST(PublishedHpa, ComputedTolerance) {
  std::vector<PodUsage> pods;
  for (const double off : {100, -100, 10, -10, 2, -2, 1, -1, 0, 0}) pods.push_back({150, 300 + off});
  EXPECT_EQ(HpaResourceReplicas(10, pods, 0.56), 9);
  EXPECT_EQ(HpaResourceReplicas(10, pods, 0.55), 10);
}

// TestReplicaCalcScaleUpPerPodCMExternal, ...ScaleDownPerPod..., ...TolerancePerPod...: a metric of 8600 as a whole.
TEST(PublishedHpa, ExternalMetricPerPod) {
  EXPECT_EQ(HpaExternalReplicas(3, 8.600, 2.150), 4);
  EXPECT_EQ(HpaExternalReplicas(5, 8.600, 2.867), 3);
  EXPECT_EQ(HpaExternalReplicas(3, 8.600, 2.900), 3);
}

// ---- kubernetes v1.31.4, pkg/controller/podautoscaler/horizontal_test.go

struct Policies {
  int pods = 0, pods_period = 0, percent = 0, percent_period = 0;  // generateScalingRules
  bool is_default = false;
};
constexpr Policies kDefault{0, 0, 0, 0, true};

spec::ScalingRules Rules(const Policies& p, bool up) {
  using Type = spec::ScalingPolicy::Type;
  spec::ScalingRules rules;
  if (p.is_default && up) rules.policies.push_back({Type::kPods, 4, seconds(15)});
  if (p.is_default) rules.policies.push_back({Type::kPercent, 100, seconds(15)});
  if (p.pods != 0) rules.policies.push_back({Type::kPods, p.pods, seconds(p.pods_period)});
  if (p.percent != 0) rules.policies.push_back({Type::kPercent, p.percent, seconds(p.percent_period)});
  return rules;
}

struct RateLimit {
  const char* name;
  int current, desired, min, max;
  std::vector<int> ups, downs;  // generateEventsUniformDistribution over 120 s
  Policies up, down;
  int expected;
};

// TestScalingWithRules, all of its cases.
const RateLimit kRateLimits[] = {
    {"prenormalized desired replicas within range", 5, 7, 3, 8, {}, {}, kDefault, kDefault, 7},
    {"prenormalized desired replicas < minReplicas", 3, 1, 2, 8, {}, {}, kDefault, kDefault, 2},
    {"prenormalized desired replicas within range when minReplicas is 0", 1, 0, 0, 10, {}, {}, kDefault, kDefault, 0},
    {"maxReplicas is the limit because maxReplicas < scaleUpLimit", 20, 1000, 1, 10, {}, {}, kDefault, kDefault, 10},
    {"desired replica count is more than the maximum replica count",
     100,
     1000,
     100,
     150,
     {},
     {},
     kDefault,
     kDefault,
     150},
    {"scaleUpLimit is the limit because scaleUpLimit < maxReplicas with user policies",
     3,
     1000,
     1,
     2000,
     {},
     {},
     Policies{0, 0, 1, 60},
     kDefault,
     4},
    {"scaleDownLimit is the limit because scaleDownLimit > minReplicas with user defined policies",
     1000,
     3,
     3,
     2000,
     {},
     {},
     kDefault,
     Policies{20, 60, 0, 0},
     980},
    {"scaleUp with default behavior", 10, 50, 1, 1000, {}, {}, kDefault, kDefault, 20},
    {"scaleUp with pods policy larger than percent policy",
     10,
     500,
     1,
     1000,
     {},
     {},
     Policies{100, 60, 100, 60},
     kDefault,
     110},
    {"scaleUp with percent policy larger than pods policy",
     10,
     500,
     1,
     1000,
     {},
     {},
     Policies{2, 60, 100, 60},
     kDefault,
     20},
    {"scaleUp with spec MaxReplicas limitation with large pod policy",
     10,
     50,
     1,
     1000,
     {},
     {},
     Policies{100, 60, 0, 0},
     kDefault,
     50},
    {"scaleUp with spec MaxReplicas limitation with large percent policy",
     10,
     50,
     1,
     1000,
     {},
     {},
     Policies{10000, 60, 0, 0},
     kDefault,
     50},
    {"scaleUp with pod policy limitation", 10, 50, 1, 1000, {}, {}, Policies{30, 60, 0, 0}, kDefault, 40},
    {"scaleUp with percent policy limitation", 10, 50, 1, 1000, {}, {}, Policies{0, 0, 200, 60}, kDefault, 30},
    {"scaleDown with percent policy larger than pod policy",
     100,
     2,
     1,
     1000,
     {},
     {},
     kDefault,
     Policies{20, 60, 1, 60},
     80},
    {"scaleDown with pod policy larger than percent policy",
     100,
     2,
     1,
     1000,
     {},
     {},
     kDefault,
     Policies{2, 60, 1, 60},
     98},
    {"scaleDown with spec MinReplicas=nil limitation with large pod policy",
     10,
     0,
     1,
     1000,
     {},
     {},
     kDefault,
     Policies{100, 60, 0, 0},
     1},
    {"scaleDown with spec MinReplicas limitation with large pod policy",
     10,
     0,
     1,
     1000,
     {},
     {},
     kDefault,
     Policies{100, 60, 0, 0},
     1},
    {"scaleDown with spec MinReplicas limitation with large percent policy",
     10,
     2,
     5,
     1000,
     {},
     {},
     kDefault,
     Policies{0, 0, 100, 60},
     5},
    {"scaleDown with pod policy limitation", 10, 2, 1, 1000, {}, {}, kDefault, Policies{5, 60, 0, 0}, 5},
    {"scaleDown with percent policy limitation", 10, 5, 1, 1000, {}, {}, kDefault, Policies{0, 0, 50, 60}, 5},
    {"scaleUp with spec MaxReplicas limitation with large pod policy and events",
     100,
     500,
     1,
     200,
     {1, 5, 9},
     {},
     Policies{300, 60, 0, 0},
     kDefault,
     200},
    {"scaleUp with spec MaxReplicas limitation with large percent policy and events",
     100,
     500,
     1,
     200,
     {1, 5, 9},
     {},
     Policies{0, 0, 10000, 60},
     kDefault,
     200},
    {"scaleUp with currentReplicas limitation with rate.PeriodSeconds with a lot of recent scale up events",
     100,
     500,
     1,
     1000,
     {1, 5, 9},
     {},
     Policies{5, 120, 0, 0},
     kDefault,
     100},
    {"scaleUp with pod policy and previous scale up events",
     100,
     500,
     1,
     1000,
     {1, 5, 9},
     {},
     Policies{150, 120, 0, 0},
     kDefault,
     235},
    {"scaleUp with percent policy and previous scale up events",
     100,
     500,
     1,
     1000,
     {1, 5, 9},
     {},
     Policies{0, 0, 200, 120},
     kDefault,
     255},
    {"scaleUp with percent policy and previous scale up and down events",
     6,
     24,
     1,
     1000,
     {4},
     {2},
     Policies{0, 0, 300, 300},
     kDefault,
     16},
    {"scaleDown with default policy and previous events", 10, 5, 1, 1000, {}, {1, 5, 9}, kDefault, kDefault, 5},
    {"scaleDown with spec MinReplicas=nil limitation with large pod policy and previous events",
     100,
     0,
     1,
     1000,
     {},
     {1, 5, 9},
     kDefault,
     Policies{115, 120, 0, 0},
     1},
    {"scaleDown with spec MinReplicas limitation with large pod policy and previous events",
     100,
     0,
     5,
     1000,
     {},
     {1, 5, 9},
     kDefault,
     Policies{130, 120, 0, 0},
     5},
    {"scaleDown with spec MinReplicas limitation with large percent policy and previous events",
     100,
     2,
     5,
     1000,
     {},
     {1, 5, 9},
     kDefault,
     Policies{0, 0, 100, 120},
     5},
    {"scaleDown with pod policy limitation and previous events",
     100,
     2,
     1,
     1000,
     {},
     {1, 5, 9},
     kDefault,
     Policies{5, 120, 0, 0},
     100},
    {"scaleDown with percent policy limitation and previous events",
     100,
     0,
     1,
     1000,
     {},
     {2, 4, 6},
     kDefault,
     Policies{0, 0, 50, 120},
     56},
    {"scaleDown with percent policy and previous scale up and down events",
     10,
     1,
     1,
     1000,
     {2},
     {4},
     kDefault,
     Policies{0, 0, 50, 180},
     6},
    {"scaleDown with previous events preventing further scale down",
     100,
     0,
     1,
     1000,
     {},
     {10, 10, 10},
     kDefault,
     Policies{0, 0, 10, 120},
     100},
    {"scaleDown with with previous events still allowing more scale down",
     10,
     5,
     1,
     1000,
     {},
     {10, 10, 10},
     kDefault,
     Policies{0, 0, 1000, 120},
     5},
    {"check 'outdated' flag for events for one behavior for up",
     100,
     200,
     1,
     1000,
     {8, 12, 9, 11},
     {},
     Policies{1000, 60, 0, 0},
     kDefault,
     200},
    {"check that events were not marked 'outdated' for two different policies in the behavior for up",
     100,
     200,
     1,
     1000,
     {8, 12, 9, 11},
     {},
     Policies{1000, 120, 100, 60},
     kDefault,
     200},
    {"check that events were marked 'outdated' for two different policies in the behavior for up",
     100,
     200,
     1,
     1000,
     {8, 12, 9, 11},
     {},
     Policies{1000, 30, 100, 60},
     kDefault,
     200},
    {"check 'outdated' flag for events for one behavior for down",
     100,
     5,
     1,
     1000,
     {},
     {8, 12, 9, 11},
     kDefault,
     Policies{1000, 60, 0, 0},
     5},
    {"check that events were not marked 'outdated' for two different policies in the behavior for down",
     100,
     5,
     1,
     1000,
     {},
     {8, 12, 9, 11},
     kDefault,
     Policies{1000, 120, 100, 60},
     5},
    {"check that events were marked 'outdated' for two different policies in the behavior for down",
     100,
     5,
     1,
     1000,
     {},
     {8, 12, 9, 11},
     kDefault,
     Policies{1000, 30, 100, 60},
     5},
};

TEST(PublishedHpa, ScalingWithRules) {
  for (const RateLimit& c : kRateLimits) {
    HpaBehavior behavior(c.min, c.max, Rules(c.up, true), Rules(c.down, false));
    struct Past {
      double before;
      int by;
    };
    std::vector<Past> past;
    const auto spread = [&](const std::vector<int>& events, int sign) {
      const double segment = 120.0 / static_cast<double>(events.size());
      for (size_t i = 0; i < events.size(); ++i) {
        past.push_back({120 - segment * static_cast<double>(i + 1) + segment / 2, sign * events[i]});
      }
    };
    spread(c.ups, 1);
    spread(c.downs, -1);
    for (const Past& event : past) {
      behavior.RememberChange(kNow - milliseconds(static_cast<int>(event.before * 1000)), event.by);
    }
    EXPECT_EQ(behavior.LimitRate(c.desired, c.current, kNow), c.expected) << c.name;
  }
}

struct Stabilization {
  const char* name;
  std::vector<std::pair<int, int>> recommendations;  // replicas, minutes ago
  int current, desired, expected;
  int up_window = 0, down_window = 0;  // seconds
};

// TestNormalizeDesiredReplicasWithBehavior, all of its cases.
const Stabilization kStabilizations[] = {
    {"empty recommendations for scaling down", {}, 100, 5, 5},
    {"simple scale down stabilization", {{4, 2}, {5, 1}}, 100, 3, 5, 0, 180},
    {"simple scale up stabilization", {{4, 2}, {5, 1}}, 1, 7, 4, 300, 0},
    {"no scale down stabilization", {{1, 2}, {2, 1}}, 100, 3, 3, 300, 0},
    {"no scale up stabilization", {{4, 2}, {5, 1}}, 1, 3, 3, 0, 300},
    {"no scale down stabilization, reuse recommendation element", {{10, 10}, {9, 9}}, 100, 3, 3},
    {"no scale up stabilization, reuse recommendation element", {{10, 10}, {9, 9}}, 1, 100, 100},
    {"scale down stabilization, reuse one of obsolete recommendation element",
     {{10, 10}, {9, 9}, {5, 2}, {4, 1}},
     100,
     3,
     5,
     0,
     180},
    {"scale up stabilization, reuse one of obsolete recommendation element",
     {{10, 100}, {9, 3}, {5, 2}, {6, 1}},
     1,
     100,
     5,
     300,
     0},
    {"scale up and down stabilization, do not scale up when prenormalized rec goes down",
     {{2, 100}, {3, 3}},
     2,
     1,
     2,
     300,
     300},
    {"scale up and down stabilization, do not scale down when prenormalized rec goes up",
     {{2, 100}, {1, 3}},
     2,
     3,
     2,
     300,
     300},
};

TEST(PublishedHpa, NormalizeDesiredReplicasWithBehavior) {
  for (const Stabilization& c : kStabilizations) {
    spec::ScalingRules up, down;
    up.stabilization_window = seconds(c.up_window);
    down.stabilization_window = seconds(c.down_window);
    HpaBehavior behavior(1, 1000, up, down);
    for (const auto& [replicas, ago] : c.recommendations) {
      behavior.RememberRecommendation(kNow - std::chrono::minutes(ago), replicas);
    }
    EXPECT_EQ(behavior.Stabilize(c.desired, c.current, kNow), c.expected) << c.name;
  }
}

// ---- knative.dev/serving v0.43.0, pkg/autoscaler/scaling/autoscaler_test.go

// newTestAutoscaler: rates of change 10 both ways, panic threshold 2, stable window 60 s, one Ready pod at the start.
Kpa::Options TestOptions(double target) {
  Kpa::Options options;
  options.target = target;
  options.min = 0;
  options.max = 100'000;
  options.max_scale_up_rate = options.max_scale_down_rate = 10;
  return options;
}

struct Scale {
  const char* name;
  double target, stable, panic;
  int ready, expected;
  double up_rate = 10, down_rate = 10;
  bool reachable = true;
};

// TestAutoscalerScale and the tests of one call beside it.
const Scale kScales[] = {
    {"AutoscalerNoDataAtZeroNoAutoscale", 10, 0, 0, 1, 0},
    {"AutoscalerStableModeUnlimitedTBC", 181, 21, 26, 1, 1},
    {"Autoscaler0TBC", 10, 50, 49, 1, 5},
    {"AutoscalerStableModeNoChange", 10, 50, 50, 1, 5},
    {"AutoscalerStableModeNoChangeAlreadyScaled", 10, 50, 50, 5, 5},
    {"AutoscalerStableModeIncreaseWithSmallScaleUpRate", 1, 3, 3.1, 2, 3, 1.1},
    {"AutoscalerStableModeDecreaseWithSmallScaleDownRate", 10, 1, 1, 100, 90, 10, 1.1},
    {"AutoscalerStableModeDecreaseNonReachable", 10, 1, 1, 100, 1, 10, 1.1, false},
    {"AutoscalerPanicModeDoublePodCount", 10, 50, 100, 1, 10},
    {"TestAutoscalerRateLimitScaleUp, first", 10, 1000, 1001, 1, 10},
    {"TestAutoscalerRateLimitScaleUp, second", 10, 1000, 1001, 10, 100},
    {"TestAutoscalerRateLimitScaleDown, first", 10, 1, 1, 100, 10},
    {"TestAutoscalerRateLimitScaleDown, second", 10, 1, 1, 10, 1},
    {"TestAutoscalerUseOnePodAsMinimumIfEndpointsNotFound", 10, 1000, 888, 0, 10},
    {"TestAutoscalerStableModeNoTrafficScaleToZero, first", 10, 1, 0, 1, 1},
    {"TestAutoscalerStableModeDecrease, first", 10, 100, 100, 8, 10},
    {"TestAutoscalerStableModeDecrease, second", 10, 50, 50, 8, 5},
};

TEST(PublishedKpa, Scale) {
  for (const Scale& c : kScales) {
    Kpa::Options options = TestOptions(c.target);
    options.max_scale_up_rate = c.up_rate;
    options.max_scale_down_rate = c.down_rate;
    options.reachable = c.reachable;
    EXPECT_EQ(Kpa(options).Scale(c.stable, c.panic, c.ready, kNow), c.expected) << c.name;
  }
}

TEST(PublishedKpa, StableModeIncreaseWithConcurrencyDefault) {
  Kpa kpa(TestOptions(10), 1, kNow);
  EXPECT_EQ(kpa.Scale(50, 10, 1, kNow), 5);
  EXPECT_EQ(kpa.Scale(100, 10, 1, kNow), 10);
}

TEST(PublishedKpa, UnpanicAfterSlowIncrease) {
  Kpa kpa(TestOptions(1), 1, kNow);
  EXPECT_EQ(kpa.Scale(11, 25, 10, kNow), 25);
  EXPECT_TRUE(kpa.panicking());
  EXPECT_EQ(kpa.Scale(30, 41, 40, kNow + seconds(30)), 41);
  EXPECT_EQ(kpa.Scale(50, 56, 55, kNow + seconds(62)), 50);
  EXPECT_FALSE(kpa.panicking());
}

TEST(PublishedKpa, ExtendPanicWindow) {
  Kpa kpa(TestOptions(1), 1, kNow);
  EXPECT_EQ(kpa.Scale(11, 25, 10, kNow), 25);
  EXPECT_EQ(kpa.Scale(30, 80, 40, kNow + seconds(30)), 80);
  EXPECT_EQ(kpa.Scale(30, 30, 80, kNow + seconds(62)), 80);  // extended: still in panic, so no descent
  EXPECT_TRUE(kpa.panicking());
}

// AutoscalerPanicStableLargerThanPanic and ...LessThanPanic: already in panic, with 5 pods.
TEST(PublishedKpa, InPanicTheLargerOfTheTwoWindowsHolds) {
  Kpa larger(TestOptions(1), 5, kNow - seconds(5)), less(TestOptions(1), 5, kNow - seconds(5));
  EXPECT_EQ(larger.Scale(50, 30, 5, kNow), 50);
  EXPECT_EQ(less.Scale(20, 30, 5, kNow), 30);
}

TEST(PublishedKpa, PanicModeExponentialTrackAndStabilize) {
  Kpa kpa(TestOptions(1), 1, kNow);
  EXPECT_EQ(kpa.Scale(6, 6, 1, kNow), 6);
  EXPECT_EQ(kpa.Scale(36, 36, 6, kNow), 36);
  EXPECT_EQ(kpa.Scale(216, 216, 36, kNow + seconds(1)), 216);
  EXPECT_EQ(kpa.Scale(1296, 1296, 216, kNow + seconds(1)), 1296);
  EXPECT_EQ(kpa.Scale(1296, 1296, 1296, kNow + seconds(2)), 1296);
}

TEST(PublishedKpa, PanicThenUnPanicScaleDown) {
  Kpa kpa(TestOptions(10), 1, kNow);
  EXPECT_EQ(kpa.Scale(100, 100, 1, kNow), 10);
  EXPECT_EQ(kpa.Scale(100, 1000, 10, kNow), 100);
  EXPECT_EQ(kpa.Scale(1, 1, 10, kNow + seconds(30)), 100);
  EXPECT_EQ(kpa.Scale(1, 1, 10, kNow + seconds(61)), 1);
}

TEST(PublishedKpa, StartInPanicMode) {
  EXPECT_FALSE(Kpa(TestOptions(100), 0, kNow).panicking());
  EXPECT_FALSE(Kpa(TestOptions(100), 1, kNow).panicking());
  Kpa two(TestOptions(100), 2, kNow);
  EXPECT_TRUE(two.panicking());
  EXPECT_EQ(two.Scale(10, 10, 2, kNow + seconds(2)), 2);  // MaxPanicPods
}

// TestAutoscalerScaleDownDelay: target 10, a delay of 5 minutes, a panic threshold out of reach.
TEST(PublishedKpa, ScaleDownDelay) {
  Kpa::Options options = TestOptions(10);
  options.panic_threshold = 100;
  options.scale_down_delay = std::chrono::minutes(5);
  Kpa kpa(options);
  const auto at = [](int minute, int second = 0) { return kNow + std::chrono::minutes(minute) + seconds(second); };
  EXPECT_EQ(kpa.Scale(40, 40, 0, at(0, 2)), 4);
  EXPECT_EQ(kpa.Scale(0, 0, 0, at(5)), 4);
  EXPECT_EQ(kpa.Scale(0, 0, 0, at(5, 2)), 0);
  EXPECT_EQ(kpa.Scale(40, 40, 0, at(9)), 4);
  EXPECT_EQ(kpa.Scale(30, 30, 0, at(10)), 4);
  EXPECT_EQ(kpa.Scale(0, 0, 0, at(11)), 4);
  EXPECT_EQ(kpa.Scale(0, 0, 0, at(14)), 3);
  EXPECT_EQ(kpa.Scale(0, 0, 0, at(15)), 0);
}

TEST(PublishedKpa, ScaleDownDelayZero) {
  Kpa::Options options = TestOptions(10);
  options.panic_threshold = 100;
  Kpa kpa(options);
  EXPECT_EQ(kpa.Scale(40, 40, 0, kNow), 4);
  EXPECT_EQ(kpa.Scale(20, 20, 0, kNow + milliseconds(500)), 2);
}

// ---- KEDA

// keda.sh/docs/2.16/scalers/aws-sqs, queueLength: "if one pod can handle 10 messages, set the queue length target to
// 10. If the actual messages in the SQS Queue is 30, the scaler scales to 3 pods." The target is an AverageValue
// (kedacore/keda v2.16.1, pkg/scalers/scaler.go, GetMetricTargetType), so the arithmetic is the HPA's per pod.
TEST(PublishedKeda, AnAverageValueTargetDividesTheWholeMetric) {
  for (const int current : {1, 2, 5, 10}) EXPECT_EQ(HpaExternalReplicas(current, 30, 10), 3) << current;
}

// kedacore/keda v2.16.1, apis/keda/v1alpha1/withtriggers_types.go: defaultPollingInterval = 30, which
// scale_handler.go honours for the HPA's questions only with useCachedMetrics.
TEST(PublishedKeda, CachedMetricsAreThirtySecondsOldAtMostAndOthersAreAskedAtEverySync) {
  const auto first_rise = [](bool cached) {
    Keda keda(100, 0, 1, 50, cached);
    scaling::PodSample sample;
    sample.endpoints.push_back({.endpoint = "work"});
    FleetSight sight;
    sight.ordered = 1;
    sight.pods.push_back({.name = "a", .ready = true, .sample = &sample});
    for (int at = 0; at < 300; at += 2) {
      sample.endpoints[0].first_attempts += at < 62 ? 100 : 20'000;
      if (keda.Decide(sight, kNow + seconds(at)) > 1) return at;
    }
    return -1;
  };
  EXPECT_EQ(first_rise(false), 76);  // syncs at 60 and 75 s, decisions every 2 s
  EXPECT_EQ(first_rise(true), 90);
}

}  // namespace
}  // namespace flyball::simulate
