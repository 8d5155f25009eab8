#include "pkg/scaling/rates.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flyball::scaling {
namespace {

Cell ToCell(const EndpointCounters& c) {
  return {{c.first_attempts, c.retries, c.refused_auth, c.refused_quota, c.refused_adaptive, c.shed_fleet, c.shed_pod,
           c.completed[0], c.completed[1], c.completed[2], c.completed[3], c.service_seconds, c.service_count}};
}

void AddHistogram(LatencyHistogram& to, const LatencyHistogram& from) {
  for (size_t i = 0; i < to.buckets.size(); ++i) to.buckets[i] += from.buckets[i];
  to.sum_seconds += from.sum_seconds;
}

LatencyHistogram Subtract(const LatencyHistogram& after, const LatencyHistogram& before) {
  LatencyHistogram difference;
  for (size_t i = 0; i < after.buckets.size(); ++i) difference.buckets[i] = after.buckets[i] - before.buckets[i];
  difference.sum_seconds = after.sum_seconds - before.sum_seconds;
  return difference;
}

}  // namespace

double Cell::Offered() const {
  return std::max(0.0, counters[kFirst] + counters[kRetries] - counters[kAuth] - counters[kQuota]);
}

double Cell::Demand() const { return std::max(0.0, Offered() - counters[kRetries]); }

void Cell::Add(const Cell& other, double times) {
  for (size_t i = 0; i < kCounters; ++i) counters[i] += other.counters[i] * times;
}

size_t CellTable::Id(std::string_view endpoint, Criticality criticality, size_t hint) {
  if (hint < names_.size() && names_[hint].second == criticality && names_[hint].first == endpoint) return hint;
  auto found = ids_.find(endpoint);
  if (found == ids_.end() && names_.size() < kMax) {
    found = ids_.emplace(endpoint, std::array<int, kCriticalities>{-1, -1, -1}).first;
  }
  if (found == ids_.end()) return kMax - 1;
  int& id = found->second[static_cast<size_t>(criticality)];
  if (id < 0) {
    if (names_.size() == kMax) return kMax - 1;
    id = static_cast<int>(names_.size());
    names_.emplace_back(endpoint, criticality);
  }
  return static_cast<size_t>(id);
}

PodHistory::Totals PodHistory::Read(const PodSample& sample, CellTable& table) {
  Totals totals;
  size_t hint = 0;
  for (const EndpointCounters& endpoint : sample.endpoints) {
    const size_t id = table.Id(endpoint.endpoint, endpoint.criticality, hint);
    hint = id + 1;
    if (totals.cells.size() <= id) totals.cells.resize(std::max(id + 1, table.size()));
    totals.cells[id].Add(ToCell(endpoint), 1);
  }
  totals.request = sample.request;
  totals.queue = sample.queue;
  totals.executor_busy = sample.executor_busy_seconds;
  totals.reactor_busy = sample.reactor_busy_seconds;
  totals.cpu = sample.cpu_seconds;
  return totals;
}

bool PodHistory::Fell(const Totals& before, const Totals& after) {
  if (after.executor_busy < before.executor_busy || after.reactor_busy < before.reactor_busy ||
      after.cpu < before.cpu) {
    return true;
  }
  for (size_t id = 0; id < before.cells.size(); ++id) {
    const Cell now = id < after.cells.size() ? after.cells[id] : Cell{};
    for (size_t i = 0; i < Cell::kCounters; ++i) {
      if (now.counters[i] < before.cells[id].counters[i]) return true;
    }
  }
  for (size_t c = 0; c < kCriticalities; ++c) {
    for (size_t b = 0; b < before.queue.buckets.size(); ++b) {
      if (after.request[c].buckets[b] < before.request[c].buckets[b]) return true;
    }
  }
  for (size_t b = 0; b < before.queue.buckets.size(); ++b) {
    if (after.queue.buckets[b] < before.queue.buckets[b]) return true;
  }
  return false;
}

