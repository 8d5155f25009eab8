// The autoscalers to beat, as their own sources and documents describe them.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pkg/scaling/scaling_rules.h"
#include "pkg/simulate/autoscaler.h"
#include "pkg/spec/governor.h"

namespace flyball::simulate {

// ---- HorizontalPodAutoscaler v2, kubernetes/pkg/controller/podautoscaler

struct PodUsage {
  std::optional<double> usage;  // in the unit of `request`; none = metrics missing
  double request = 1;
  bool ready = true;
};

// ReplicaCalculator.GetResourceReplicas: ceil(ratio * pods) with the tolerance, and the rules for unready pods (0 when
// scaling up) and missing metrics (at the target, but at least at their request, when scaling down; 0 when up).
int HpaResourceReplicas(int current, std::span<const PodUsage> pods, double target, double tolerance = 0.1);

// GetExternalPerPodMetricReplicas: a metric of the whole fleet against a target a pod.
int HpaExternalReplicas(int current, double metric, double target_per_pod, double tolerance = 0.1);

// HorizontalController.normalizeDesiredReplicasWithBehaviors: stabilize over a window, then limit the rate.
class HpaBehavior {
 public:
  // The defaults: up by the larger of 100 % and 4 pods a 15 s at once, down by 100 % a 15 s after 300 s.
  HpaBehavior(int min, int max);
  // A window that is not given is 0 s up and 300 s down.
  HpaBehavior(int min, int max, spec::ScalingRules up, spec::ScalingRules down);

  int Apply(int recommended, int current, SteadyTime now);

  // Its two halves (stabilizeRecommendationWithBehaviors, convertDesiredReplicasWithBehaviorRate).
  int Stabilize(int recommended, int current, SteadyTime now) const;
  int LimitRate(int stabilized, int current, SteadyTime now) const;
  // What they look back at; `at` never goes back.
  void RememberRecommendation(SteadyTime at, int recommended);
  void RememberChange(SteadyTime at, int by);

 private:
  int min_, max_;
  spec::ScalingRules up_, down_;
  std::deque<std::pair<SteadyTime, int>> recommendations_;
  std::deque<scaling::ReplicaChange> changes_;
};

// CPU utilization against `target`, averaged over the 15 s that metrics-server covers, every 15 s. A pod counts as not
// ready until such a window lies wholly after it became Ready (groupPods).
class Hpa final : public Autoscaler {
 public:
  Hpa(double target, int min, int max) : target_(target), behavior_(min, max) {}
  std::string_view name() const override { return "hpa"; }
  int Decide(const FleetSight& sight, SteadyTime now) override;

 private:
  double target_;
  HpaBehavior behavior_;
  std::optional<SteadyTime> due_, last_;
  std::map<std::string, double> cpu_;  // seconds, at the last sync
};

// KEDA's Prometheus scaler: the rate of requests over a minute against a target a pod (AverageValue), fed to an HPA.
// The HPA's every sync asks the scaler, unless `cached`: then it is asked every 30 s (useCachedMetrics,
// pollingInterval). With `cpu_target` > 0 both triggers, and the larger wins.
class Keda final : public Autoscaler {
 public:
  Keda(double rps_per_pod, double cpu_target, int min, int max, bool cached = false);
  std::string_view name() const override { return cpu_target_ > 0 ? "cpu+rate" : "keda"; }
  int Decide(const FleetSight& sight, SteadyTime now) override;

 private:
  double Rate(const FleetSight& sight, SteadyTime now);

  double rps_per_pod_, cpu_target_;
  bool cached_;
  HpaBehavior behavior_;
  std::optional<SteadyTime> due_, last_, poll_due_;
  double polled_rate_ = 0;
  std::map<std::string, double> cpu_, arrivals_;
  std::deque<std::pair<SteadyTime, double>> total_;  // arrivals so far, pods that are gone included
  double sum_ = 0;
};

// ---- Knative KPA, knative.dev/serving/pkg/autoscaler/scaling

class Kpa {
 public:
  struct Options {
    double target = 7;  // concurrency a pod: 70 % of its workers
    int min = 1, max = 100;
    double max_scale_up_rate = 1000, max_scale_down_rate = 2, panic_threshold = 2;
    milliseconds stable_window{std::chrono::seconds(60)}, scale_down_delay{0};
    bool reachable = true;  // false: the revision gets no traffic any more, and max_scale_down_rate does not hold
  };
  // Starts in panic when it finds more than one Ready pod: it has no history yet and must not scale them down.
  explicit Kpa(const Options& options, int ready = 0, SteadyTime now = {});
  // `stable` and `panic`: mean concurrency of the whole revision over the two windows.
  int Scale(double stable, double panic, int ready, SteadyTime now);
  bool panicking() const { return panic_since_.has_value(); }

 private:
  Options options_;
  std::optional<SteadyTime> panic_since_;
  int most_in_panic_ = 0;
  std::deque<std::pair<SteadyTime, int>> delayed_;
};

class Knative final : public Autoscaler {
 public:
  explicit Knative(const Kpa::Options& options) : options_(options) {}
  std::string_view name() const override { return "kpa"; }
  int Decide(const FleetSight& sight, SteadyTime now) override;

 private:
  Kpa::Options options_;
  std::optional<Kpa> kpa_;
  std::deque<std::pair<SteadyTime, double>> concurrency_;
};

}  // namespace flyball::simulate
