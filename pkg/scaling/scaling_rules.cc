#include "pkg/scaling/scaling_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flyball::scaling {
namespace {

int PeriodStart(std::span<const ReplicaChange> changes, int current, milliseconds period, SteadyTime now) {
  int start = current;
  for (const ReplicaChange& change : changes) {
    if (change.at > now - period) start -= change.by;
  }
  return start;
}

}  // namespace

int ScaleUpLimit(const spec::ScalingRules& rules, std::span<const ReplicaChange> changes, int current, SteadyTime now) {
  using Select = spec::ScalingRules::Select;
  if (rules.select == Select::kDisabled) return current;
  if (rules.policies.empty()) return std::numeric_limits<int>::max() / 2;
  int limit = rules.select == Select::kMax ? std::numeric_limits<int>::min() : std::numeric_limits<int>::max() / 2;
  for (const spec::ScalingPolicy& policy : rules.policies) {
    const int start = PeriodStart(changes, current, policy.period, now);
    const int proposed = policy.type == spec::ScalingPolicy::Type::kPods
                             ? start + policy.value
                             : static_cast<int>(std::ceil(start * (1 + policy.value / 100.0)));
    limit = rules.select == Select::kMax ? std::max(limit, proposed) : std::min(limit, proposed);
  }
  return limit;
}

int ScaleDownLimit(const spec::ScalingRules& rules, std::span<const ReplicaChange> changes, int current,
                   SteadyTime now) {
  using Select = spec::ScalingRules::Select;
  if (rules.select == Select::kDisabled) return current;
  if (rules.policies.empty()) return 0;
  int limit = rules.select == Select::kMax ? std::numeric_limits<int>::max() : std::numeric_limits<int>::min();
  for (const spec::ScalingPolicy& policy : rules.policies) {
    const int start = PeriodStart(changes, current, policy.period, now);
    const int proposed = policy.type == spec::ScalingPolicy::Type::kPods
                             ? start - policy.value
                             : static_cast<int>(start * (1 - policy.value / 100.0));
    limit = rules.select == Select::kMax ? std::min(limit, proposed) : std::max(limit, proposed);
  }
  return std::max(limit, 0);
}

}  // namespace flyball::scaling
