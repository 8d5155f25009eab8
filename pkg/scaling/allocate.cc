#include "pkg/scaling/allocate.h"

#include <algorithm>

namespace flyball::scaling {
namespace {

constexpr double kGrowth = 1.25;
constexpr double kOverload = 0.02, kFactorFall = 0.9, kFactorStep = 0.05;

void Split(double ceiling, const AllocationInputs& in, std::array<double, kCriticalities>& rates) {
  double left = ceiling;
  for (size_t c = 0; c < kCriticalities; ++c) {
    const double asked = in.offered[c] * (c == 0 ? kGrowth : 1);
    rates[c] = std::min(asked, left);
    left -= rates[c];
  }
  const double weights = in.weights[0] + in.weights[1] + in.weights[2];
  for (size_t c = 0; c < kCriticalities; ++c) {
    rates[c] += weights > 0 ? left * in.weights[c] / weights : left / kCriticalities;
  }
}

}  // namespace

Allocation Allocate(const AllocationInputs& in) {
  Allocation out;
  const bool overload = in.limiter_shed_share > kOverload;
  out.quota_factor = std::clamp(overload ? in.quota_factor_before * kFactorFall : in.quota_factor_before + kFactorStep,
                                in.quota_floor, 1.0);
  out.static_share_rps = in.ceiling_factor * in.capacity_per_pod;
  if (!in.ceiling_enabled || in.capacity_per_pod <= 0 || in.ready <= 0) return out;
  // At a shared bottleneck a pod's capacity depends on how many there are; only the knee means something.
  const double ceiling = in.knee_rps > 0 ? in.knee_rps : in.ceiling_factor * in.capacity_per_pod * in.ready;
  out.ceiling_rps = ceiling;
  Split(ceiling, in, out.rates);
  return out;
}

}  // namespace flyball::scaling
