// Rate limits of a HorizontalPodAutoscaler's `behavior`, as k8s.io/kubernetes pkg/controller/podautoscaler computes
// them (calculateScaleUpLimitWithScalingRules, calculateScaleDownLimitWithBehaviors).
#pragma once

#include <span>

#include "pkg/base/clock.h"
#include "pkg/spec/governor.h"

namespace flyball::scaling {

struct ReplicaChange {
  SteadyTime at;
  int by = 0;  // > 0 added, < 0 removed
};

// The most that may be ordered now. `changes` oldest first, reaching back at least the longest period. Without policies
// the answer is unbounded (a large number); Select::kDisabled gives `current`.
int ScaleUpLimit(const spec::ScalingRules& rules, std::span<const ReplicaChange> changes, int current, SteadyTime now);

// The least that may be ordered now; 0 without policies.
int ScaleDownLimit(const spec::ScalingRules& rules, std::span<const ReplicaChange> changes, int current,
                   SteadyTime now);

}  // namespace flyball::scaling
