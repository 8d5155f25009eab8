// What a Governor document says, typed, defaulted and checked (design: one loop that moves replicas and rates
// together).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pkg/spec/cron.h"
#include "pkg/spec/metric_selector.h"

namespace flyball::spec {

using std::chrono::milliseconds;

struct Slo {
  milliseconds latency{250};
  double percentile = 99;      // of answered requests
  double availability = 99.9;  // percent
};

struct Replicas {
  int min = 1;
  int max = 1;
  milliseconds startup{std::chrono::seconds(10)};  // D: from ordered to Ready
  int fallback = 0;                                // held when all metrics are stale > 120 s; 0 = min
};

// HPA v2 behaviour, honoured where given.
struct ScalingPolicy {
  enum class Type { kPods, kPercent } type = Type::kPercent;
  int value = 0;
  milliseconds period{0};
};
struct ScalingRules {
  std::optional<milliseconds> stabilization_window;
  std::vector<ScalingPolicy> policies;
  enum class Select { kMax, kMin, kDisabled } select = Select::kMax;
  std::optional<double> tolerance;
};

// A forecast by season, which may only raise the floor of replicas.
struct Forecast {
  bool enabled = false;
  milliseconds season{std::chrono::hours(24)};
};

struct CriticalityWeights {
  double critical = 1, normal = 1, sheddable = 1;
};

// A number from a Prometheus server, of the whole fleet, against a target a replica.
struct ExternalSignal {
  std::string name;    // a DNS label, for people
  std::string promql;  // an instant query; the series it finds are summed
  double target = 0;   // > 0
};

// The metrics by which a program that is not Flyball's own tells what it is asked for; the series each one finds on a
// pod are summed.
struct DemandMetrics {
  MetricSelector requests;  // a counter of what arrived, refusals included
  // A classic histogram of what was answered, by its name without _bucket; in seconds, or in milliseconds when its name
  // ends so (_milliseconds, _ms).
  std::optional<MetricSelector> latency;
  std::optional<MetricSelector> in_flight;  // a gauge
  std::optional<MetricSelector> shed;       // a counter of those of `requests` that were refused for lack of capacity
};

// Where the metrics of a target are read.
struct MetricsSource {
  enum class Kind { kPods, kPrometheus } kind = Kind::kPods;
  int port = 0;  // of the pods; 0 = the one that the target says
  std::string path = "/metrics";
  // kPrometheus: the label by which the server's series name the pod. "instance" is its host:port, any other one its
  // name.
  std::string pod_label = "pod";
};

// A quantile of the time from arrival to answer.
struct LatencySignal {
  double quantile = 0.95;
  milliseconds target{0};
};

// More replicas at known times.
struct Schedule {
  Cron cron;
  std::string time_zone = "UTC";  // a name of the tz database; that it exists is found out where it is read
  milliseconds duration{0};       // from each minute that `cron` names
  int min_replicas = 0;
};

struct Governor {
  std::string name;
  struct Target {  // an App, or anything with replicas: {"apps/v1", "Deployment", "web"}
    std::string api_version, kind, name;
  } target;
  enum class Mode { kEnforce, kObserve } mode = Mode::kEnforce;
  bool paused = false;
  Slo slo;
  Replicas replicas;
  std::optional<double> cpu_target;     // 0..1 of the request, or of one core per pod locally
  std::optional<double> memory_target;  // 0..1 of a pod's memory limit; it only ever raises replicas or holds them
  std::optional<LatencySignal> latency;
  std::optional<DemandMetrics> demand;  // none for an App, always there for other targets
  MetricsSource metrics;
  std::vector<ExternalSignal> external;
  std::string prometheus_url;               // "http://127.0.0.1:9090"; empty = none
  std::optional<double> capacity_hint_rps;  // requests a second one replica carries
  std::optional<int> workers;               // executor workers a pod
  double target_utilization = 0.80;         // rho*
  bool enforce_limits = true;               // false, as fleet_ceiling, for targets that are no App
  bool fleet_ceiling = true;
  CriticalityWeights weights;
  double quota_floor = 0.25;
  ScalingRules scale_up, scale_down;
  std::vector<Schedule> schedule;
  Forecast forecast;
  milliseconds scrape{std::chrono::seconds(2)};
};

}  // namespace flyball::spec
