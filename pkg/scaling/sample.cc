#include "pkg/scaling/sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

namespace flyball::scaling {
namespace {

bool Sane(double number) { return std::isfinite(number) && number >= 0; }

tl::unexpected<Error> Insane(std::string_view field, double number) {
  return Fail(ErrorCode::kInvalid,
              std::string(field) + ": " + std::to_string(number) + ", expected a finite number >= 0");
}

Result<void> ValidateEndpoint(const EndpointCounters& c) {
  for (double number :
       {c.first_attempts, c.retries, c.refused_auth, c.refused_quota, c.refused_adaptive, c.shed_fleet, c.shed_pod,
        c.completed[0], c.completed[1], c.completed[2], c.completed[3], c.service_seconds, c.service_count}) {
    if (!Sane(number)) return Insane("endpoint " + c.endpoint, number);
  }
  return {};
}

Result<void> ValidateHistogram(std::string_view name, const LatencyHistogram& histogram) {
  for (double bucket : histogram.buckets) {
    if (!Sane(bucket)) return Insane(name, bucket);
  }
  if (!Sane(histogram.sum_seconds)) return Insane(name, histogram.sum_seconds);
  return {};
}

}  // namespace

double LatencyHistogram::Count() const { return std::accumulate(buckets.begin(), buckets.end(), 0.0); }

double LatencyHistogram::LongerThan(double bound_seconds) const {
  double longer = 0, lower = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    const double upper = i < kLatencyBounds ? LatencyBound(i) : lower * 2;
    if (lower >= bound_seconds) {
      longer += buckets[i];
    } else if (upper > bound_seconds) {
      longer += buckets[i] * (upper - bound_seconds) / (upper - lower);
    }
    lower = upper;
  }
  return longer;
}

double LatencyHistogram::Quantile(double q) const {
  const double rank = q * Count();
  if (rank <= 0) return 0;
  double below = 0, lower = 0;
  for (size_t i = 0; i < kLatencyBounds; ++i) {
    const double upper = LatencyBound(i);
    if (below + buckets[i] >= rank) return lower + (upper - lower) * (rank - below) / buckets[i];
    below += buckets[i];
    lower = upper;
  }
  return lower;
}

Result<void> Validate(const PodSample& sample) {
  const std::pair<std::string_view, double> numbers[] = {
      {"in_flight", sample.in_flight},
      {"concurrency_limit", sample.concurrency_limit},
      {"workers", sample.workers},
      {"reactors", sample.reactors},
      {"cpu_quota_cores", sample.cpu_quota_cores},
      {"executor_busy_seconds", sample.executor_busy_seconds},
      {"reactor_busy_seconds", sample.reactor_busy_seconds},
      {"cpu_seconds", sample.cpu_seconds},
      {"memory_bytes", sample.memory_bytes},
      {"memory_limit_bytes", sample.memory_limit_bytes},
      {"connections", sample.connections},
      {"start_time_seconds", sample.start_time_seconds},
      {"monotonic_seconds", sample.monotonic_seconds},
  };
  for (const auto& [name, number] : numbers) {
    if (!Sane(number)) return Insane(name, number);
  }
  for (const EndpointCounters& endpoint : sample.endpoints) {
    if (auto ok = ValidateEndpoint(endpoint); !ok) return ok;
  }
  if (auto ok = ValidateHistogram("queue", sample.queue); !ok) return ok;
  for (const LatencyHistogram& histogram : sample.request) {
    if (auto ok = ValidateHistogram("request", histogram); !ok) return ok;
  }
  if (sample.workers == 0 && sample.endpoints.empty() && sample.monotonic_seconds == 0) {
    return Fail(ErrorCode::kInvalid, "an empty sample: no workers, no endpoints, no clock");
  }
  return {};
}

}  // namespace flyball::scaling
