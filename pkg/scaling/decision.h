// A decision of the governor as a value: what it saw, what it made of it, every rule applied in order, and the result.
// It holds all that the pure steps (recommend.h, constrain.h, allocate.h) took as input, so anybody can recompute it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/scaling/sample.h"

namespace flyball::scaling {

// One cause for wanting replicas. fractional = headroom * (1 + trend) * work / (resource * target); raw = its ceiling.
struct Signal {
  // "executor", "reactor", "cpu", "demand", "cpu-target", "memory", "latency", "external/NAME", "probe"
  std::string name;
  // Busy seconds a second over the fleet; "demand": requests/s; "cpu-target": cores in use; "memory": bytes; "latency":
  // the quantile in seconds times the Ready pods; "external/NAME": the number.
  double work = 0;
  double work_down = 0;  // the same with pods whose metrics are missing assumed to run at the target; >= work
  // What one pod has of it: workers, threads, cores; "demand": capacity in requests/s; "latency", "external/NAME": the
  // target.
  double resource = 0;
  double target = 0;    // wanted utilization of the resource, 0..1
  double headroom = 1;  // k
  double trend = 0;     // 0..0.25
  int current = 0;      // > 0: raw stays current when fractional is within `tolerance` of it
  double tolerance = 0;
  double fractional = 0, fractional_down = 0;
  int raw = 0, raw_down = 0;
};

// One rule applied to the number of replicas, in order. before == after when it changed nothing.
struct Step {
  std::string rule;  // "signals", "metrics", "tolerance", "scale-up-rate", ... (constrain.h lists them)
  int before = 0, after = 0;
  std::string reason;  // a clause for a person, empty when nothing changed
};

// What Constrain() takes. Replica counts unless said otherwise.
struct ConstraintInputs {
  int ordered = 0;          // replicas the target is asked to run now
  int ready = 0;            // of them, Ready
  int raw = 0;              // largest over the signals, from what was observed
  int raw_down = 0;         // the same with missing pods at the target utilization; >= raw
  bool has_signal = false;  // false: no signal could be computed; raw means nothing
  bool shedding = false;
  double fresh_share = 1;      // of Ready pods, those with a sample not older than 3 scrapes; 1 when none is Ready
  double stale_seconds = 0;    // since any pod's metrics were fresh
  int fallback = 0;            // for stale > 120 s; 0 = min
  double up_tolerance = 0.05;  // raise only when raw > (1 + tolerance) * ordered, unless shedding
  double down_tolerance = 0;   // lower only when raw_down < (1 - tolerance) * ordered
  int up_window_low = 0;       // least raw over behavior.scaleUp.stabilizationWindow; = raw when there is none
  int up_rate_limit = 0;       // most that may be ordered now
  std::string up_blocked;      // not empty: why replicas may not rise (pods that never become Ready)
  int window_peak = 0;         // most raw_down over the stabilization window
  double window_seconds = 0;
  int revoke_peak = 0;       // most raw_down over the last 30 s
  int down_rate_limit = 0;   // least that may be ordered now
  std::string down_blocked;  // not empty: why replicas may not fall (restart, clock gap)
  int floor = 0;             // from schedules, and from what the load needed a period ago
  std::string floor_reason;  // which of them; empty with a floor of 0
  int min = 1, max = 1;
  bool paused = false;
};

// What Allocate() takes. Requests a second.
struct AllocationInputs {
  double capacity_per_pod = 0;  // c; 0 = not known yet
  int ready = 0;
  bool ceiling_enabled = true;
  double ceiling_factor = 1.1;
  double knee_rps = 0;                           // > 0 after SharedBottleneck: the throughput there
  std::array<double, kCriticalities> offered{};  // arrivals that no nominal quota or login refused, retries too
  std::array<double, kCriticalities> weights{1, 1, 1};
  double quota_factor_before = 1;
  double quota_floor = 0.25;
  double limiter_shed_share = 0;  // of offered: shed by ceiling and pods (not by the lowered factor), last tick
};

// What is published to the pods besides the number of Ready pods.
struct Allocation {
  std::optional<double> ceiling_rps;           // none: the fleet is not limited
  std::array<double, kCriticalities> rates{};  // their sum is the ceiling; meaningless without one
  double quota_factor = 1;                     // multiplies quotas marked adaptive
  double static_share_rps = 0;                 // what one pod falls back to alone; 0 = its concurrency limit only
};

struct Condition {
  // ScalingLimited, MetricsMissing, Conflict, ScaleUpIneffective, SharedStateDown, TargetUnreachable
  std::string type;
  std::string reason;  // CamelCase
  std::string message;
  bool operator==(const Condition&) const = default;
};

// What was estimated, for people and metrics; what the steps need of it is repeated in their inputs.
struct Estimates {
  double arrivals_rps = 0;  // everything that came
  double demand_rps = 0;    // less refusals by login and nominal quota, less retries
  double retries_rps = 0;
  double admitted_rps = 0;       // completed
  double good_rps = 0;           // 2xx and 3xx
  double shed_share = 0;         // shed by fleet (adaptive included) or pods, of arrivals not refused; 0..1
  double late_share = 0;         // of completed, slower than the objective; 0..1
  double objective_seconds = 0;  // slo.latency
  double utilization = 0;        // executor: busy worker-seconds of what there is; 0..1
  double utilization_reactor = 0, utilization_cpu = 0;
  double service_seconds = 0;               // observed mean a completed request
  double price_seconds = 0;                 // what a request is held to cost (mean over the demand's mix)
  double queue_seconds = 0;                 // mean wait
  double p50_seconds = 0, p99_seconds = 0;  // of requests answered, over the rate window
  double capacity_per_pod_rps = 0;          // c
  double headroom = 1;                      // k
  double trend = 0;
  double mean_connections = 0;  // per Ready pod
  int fresh_pods = 0;
  int stuck_pods = 0;  // not Ready for longer than 3 D
  std::string probe;   // "", "running", "waiting", "shared-bottleneck"
};

struct Decision {
  std::string governor;
  WallTime at;
  uint64_t seq = 0;  // 1 for the first decision of this process
  Estimates estimates;
  std::vector<Signal> signals;  // the one that won first
  ConstraintInputs constraint_inputs;
  std::vector<Step> steps;
  AllocationInputs allocation_inputs;
  Allocation allocation;
  int ordered = 0;
  int desired = 0;
  bool act = false;  // false: observe mode, paused, or conflict: nothing may be written to the target
  std::vector<Condition> conditions;
  std::string reason;  // one sentence
};

// One JSON object; keys are the member names in lowerCamelCase, criticalities are objects {critical, normal,
// sheddable}, seconds end in Seconds and rates in Rps. raw, steps and rates can be recomputed from it alone; "text" is
// Explain(), so that whoever shows decisions to people needs no formulas.
std::string ToJson(const Decision& decision);

// One sentence without its full stop: what the load asks for, and the last rule that changed it. Reads everything but
// `reason`.
std::string Sentence(const Decision& decision);

// Several lines for a person, words and numbers: why this many replicas and these limits.
std::string Explain(const Decision& decision);

// Runs Recommend, Constrain and Allocate again on the inputs in `decision`.
struct Recomputed {
  int raw = 0, desired = 0;
  Allocation allocation;
};
Recomputed Recompute(const Decision& decision);

}  // namespace flyball::scaling