Interval PodHistory::Difference(const Totals& before, const Totals& after, double seconds) {
  Interval interval;
  interval.seconds = seconds;
  interval.cells = after.cells;
  for (size_t id = 0; id < before.cells.size() && id < interval.cells.size(); ++id) {
    interval.cells[id].Add(before.cells[id], -1);
  }
  for (size_t c = 0; c < kCriticalities; ++c) interval.request[c] = Subtract(after.request[c], before.request[c]);
  interval.queue = Subtract(after.queue, before.queue);
  interval.executor_busy = after.executor_busy - before.executor_busy;
  interval.reactor_busy = after.reactor_busy - before.reactor_busy;
  interval.cpu = after.cpu - before.cpu;
  return interval;
}

bool PodHistory::Add(const PodSample& sample, SteadyTime at, CellTable& table, nanoseconds max_gap) {
  Totals now = Read(sample, table);
  const double scraper_seconds = ToSeconds(at - last_at_);
  const double pod_seconds = sample.monotonic_seconds - last_monotonic_;
  const bool pod_clock = sample.monotonic_seconds > 0 && last_monotonic_ > 0;
  const bool restarted = has_last_ && (std::abs(sample.start_time_seconds - last_start_) > 1 ||
                                       (pod_clock && pod_seconds < 0) || Fell(last_, now));
  const double seconds = restarted || !pod_clock ? scraper_seconds : pod_seconds;
  const bool usable = has_last_ && at - last_at_ <= max_gap && seconds > 0.05 && seconds <= 2 * ToSeconds(max_gap);
  // The same page again, served from a cache or a pod that hangs: it says nothing new, not "no load".
  if (has_last_ && !restarted && pod_clock && pod_seconds == 0) return false;
  if (!usable) intervals_.clear();
  if (usable) {
    intervals_.push_back(Difference(restarted ? Totals{} : last_, now, seconds));
    if (intervals_.size() > kRateIntervals) intervals_.pop_front();
  }
  has_last_ = true;
  last_ = std::move(now);
  last_at_ = at;
  last_start_ = sample.start_time_seconds;
  last_monotonic_ = sample.monotonic_seconds;
  workers = sample.workers;
  reactors = sample.reactors;
  cores = sample.cpu_quota_cores;
  connections = sample.connections;
  in_flight = sample.in_flight;
  return usable;
}

double PodHistory::Seconds() const {
  double seconds = 0;
  for (const Interval& interval : intervals_) seconds += interval.seconds;
  return seconds;
}

void FleetRates::Add(const PodHistory& pod) {
  if (!pod.HasRates()) return;
  const double seconds = pod.Seconds();
  const double per = 1 / seconds;
  for (const Interval& interval : pod.intervals()) {
    if (cells.size() < interval.cells.size()) cells.resize(interval.cells.size());
    for (size_t id = 0; id < interval.cells.size(); ++id) {
      cells[id].Add(interval.cells[id], per);
      total.Add(interval.cells[id], per);
    }
    for (size_t c = 0; c < kCriticalities; ++c) AddHistogram(request[c], interval.request[c]);
    AddHistogram(queue, interval.queue);
    executor_busy += interval.executor_busy * per;
    reactor_busy += interval.reactor_busy * per;
    cpu += interval.cpu * per;
  }
  const Interval& newest = pod.intervals().back();
  if (last.size() < newest.cells.size()) last.resize(newest.cells.size());
  for (size_t id = 0; id < newest.cells.size(); ++id) {
    last[id].Add(newest.cells[id], 1 / newest.seconds);
    last_total.Add(newest.cells[id], 1 / newest.seconds);
  }
  for (size_t c = 0; c < kCriticalities; ++c) AddHistogram(last_request[c], newest.request[c]);
  last_executor_busy += newest.executor_busy / newest.seconds;
  window_seconds = std::max(window_seconds, seconds);
  workers += pod.workers;
  reactors += pod.reactors;
  cores += pod.cores;
  ++pods;
}

}  // namespace flyball::scaling
