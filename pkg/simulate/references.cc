#include "pkg/simulate/references.h"

#include <algorithm>
#include <cmath>

namespace flyball::simulate {
namespace {

constexpr auto kSync = seconds(15);
constexpr auto kDownStabilization = seconds(300);

int Ceil(double value) { return static_cast<int>(std::ceil(value - 1e-9)); }

// CPU used by each pod since the last sync, in cores.
std::vector<PodUsage> CpuUsage(const FleetSight& sight, std::map<std::string, double>& before, double span) {
  std::vector<PodUsage> usage;
  std::map<std::string, double> now;
  for (const PodSight& pod : sight.pods) {
    PodUsage one{std::nullopt, sight.request_cores, pod.ready};
    if (pod.sample != nullptr) {
      now[pod.name] = pod.sample->cpu_seconds;
      const auto then = before.find(pod.name);
      if (then != before.end() && span > 0) one.usage = (pod.sample->cpu_seconds - then->second) / span;
    }
    usage.push_back(one);
  }
  before = std::move(now);
  return usage;
}

struct Ratio {
  double value = 0;
  int pods = 0;
};

Ratio UsageRatio(std::span<const PodUsage> pods, double target) {
  double usage = 0, request = 0;
  Ratio ratio;
  for (const PodUsage& pod : pods) {
    usage += *pod.usage;
    request += pod.request;
    ++ratio.pods;
  }
  ratio.value = request > 0 ? usage / request / target : 0;
  return ratio;
}

}  // namespace

int HpaResourceReplicas(int current, std::span<const PodUsage> pods, double target, double tolerance) {
  std::vector<PodUsage> ready, unready, missing;
  for (const PodUsage& pod : pods) {
    if (!pod.ready) {
      unready.push_back(pod);
    } else {
      (pod.usage ? ready : missing).push_back(pod);
    }
  }
  if (ready.empty()) return current;
  const Ratio ratio = UsageRatio(ready, target);
  const bool up_with_unready = !unready.empty() && ratio.value > 1;
  if (!up_with_unready && missing.empty()) {
    return std::abs(1 - ratio.value) <= tolerance ? current : Ceil(ratio.value * ratio.pods);
  }
  std::vector<PodUsage> all = ready;
  for (PodUsage& pod : missing) {
    pod.usage = ratio.value < 1 ? pod.request * std::max(1.0, target) : 0;
    all.push_back(pod);
  }
  for (PodUsage& pod : unready) {
    pod.usage = 0;
    if (up_with_unready) all.push_back(pod);
  }
  const Ratio again = UsageRatio(all, target);
  const bool reversed = (ratio.value < 1 && again.value > 1) || (ratio.value > 1 && again.value < 1);
  if (std::abs(1 - again.value) <= tolerance || reversed) return current;
  const int replicas = Ceil(again.value * again.pods);
  if ((again.value < 1 && replicas > current) || (again.value > 1 && replicas < current)) return current;
  return replicas;
}

int HpaExternalReplicas(int current, double metric, double target_per_pod, double tolerance) {
  const double ratio = metric / (target_per_pod * std::max(current, 1));
  return std::abs(1 - ratio) <= tolerance ? current : Ceil(metric / target_per_pod);
}

HpaBehavior::HpaBehavior(int min, int max) : min_(min), max_(max) {
  using Type = spec::ScalingPolicy::Type;
  up_.policies = {{Type::kPercent, 100, kSync}, {Type::kPods, 4, kSync}};
  down_.policies = {{Type::kPercent, 100, kSync}};
}

int HpaBehavior::Apply(int recommended, int current, SteadyTime now) {
  recommendations_.emplace_back(now, recommended);
  while (now - recommendations_.front().first > kDownStabilization) recommendations_.pop_front();
  int desired = recommended;
  if (recommended < current) {
    for (const auto& [at, count] : recommendations_) desired = std::max(desired, count);
    desired = std::min(desired, current);
  }
  if (desired > current)
    desired = std::min(desired, std::max(scaling::ScaleUpLimit(up_, changes_, current, now), current));
  if (desired < current) desired = std::max(desired, scaling::ScaleDownLimit(down_, changes_, current, now));
  desired = std::clamp(desired, min_, max_);
  if (desired != current) changes_.push_back({now, desired - current});
  if (changes_.size() > 64) changes_.erase(changes_.begin());
  return desired;
}

int Hpa::Decide(const FleetSight& sight, SteadyTime now) {
  if (last_ && now - *last_ < kSync) return sight.ordered;
  const double span = last_ ? ToSeconds(now - *last_) : 0;
  last_ = now;
  const std::vector<PodUsage> usage = CpuUsage(sight, cpu_, span);
  return behavior_.Apply(HpaResourceReplicas(sight.ordered, usage, target_), sight.ordered, now);
}

Keda::Keda(double rps_per_pod, double cpu_target, int min, int max)
    : rps_per_pod_(rps_per_pod), cpu_target_(cpu_target), behavior_(min, max) {}

double Keda::Rate(const FleetSight& sight, SteadyTime now) {
  for (const PodSight& pod : sight.pods) {
    if (pod.sample == nullptr) continue;
    double arrivals = 0;
    for (const auto& endpoint : pod.sample->endpoints) arrivals += endpoint.Arrivals();
    double& before = arrivals_[pod.name];
    sum_ += std::max(0.0, arrivals - before);
    before = arrivals;
  }
  total_.emplace_back(now, sum_);
  while (now - total_.front().first > std::chrono::minutes(1)) total_.pop_front();
  const double span = ToSeconds(now - total_.front().first);
  return span > 0 ? (sum_ - total_.front().second) / span : 0;
}

int Keda::Decide(const FleetSight& sight, SteadyTime now) {
  const double rate = Rate(sight, now);
  if (!polled_ || now - *polled_ >= seconds(30)) {
    polled_ = now;
    polled_rate_ = rate;
  }
  if (last_ && now - *last_ < kSync) return sight.ordered;
  const double span = last_ ? ToSeconds(now - *last_) : 0;
  last_ = now;
  int wanted = HpaExternalReplicas(sight.ordered, polled_rate_, rps_per_pod_);
  const std::vector<PodUsage> usage = CpuUsage(sight, cpu_, span);
  if (cpu_target_ > 0) wanted = std::max(wanted, HpaResourceReplicas(sight.ordered, usage, cpu_target_));
  return behavior_.Apply(wanted, sight.ordered, now);
}

int Kpa::Scale(double stable, double panic, int ready, SteadyTime now) {
  const double pods = std::max(ready, 1);
  const double most = std::ceil(options_.max_scale_up_rate * pods);
  const double least = std::floor(pods / options_.max_scale_down_rate);
  const auto bounded = [&](double wanted) { return static_cast<int>(std::clamp(wanted, least, most)); };
  const double wanted_panic = std::ceil(panic / options_.target);
  const int by_stable = bounded(std::ceil(stable / options_.target)), by_panic = bounded(wanted_panic);

  const bool over = wanted_panic / pods >= options_.panic_threshold;
  if (over) {
    if (!panic_since_) most_in_panic_ = 0;
    panic_since_ = now;
  } else if (panic_since_ && now - *panic_since_ > options_.stable_window) {
    panic_since_.reset();
  }
  int desired = by_stable;
  if (panic_since_) {
    desired = std::max(by_stable, by_panic);
    most_in_panic_ = std::max({most_in_panic_, desired, ready});
    desired = most_in_panic_;  // no descent in panic
  }
  if (options_.scale_down_delay > milliseconds(0)) {
    delayed_.emplace_back(now, desired);
    while (now - delayed_.front().first > options_.scale_down_delay) delayed_.pop_front();
    for (const auto& [at, count] : delayed_) desired = std::max(desired, count);
  }
  return std::clamp(desired, options_.min, options_.max);
}

int Knative::Decide(const FleetSight& sight, SteadyTime now) {
  double in_flight = 0;
  int ready = 0;
  for (const PodSight& pod : sight.pods) {
    ready += pod.ready ? 1 : 0;
    if (pod.sample != nullptr) in_flight += pod.sample->in_flight;
  }
  concurrency_.emplace_back(now, in_flight);
  while (now - concurrency_.front().first >= seconds(60)) concurrency_.pop_front();
  double stable = 0, panic = 0;
  int panic_count = 0;
  for (const auto& [at, value] : concurrency_) {
    stable += value / static_cast<double>(concurrency_.size());
    if (now - at >= seconds(6)) continue;
    panic += value;
    ++panic_count;
  }
  return kpa_.Scale(stable, panic / std::max(panic_count, 1), ready, now);
}

}  // namespace flyball::simulate
