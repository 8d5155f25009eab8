#include "pkg/simulate/governed.h"

#include <algorithm>
#include <cmath>

namespace flyball::simulate {

int Governed::Decide(const FleetSight& sight, SteadyTime now) {
  scaling::Inputs inputs;
  inputs.ordered = sight.ordered;
  inputs.cpu_request_cores = sight.request_cores;
  for (const PodSight& pod : sight.pods) {
    scaling::PodView view;
    view.name = pod.name;
    view.ready = pod.ready;
    view.pending_since = pod.ordered_at;
    view.sample = pod.sample;
    view.sampled_at = now;
    inputs.pods.push_back(std::move(view));
  }
  last_ = governor_.Decide(inputs, now);
  return last_.act ? last_.desired : sight.ordered;
}

Oracle::Oracle(const Trace& trace, SteadyTime start, milliseconds startup, double pod_rps, double target, int min,
               int max)
    : trace_(trace), start_(start), startup_(startup), pod_rps_(pod_rps), target_(target), min_(min), max_(max) {}

int Oracle::Decide(const FleetSight&, SteadyTime now) {
  const double at = ToSeconds(now - start_), ahead = ToSeconds(startup_) * 1.2 + 4;
  double needed = 0;
  for (double t = at - 10; t <= at + ahead; t += 2) {
    const double factor = trace_.service_factor.knots.empty() ? 1 : trace_.service_factor.At(t);
    needed = std::max(needed, trace_.rps.At(t) * factor / pod_rps_ / target_);
  }
  return std::clamp(static_cast<int>(std::ceil(needed - 1e-9)), min_, max_);
}

}  // namespace flyball::simulate
