#include "pkg/simulate/references.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flyball::simulate {
namespace {

constexpr auto kSync = seconds(15);
constexpr auto kDownStabilization = seconds(300);

// True once a period, however the caller's ticks fall into it.
bool Due(std::optional<SteadyTime>& due, milliseconds period, SteadyTime now) {
  if (due && now < *due) return false;
  due = due && now - *due < period ? *due + period : now + period;
  return true;
}

int Ceil(double value) { return static_cast<int>(std::ceil(value - 1e-9)); }

// CPU used by each pod since the last sync, in cores.
std::vector<PodUsage> CpuUsage(const FleetSight& sight, std::map<std::string, double>& before, double span,
                               SteadyTime now) {
  std::vector<PodUsage> usage;
  std::map<std::string, double> seen;
  for (const PodSight& pod : sight.pods) {
    PodUsage one{std::nullopt, sight.request_cores, pod.ready && now - pod.ready_at >= kSync};
    if (pod.sample != nullptr) {
      seen[pod.name] = pod.sample->cpu_seconds;
      const auto then = before.find(pod.name);
      if (then != before.end() && span > 0) one.usage = (pod.sample->cpu_seconds - then->second) / span;
    }
    usage.push_back(one);
  }
  before = std::move(seen);
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
  // In whole percent, as GetResourceUtilizationRatio has it.
  ratio.value = request > 0 ? std::floor(usage / request * 100 + 1e-9) / (target * 100) : 0;
  return ratio;
}

spec::ScalingRules DefaultUp() {
  using Type = spec::ScalingPolicy::Type;
  spec::ScalingRules rules;
  rules.policies = {{Type::kPods, 4, kSync}, {Type::kPercent, 100, kSync}};
  return rules;
}

spec::ScalingRules DefaultDown() {
  spec::ScalingRules rules;
  rules.policies = {{spec::ScalingPolicy::Type::kPercent, 100, kSync}};
  return rules;
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
    if (ratio.value != 1) all.push_back(pod);
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

HpaBehavior::HpaBehavior(int min, int max) : HpaBehavior(min, max, DefaultUp(), DefaultDown()) {}

HpaBehavior::HpaBehavior(int min, int max, spec::ScalingRules up, spec::ScalingRules down)
    : min_(min), max_(max), up_(std::move(up)), down_(std::move(down)) {}

int HpaBehavior::Stabilize(int recommended, int current, SteadyTime now) const {
  const milliseconds up_window = up_.stabilization_window.value_or(milliseconds(0));
  const milliseconds down_window = down_.stabilization_window.value_or(kDownStabilization);
  int least_up = recommended, most_down = recommended;
  for (const auto& [at, count] : recommendations_) {
    if (at > now - up_window) least_up = std::min(least_up, count);
    if (at > now - down_window) most_down = std::max(most_down, count);
  }
  return std::min(std::max(current, least_up), std::max(most_down, least_up));
}

int HpaBehavior::LimitRate(int stabilized, int current, SteadyTime now) const {
  const std::vector<scaling::ReplicaChange> changes(changes_.begin(), changes_.end());
  int desired = stabilized;
  if (desired > current)
    desired = std::min(desired, std::max(scaling::ScaleUpLimit(up_, changes, current, now), current));
  if (desired < current)
    desired = std::max(desired, std::min(scaling::ScaleDownLimit(down_, changes, current, now), current));
  return std::clamp(desired, min_, max_);
}

void HpaBehavior::RememberRecommendation(SteadyTime at, int recommended) {
  recommendations_.emplace_back(at, recommended);
  while (at - recommendations_.front().first > std::chrono::hours(1)) recommendations_.pop_front();
}

void HpaBehavior::RememberChange(SteadyTime at, int by) {
  if (by != 0) changes_.push_back({at, by});
  while (!changes_.empty() && at - changes_.front().at > std::chrono::hours(1)) changes_.pop_front();
}

int HpaBehavior::Apply(int recommended, int current, SteadyTime now) {
  const int stabilized = Stabilize(recommended, current, now);
  RememberRecommendation(now, recommended);
  const int desired = LimitRate(stabilized, current, now);
  RememberChange(now, desired - current);
  return desired;
}

int Hpa::Decide(const FleetSight& sight, SteadyTime now) {
  if (!Due(due_, kSync, now)) return sight.ordered;
  const double span = last_ ? ToSeconds(now - *last_) : 0;
  last_ = now;
  const std::vector<PodUsage> usage = CpuUsage(sight, cpu_, span, now);
  return behavior_.Apply(HpaResourceReplicas(sight.ordered, usage, target_), sight.ordered, now);
}

Keda::Keda(double rps_per_pod, double cpu_target, int min, int max, bool cached)
    : rps_per_pod_(rps_per_pod), cpu_target_(cpu_target), cached_(cached), behavior_(min, max) {}

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
  if (!cached_ || Due(poll_due_, seconds(30), now)) polled_rate_ = rate;
  if (!Due(due_, kSync, now)) return sight.ordered;
  const double span = last_ ? ToSeconds(now - *last_) : 0;
  last_ = now;
  int wanted = HpaExternalReplicas(sight.ordered, polled_rate_, rps_per_pod_);
  const std::vector<PodUsage> usage = CpuUsage(sight, cpu_, span, now);
  if (cpu_target_ > 0) wanted = std::max(wanted, HpaResourceReplicas(sight.ordered, usage, cpu_target_));
  return behavior_.Apply(wanted, sight.ordered, now);
}

Kpa::Kpa(const Options& options, int ready, SteadyTime now) : options_(options) {
  if (ready <= 1) return;
  panic_since_ = now;
  most_in_panic_ = ready;
}

int Kpa::Scale(double stable, double panic, int ready, SteadyTime now) {
  const double pods = std::max(ready, 1);
  const double most = std::ceil(options_.max_scale_up_rate * pods);
  const double least = options_.reachable ? std::floor(pods / options_.max_scale_down_rate) : 0;
  const auto bounded = [&](double wanted) { return static_cast<int>(std::min(std::max(wanted, least), most)); };
  const double wanted_panic = std::ceil(panic / options_.target);
  const int by_stable = bounded(std::ceil(stable / options_.target)), by_panic = bounded(wanted_panic);

  const bool over = wanted_panic / pods >= options_.panic_threshold;
  if (over) {
    panic_since_ = now;
  } else if (panic_since_ && now - *panic_since_ > options_.stable_window) {
    panic_since_.reset();
    most_in_panic_ = 0;
  }
  int desired = by_stable;
  if (panic_since_) {
    desired = std::max(by_stable, by_panic);
    most_in_panic_ = std::max(most_in_panic_, desired);
    desired = most_in_panic_;  // no descent in panic
  }
  if (options_.scale_down_delay > milliseconds(0)) {
    delayed_.emplace_back(now, desired);
    while (now - delayed_.front().first >= options_.scale_down_delay) delayed_.pop_front();
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
  if (!kpa_) kpa_.emplace(options_, ready, now);
  return kpa_->Scale(stable, panic / std::max(panic_count, 1), ready, now);
}

}  // namespace flyball::simulate
