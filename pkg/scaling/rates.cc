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
  if (!usable) newest_.reset();
  if (usable) {
    newest_ = Difference(restarted ? Totals{} : last_, now, seconds);
    Fade(*newest_);
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
  memory = sample.memory_bytes;
  memory_limit = sample.memory_limit_bytes;
  return usable;
}

void PodHistory::Fade(const Interval& interval) {
  constexpr double kKeep = 2.0 / 3;
  double completed = 0;
  for (const Cell& cell : interval.cells) completed += cell.Completed();
  faded_.completed = faded_.completed * kKeep + completed;
  faded_.seconds = faded_.seconds * kKeep + interval.seconds;
  faded_.executor = faded_.executor * kKeep + interval.executor_busy;
  faded_.reactor = faded_.reactor * kKeep + interval.reactor_busy;
  faded_.cpu = faded_.cpu * kKeep + interval.cpu;
}

double PodHistory::Capacity() const {
  constexpr double kMinCompleted = 20;
  constexpr double kBusyThread = 0.2;  // below it CPU and reactor time are mostly not the requests'
  if (faded_.completed < kMinCompleted) return 0;
  const auto use = [&](double busy, double of) { return of > 0 ? busy / (of * faded_.seconds) : 0; };
  const double thread = std::max(use(faded_.reactor, reactors), use(faded_.cpu, cores));
  const double busy = std::max(use(faded_.executor, workers), thread > kBusyThread ? thread : 0);
  return busy > 0 ? faded_.completed / faded_.seconds / busy : 0;
}

void FleetTick::Add(const PodHistory& pod) {
  if (!pod.HasRates()) return;
  const Interval& interval = pod.newest();
  const double per = 1 / interval.seconds;
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
  workers += pod.workers;
  reactors += pod.reactors;
  cores += pod.cores;
  seconds = std::max(seconds, interval.seconds);
  ++pods;
}

// A step up: a quarter more than before and far beyond the noise of counting. What came before it says nothing any
// more.
bool FleetRates::IsStep(const FleetTick& tick) const {
  if (ticks_.empty()) return false;
  const double before = mean_.total.Offered(), now = tick.total.Offered();
  const double noise = std::sqrt(std::max(before * tick.seconds, 1.0)) / std::max(tick.seconds, 1e-3);
  return now > 1.25 * before && now - before > 6 * noise;
}

void FleetRates::Push(FleetTick tick) {
  if (IsStep(tick)) ticks_.clear();
  if (ticks_.size() == kRateIntervals) ticks_.pop_front();
  newest_ = tick;
  ticks_.push_back(std::move(tick));
  mean_ = FleetTick();
  const double part = 1 / static_cast<double>(ticks_.size());
  for (const FleetTick& each : ticks_) {
    if (mean_.cells.size() < each.cells.size()) mean_.cells.resize(each.cells.size());
    for (size_t id = 0; id < each.cells.size(); ++id) mean_.cells[id].Add(each.cells[id], part);
    mean_.total.Add(each.total, part);
    for (size_t c = 0; c < kCriticalities; ++c) AddHistogram(mean_.request[c], each.request[c]);
    AddHistogram(mean_.queue, each.queue);
    mean_.executor_busy += each.executor_busy * part;
    mean_.reactor_busy += each.reactor_busy * part;
    mean_.cpu += each.cpu * part;
    mean_.workers += each.workers * part;
    mean_.reactors += each.reactors * part;
    mean_.cores += each.cores * part;
    mean_.seconds += each.seconds;
  }
  mean_.pods = newest_.pods;
}

}  // namespace flyball::scaling
