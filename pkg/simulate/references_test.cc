// The references beyond the numbers their projects publish (published_test.cc).
#include "pkg/simulate/references.h"

#include <gtest/gtest.h>

namespace flyball::simulate {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

std::vector<PodUsage> Pods(std::vector<double> millicores, std::vector<bool> ready = {}) {
  std::vector<PodUsage> pods;
  for (size_t i = 0; i < millicores.size(); ++i) {
    PodUsage pod{millicores[i], 1000, ready.empty() || ready[i]};
    if (millicores[i] < 0) pod.usage.reset();  // missing
    pods.push_back(pod);
  }
  return pods;
}

// kubernetes.io, "Horizontal Pod Autoscaling", algorithm details: 200m against 100m doubles, 50m halves, and a ratio
// within 0.1 of 1 does nothing.
TEST(Hpa, TheDocumentationsExamples) {
  EXPECT_EQ(HpaResourceReplicas(2, Pods({200, 200}), 0.1), 4);
  EXPECT_EQ(HpaResourceReplicas(2, Pods({50, 50}), 0.1), 1);
  EXPECT_EQ(HpaResourceReplicas(2, Pods({109, 109}), 0.1), 2);
}

// Missing metrics damp: assumed at their whole request (or the target, if larger) when scaling down, at 0 when up.
TEST(Hpa, MissingMetricsDampBothDirections) {
  EXPECT_EQ(HpaResourceReplicas(4, Pods({100, 100, -1, -1}), 0.5), 4);
  EXPECT_EQ(HpaResourceReplicas(2, Pods({1000, -1}), 0.5), 2);
  EXPECT_EQ(HpaResourceReplicas(2, Pods({1000, -1}), 0.2), 5);
}

TEST(Hpa, ExternalMetricAgainstATargetAPod) {
  EXPECT_EQ(HpaExternalReplicas(3, 1000, 200), 5);
  EXPECT_EQ(HpaExternalReplicas(5, 1050, 200), 5);  // within the tolerance
}

// kubernetes.io, default behaviour: up by the larger of 4 pods and 100 % every 15 s, down after 300 s.
TEST(Hpa, DefaultBehaviour) {
  HpaBehavior behavior(1, 100);
  EXPECT_EQ(behavior.Apply(50, 2, kStart), 6);
  EXPECT_EQ(behavior.Apply(50, 6, kStart + seconds(15)), 12);
  EXPECT_EQ(behavior.Apply(2, 12, kStart + seconds(30)), 12);
  for (int at = 45; at < 315; at += 15) EXPECT_EQ(behavior.Apply(2, 12, kStart + seconds(at)), 12) << at;
  EXPECT_EQ(behavior.Apply(2, 12, kStart + seconds(330)), 2);
}

Kpa::Options Ten() {
  Kpa::Options options;
  options.target = 10;
  options.max = 1000;
  return options;
}

// knative.dev/serving/pkg/autoscaler/scaling/autoscaler_test.go, by the situations of its tests.
TEST(Kpa, StableModeFollowsTheStableWindow) {
  EXPECT_EQ(Kpa(Ten()).Scale(50, 10, 5, kStart), 5);
  EXPECT_EQ(Kpa(Ten()).Scale(100, 10, 8, kStart), 10);
  EXPECT_EQ(Kpa(Ten()).Scale(50, 10, 10, kStart), 5);
}

TEST(Kpa, PanicsWhenTheShortWindowAsksForTwiceTheReadyPods) {
  Kpa kpa(Ten());
  EXPECT_EQ(kpa.Scale(50, 100, 1, kStart), 10);
  EXPECT_TRUE(kpa.panicking());
}

TEST(Kpa, DoesNotDescendInPanicAndLeavesItAfterTheStableWindow) {
  Kpa kpa(Ten());
  EXPECT_EQ(kpa.Scale(50, 100, 5, kStart), 10);
  EXPECT_EQ(kpa.Scale(50, 40, 10, kStart + seconds(30)), 10);
  EXPECT_TRUE(kpa.panicking());
  EXPECT_EQ(kpa.Scale(50, 40, 10, kStart + seconds(61)), 5);
  EXPECT_FALSE(kpa.panicking());
}

TEST(Kpa, ScalesDownByAtMostHalfAtATime) { EXPECT_EQ(Kpa(Ten()).Scale(10, 10, 10, kStart), 5); }

TEST(Kpa, ScaleDownDelayHoldsTheMaximum) {
  Kpa::Options options = Ten();
  options.scale_down_delay = seconds(30);
  Kpa kpa(options);
  EXPECT_EQ(kpa.Scale(100, 100, 10, kStart), 10);
  EXPECT_EQ(kpa.Scale(50, 50, 10, kStart + seconds(28)), 10);
  EXPECT_EQ(kpa.Scale(50, 50, 10, kStart + seconds(30)), 5);
}

}  // namespace
}  // namespace flyball::simulate
