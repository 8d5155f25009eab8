// What one scrape of one pod gives, as plain values: cumulative counters since the pod started, and gauges. Rates are
// the estimator's business (rates.h), because they need two samples and the pod's own clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/spec/app.h"

namespace flyball::scaling {

using spec::Criticality;
inline constexpr size_t kCriticalities = 3;  // indexed by static_cast<size_t>(Criticality), most important first

// Upper bounds of the latency buckets in seconds: 0.25 ms doubling to 16.384 s. One more bucket holds what is longer.
inline constexpr size_t kLatencyBounds = 17;
inline constexpr double LatencyBound(size_t i) { return 0.00025 * static_cast<double>(uint64_t{1} << i); }

// A histogram on that grid; counts are per bucket (not cumulative over buckets), cumulative over time.
struct LatencyHistogram {
  std::array<double, kLatencyBounds + 1> buckets{};
  double sum_seconds = 0;

  double Count() const;
  // How many were longer than `bound`, by linear interpolation inside the bucket. bound > 0.
  double LongerThan(double bound_seconds) const;
  // The q-quantile in seconds, q in [0, 1], by linear interpolation; 0 when empty, the last bound when beyond it.
  double Quantile(double q) const;
};

// One endpoint at one criticality. All are counters since the pod started.
struct EndpointCounters {
  std::string endpoint;
  Criticality criticality = Criticality::kNormal;

  // Every request on arrival, before any limiter.
  double first_attempts = 0;
  double retries = 0;
  // Refusals, of arrivals above. The first two are not demand; the others are.
  double refused_auth = 0;
  double refused_quota = 0;     // by the quota as written (factor 1)
  double refused_adaptive = 0;  // by what the lowered quota factor took away
  double shed_fleet = 0;        // by the fleet ceiling
  double shed_pod = 0;          // by the pod's concurrency limit or its queue
  // Answered by class 2xx, 3xx, 4xx, 5xx; never contains what was refused or shed.
  std::array<double, 4> completed{};
  // Time on an executor worker, waiting excluded; requests answered without one (cache hits) are not counted here.
  double service_seconds = 0;
  double service_count = 0;

  double Arrivals() const { return first_attempts + retries; }
  double Completed() const { return completed[0] + completed[1] + completed[2] + completed[3]; }
};

struct PodSample {
  std::vector<EndpointCounters> endpoints;                     // sorted by (endpoint, criticality), no pair twice
  std::array<LatencyHistogram, kCriticalities> request;        // arrival to answer, of what was completed
  LatencyHistogram queue;                                      // wait before an executor worker took it
  double in_flight = 0;                                        // requests admitted and not answered
  double concurrency_limit = 0;                                // 0 = not known
  double workers = 0;                                          // executor threads; 0 = not known (foreign target)
  double reactors = 0;                                         // reactor threads; 0 = not known
  double cpu_quota_cores = 0;                                  // 0 = not known
  double executor_busy_seconds = 0, reactor_busy_seconds = 0;  // summed over threads
  double cpu_seconds = 0;                                      // user + system of the process
  double memory_bytes = 0;                                     // resident
  double memory_limit_bytes = 0;                               // 0 = not known
  double connections = 0;
  double start_time_seconds = 0;  // Unix time the process started; changes when it restarts
  double monotonic_seconds = 0;   // the pod's own steady clock; 0 = not known, then the scraper's is used
  std::string template_hash;      // of the pod template; empty = not known
};

// kInvalid naming the field when any number is NaN, infinite or negative, or when an empty answer was read as a sample
// (no workers, no endpoints and no monotonic clock): missing numbers must never be taken for zero load.
Result<void> Validate(const PodSample& sample);

}  // namespace flyball::scaling
