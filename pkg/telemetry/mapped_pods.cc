#include "pkg/telemetry/mapped_pods.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flyball::telemetry {
namespace {

// Missing of a selector: what would have had to be there.
tl::unexpected<Error> Missing(const spec::MetricSelector& selector, bool knows_name, std::string_view suffix = "") {
  spec::MetricSelector full = selector;
  full.name += suffix;
  if (knows_name) {
    return Fail(ErrorCode::kNotFound, "none of the series of " + full.name + " matches " + ToPromQL(full));
  }
  return Fail(ErrorCode::kNotFound, "no series is named " + full.name);
}

// `count` requests that took from `low` to `high` seconds.
void Spread(scaling::LatencyHistogram& into, double low, double high, double count) {
  double from = 0;
  for (size_t i = 0; i < scaling::kLatencyBounds; ++i) {
    const double to = scaling::LatencyBound(i);
    const double overlap = std::min(to, high) - std::max(from, low);
    if (overlap > 0) into.buckets[i] += count * overlap / (high - low);
    from = to;
  }
  if (high <= from) return;
  const bool all = std::isinf(high) || low >= from;
  into.buckets[scaling::kLatencyBounds] += all ? count : count * (high - from) / (high - low);
}

}  // namespace

MappedPods::MappedPods(spec::DemandMetrics metrics) : metrics_(std::move(metrics)) {}

Result<void> MappedPods::Check(const MappedPage& page) const {
  if (page.requests.empty() && !(page.knows_requests && requests_proven_)) {
    return Missing(metrics_.requests, page.knows_requests);
  }
  // A histogram of nothing may not be there yet.
  const bool asked = std::any_of(page.requests.begin(), page.requests.end(), [](const auto& c) { return c.value > 0; });
  if (metrics_.latency && page.latency.empty() && asked && !(page.knows_latency && latency_proven_)) {
    return Missing(*metrics_.latency, page.knows_latency, "_bucket");
  }
  if (metrics_.in_flight && !page.in_flight && !(page.knows_in_flight && in_flight_proven_)) {
    return Missing(*metrics_.in_flight, page.knows_in_flight);
  }
  return {};
}

double MappedPods::Growth(Past& past, const std::string& key, double now) {
  const auto [at, added] = past.series.try_emplace(key, now);
  if (added) return past.first ? 0 : now;
  const double before = std::exchange(at->second, now);
  return now >= before ? now - before : now;
}

void MappedPods::AddLatency(Past& past, const MappedPage::Histogram& histogram) {
  double low = 0, below = 0;
  for (const MappedPage::Histogram::Bucket& bucket : histogram.buckets) {
    const std::string key = "b" + histogram.labels + std::to_string(bucket.le_seconds);
    const double grown = Growth(past, key, bucket.count);
    // Pages of programs that count while they write may lag from bucket to bucket.
    const double inside = std::max(0.0, grown - below);
    if (bucket.le_seconds > low) {
      // Nobody knows how long those beyond the last bound took: at least as long as it.
      const double high = std::isinf(bucket.le_seconds) && low < scaling::LatencyBound(scaling::kLatencyBounds - 1)
                              ? std::max(2 * low, scaling::LatencyBound(0))
                              : bucket.le_seconds;
      Spread(past.latency, low, high, inside);
    }
    past.answered += inside;
    below = std::max(below, grown);
    low = std::isinf(bucket.le_seconds) ? low : bucket.le_seconds;
  }
  past.latency.sum_seconds += Growth(past, "s" + histogram.labels, histogram.sum_seconds);
}

Result<scaling::PodSample> MappedPods::Add(const std::string& pod, const MappedPage& page) {
  requests_proven_ |= !page.requests.empty();
  latency_proven_ |= !page.latency.empty();
  in_flight_proven_ |= page.in_flight.has_value();
  Past& past = pods_[pod];
  past.seen = true;
  if (auto whole = Check(page); !whole) return Fail(whole.error());
  if (page.clock_seconds < past.clock_seconds) {
    return Fail(ErrorCode::kConflict, "these numbers are older than the last ones");
  }
  past.clock_seconds = page.clock_seconds;
  const double start = page.start_time_seconds.value_or(past.start_time_seconds);
  if (!past.first && past.start_time_seconds > 0 && std::abs(start - past.start_time_seconds) > 1) past.series.clear();
  past.start_time_seconds = start;

  for (const auto& counter : page.requests) past.requests += Growth(past, "r" + counter.labels, counter.value);
  for (const auto& counter : page.shed) past.shed += Growth(past, "x" + counter.labels, counter.value);
  for (const auto& histogram : page.latency) AddLatency(past, histogram);
  if (page.cpu_seconds) past.cpu_seconds += Growth(past, "c", *page.cpu_seconds);
  past.first = false;
  // Whether the histogram holds refusals or not, and whether requests are counted when they come or when they go, what
  // was served is at most each of the two.
  const double served = std::max(0.0, past.requests - past.shed);
  past.completed = std::max(past.completed, metrics_.latency ? std::min(served, past.answered) : served);

  scaling::PodSample sample;
  scaling::EndpointCounters& endpoint = sample.endpoints.emplace_back();
  endpoint.endpoint = metrics_.requests.name;
  endpoint.first_attempts = past.requests;
  endpoint.shed_pod = std::min(past.shed, past.requests);
  endpoint.completed[0] = past.completed;
  sample.request[static_cast<size_t>(scaling::Criticality::kNormal)] = past.latency;
  sample.in_flight = page.in_flight.value_or(0);
  sample.cpu_seconds = past.cpu_seconds;
  sample.memory_bytes = page.memory_bytes.value_or(0);
  sample.monotonic_seconds = page.clock_seconds;
  if (auto sane = scaling::Validate(sample); !sane) return Fail(sane.error());
  return sample;
}

void MappedPods::ForgetOthers() {
  for (auto pod = pods_.begin(); pod != pods_.end();) {
    pod = std::exchange(pod->second.seen, false) ? std::next(pod) : pods_.erase(pod);
  }
}

}  // namespace flyball::telemetry
