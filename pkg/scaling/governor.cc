#include "pkg/scaling/governor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <unordered_map>
#include <utility>

#include "pkg/base/check.h"
#include "pkg/scaling/allocate.h"
#include "pkg/scaling/constrain.h"
#include "pkg/scaling/down_window.h"
#include "pkg/scaling/forecast.h"
#include "pkg/scaling/period.h"
#include "pkg/scaling/price.h"
#include "pkg/scaling/probe.h"
#include "pkg/scaling/rates.h"
#include "pkg/scaling/recommend.h"
#include "pkg/scaling/scaling_rules.h"
#include "pkg/scaling/trend.h"

namespace flyball::scaling {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kFreshScrapes = 3;
constexpr int kGapTicks = 3;
constexpr auto kHistory = minutes(30);
constexpr auto kRateSpan = seconds(15);  // of the built-in rates of change
constexpr auto kRevokeSpan = seconds(30);
constexpr auto kTrendSpan = seconds(30);
constexpr auto kTrendLead = seconds(4);  // on top of the start-up: scrape and decision
constexpr auto kConflictSpan = minutes(5);
constexpr double kBad = 0.035, kHeadroomStep = 1.08, kHeadroomMost = 1.4, kHeadroomDecay = 0.997;
constexpr double kHeadroomUtilization = 0.65;  // below it the pods have room, and more of them would not help
constexpr double kShedding = 0.01;
constexpr double kCapacityGain = 0.3;
constexpr double kQueueingWait = 0.5;  // mean wait over mean service time
constexpr double kCongested = 0.92;    // of the workers
constexpr double kHpaTolerance = 0.1;
constexpr double kLatencyCount = 50;
constexpr double kCeilingFactor = 1.1;

double Median(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double Share(double part, double whole) { return whole > 0 ? std::clamp(part / whole, 0.0, 1.0) : 0; }

// The fleet as this tick sees it.
struct Fleet {
  int ready = 0, pending = 0, stuck = 0;
  int fresh = 0;            // Ready, with a sample not older than 3 scrapes
  int missing = 0;          // Ready, without rates
  FleetTick rates, newest;  // over the last three ticks, and this one
  std::vector<double> capacities;
  double connections = 0;
  double memory = 0, memory_limit = 0;  // of the fresh pods, summed; limit of one

  double FreshShare() const { return ready > 0 ? static_cast<double>(fresh) / ready : 1; }
  double ShedShare() const { return Share(newest.total.Shed(), newest.total.Offered()); }
};

struct PastTick {
  SteadyTime at;
  int raw = 0, raw_down = 0;  // without what a probe asked for
  int ordered = 0;
};

}  // namespace

struct Governor::State {
  State(spec::Governor document, SteadyTime start, Remembered remembered, const Elements& which)
      : doc(std::move(document)),
        elements(which),
        started(start),
        fresh_at(start),
        capacity(remembered.capacity_per_pod_rps) {}

  Decision Decide(const Inputs& inputs, SteadyTime now);

  // Seeing.
  void NoticeGap(SteadyTime now);
  void TakeSamples(const Inputs& inputs);
  Fleet View(const Inputs& inputs, SteadyTime now);
  void NoticeWriters(const Inputs& inputs, SteadyTime now);
  // Estimating.
  Estimates Estimate(const Fleet& fleet, const Inputs& inputs, SteadyTime now);
  void LearnCapacity(Fleet& fleet);
  void LearnHeadroom(const Fleet& fleet, const Inputs& inputs, SteadyTime now);
  double LearnTrend(const Fleet& fleet);
  std::vector<Signal> Signals(const Fleet& fleet, const Inputs& inputs, double trend) const;
  void AddMemory(const Fleet& fleet, const Inputs& inputs, std::vector<Signal>& signals) const;
  void AddByRatio(const Fleet& fleet, const Inputs& inputs, std::vector<Signal>& signals) const;
  std::string ExternalMissing(const Inputs& inputs) const;
  double LatencySeen(const Fleet& fleet) const;
  bool PodsHaveRoom(const Fleet& fleet) const;
  // True when it changed the prices.
  bool RunProbe(const Fleet& fleet, const Inputs& inputs, const std::vector<Signal>& signals, SteadyTime now);
  // Deciding.
  void Remember(const std::vector<Signal>& signals, const Fleet& fleet, const Inputs& inputs, SteadyTime now);
  ConstraintInputs Constraints(const std::vector<Signal>& signals, const Fleet& fleet, const Inputs& inputs,
                               SteadyTime now);
  std::string UpBlocked(const Fleet& fleet, const Inputs& inputs, SteadyTime now);
  AllocationInputs Limits(const Fleet& fleet) const;
  std::vector<Condition> Conditions(const Decision& decision, const Fleet& fleet, const Inputs& inputs) const;

  milliseconds Window(SteadyTime now);
  void SetFloor(ConstraintInputs& in, const Inputs& inputs) const;
  // How far ahead a repeated load is met: start-ups take a third longer now and then, and the next one is due any
  // moment.
  nanoseconds Lead() const { return doc.replicas.startup * 4 / 3 + kTrendLead; }
  template <typename Pick>
  int Peak(nanoseconds span, SteadyTime now, int start, Pick pick) const;
  bool Conflict(const Inputs& inputs) const { return !inputs.other_owner.empty() || foreign_writes.size() >= 2; }

  spec::Governor doc;
  const Elements elements;
  SteadyTime started;

  CellTable table;
  std::unordered_map<std::string, PodHistory> pods;
  FleetRates rates;
  SteadyTime fresh_at;  // when any pod's metrics were last fresh
  std::optional<SteadyTime> last_tick;
  SteadyTime blind_until{};  // after a gap in the ticks

  Prices prices;
  Probe probe;
  PeriodLearner period;
  SeasonalForecast forecast{doc.forecast.season};
  double capacity;                              // c; 0 = not known
  double workers = 0, reactors = 0, cores = 0;  // of one pod
  double headroom = 1;
  int bad_ticks = 0, last_ready = 0;
  SteadyTime ready_rose{};
  std::deque<double> loads;

  std::deque<PastTick> history;
  seconds window = kDefaultWindow;
  SteadyTime window_chosen{};
  std::deque<ReplicaChange> changes;
  int last_ordered = -1;
  std::deque<int> wanted;  // what the last few ticks ordered
  std::deque<SteadyTime> foreign_writes;
  SteadyTime up_retry_at{};
  milliseconds up_backoff{0};

  double quota_factor = 1;
  uint64_t seq = 0;
};

void Governor::State::NoticeGap(SteadyTime now) {
  Check(!last_tick || now >= *last_tick, "Governor: time went back");
  if (last_tick && now - *last_tick > kGapTicks * doc.scrape) {
    for (auto& [name, pod] : pods) pod.ForgetRates();
    rates.Forget();
    loads.clear();
    blind_until = now + kGapTicks * doc.scrape;
  }
  last_tick = now;
}

void Governor::State::TakeSamples(const Inputs& inputs) {
  const nanoseconds max_gap = kGapTicks * nanoseconds(doc.scrape) + nanoseconds(doc.scrape) / 2;
  std::unordered_map<std::string, PodHistory> seen;
  seen.reserve(inputs.pods.size());
  for (const PodView& view : inputs.pods) {
    auto node = pods.extract(view.name);
    PodHistory& pod = node.empty() ? seen[view.name] : seen.insert(std::move(node)).position->second;
    if (view.sample != nullptr && Validate(*view.sample)) pod.Add(*view.sample, view.sampled_at, table, max_gap);
  }
  pods = std::move(seen);  // pods that are gone take their past with them
}

Fleet Governor::State::View(const Inputs& inputs, SteadyTime now) {
  Fleet fleet;
  std::vector<double> each_workers, each_reactors, each_cores, each_memory_limit;
  const auto stuck_after = 3 * doc.replicas.startup;
  for (const PodView& view : inputs.pods) {
    const PodHistory& pod = pods.at(view.name);
    const bool fresh = pod.last_at() != SteadyTime{} && now - pod.last_at() <= kFreshScrapes * doc.scrape;
    // Traffic is demand wherever it arrives, also at a pod on its way out.
    if (fresh) fleet.newest.Add(pod);
    if (view.terminating) continue;
    if (!view.ready) {
      ++fleet.pending;
      fleet.stuck += now - view.pending_since > stuck_after ? 1 : 0;
      continue;
    }
    ++fleet.ready;
    fleet.fresh += fresh ? 1 : 0;
    if (!fresh || !pod.HasRates()) ++fleet.missing;
    if (!fresh) continue;
    fresh_at = std::max(fresh_at, pod.last_at());
    fleet.connections += pod.connections;
    fleet.memory += pod.memory;
    each_memory_limit.push_back(pod.memory_limit);
    each_workers.push_back(pod.workers);
    each_reactors.push_back(pod.reactors);
    each_cores.push_back(pod.cores);
    if (const double c = pod.Capacity(); c > 0) fleet.capacities.push_back(c);
  }
  if (!each_workers.empty()) {
    workers = Median(each_workers);
    reactors = Median(each_reactors);
    cores = Median(each_cores);
    fleet.memory_limit = inputs.memory_limit_bytes > 0 ? inputs.memory_limit_bytes : Median(each_memory_limit);
  }
  if (workers == 0 && doc.workers) workers = *doc.workers;
  if (fleet.newest.pods > 0) rates.Push(fleet.newest);
  fleet.rates = fleet.newest.pods > 0 ? rates.mean() : FleetTick();
  if (fleet.ready == 0) fresh_at = now;  // nobody to hear from: that is not stale
  return fleet;
}

void Governor::State::NoticeWriters(const Inputs& inputs, SteadyTime now) {
  const bool ours =
      inputs.ordered == last_ordered || std::find(wanted.begin(), wanted.end(), inputs.ordered) != wanted.end();
  if (last_ordered >= 0 && !ours && inputs.target_reachable) foreign_writes.push_back(now);
  while (!foreign_writes.empty() && now - foreign_writes.front() > kConflictSpan) foreign_writes.pop_front();
  if (last_ordered >= 0 && inputs.ordered != last_ordered) changes.push_back({now, inputs.ordered - last_ordered});
  while (!changes.empty() && now - changes.front().at > kHistory) changes.pop_front();
  last_ordered = inputs.ordered;
}

void Governor::State::LearnCapacity(Fleet& fleet) {
  const double observed = Median(fleet.capacities);
  if (observed > 0) capacity = capacity > 0 ? capacity + kCapacityGain * (observed - capacity) : observed;
  if (!doc.capacity_hint_rps) return;
  const double hint = *doc.capacity_hint_rps;
  capacity = capacity > 0 ? std::clamp(capacity, hint / 4, hint * 2) : hint;
}

double Governor::State::LearnTrend(const Fleet& fleet) {
  if (fleet.rates.pods == 0 || !elements.trend) return 0;
  loads.push_back(fleet.newest.total.Demand());
  while (loads.size() > static_cast<size_t>(kTrendSpan / doc.scrape)) loads.pop_front();
  const std::vector<double> series(loads.begin(), loads.end());
  return Trend(series, ToSeconds(doc.scrape), ToSeconds(doc.replicas.startup + kTrendLead));
}

// Enough pods, all at work, and still too many late or shed: the target leaves too little room for this load.
void Governor::State::LearnHeadroom(const Fleet& fleet, const Inputs& inputs, SteadyTime now) {
  if (fleet.ready > last_ready) ready_rose = now;
  last_ready = fleet.ready;
  headroom = 1 + (headroom - 1) * kHeadroomDecay;
  if (!elements.headroom) return;
  const FleetTick& tick = fleet.newest;
  double late = 0, answered = 0;
  for (const LatencyHistogram& histogram : tick.request) {
    late += histogram.LongerThan(ToSeconds(doc.slo.latency));
    answered += histogram.Count();
  }
  const double bad = Share(late, answered) * tick.total.Completed() + tick.total.Shed();
  // By what arrived in this very tick: the means lag, and pods that are still missing are not a lack of headroom.
  const double needed = workers > 0 ? prices.Work(tick) / (workers * doc.target_utilization) : 0;
  const bool enough = fleet.pending == 0 && fleet.ready >= inputs.ordered && fleet.ready >= needed;
  const bool at_work = Share(tick.executor_busy, tick.workers) > kHeadroomUtilization;
  const bool settled = now - ready_rose > kRateSpan && !probe.shared_bottleneck() && probe.replicas() == 0;
  // Late because every request takes longer is the probe's business.
  const bool slow = prices.ObservedWork(fleet.rates) > 1.15 * prices.Work(fleet.rates);
  const bool is_bad = bad > kBad * tick.total[Cell::kFirst] && tick.total[Cell::kFirst] > 0;
  bad_ticks = is_bad && enough && at_work && settled && !slow ? bad_ticks + 1 : 0;
  if (bad_ticks >= 2) headroom = std::min(headroom * kHeadroomStep, kHeadroomMost);
}

Estimates Governor::State::Estimate(const Fleet& fleet, const Inputs& inputs, SteadyTime now) {
  const FleetTick& mean = fleet.rates;
  Estimates e;
  e.arrivals_rps = mean.total[Cell::kFirst] + mean.total[Cell::kRetries];
  e.demand_rps = mean.total.Demand();
  e.retries_rps = mean.total[Cell::kRetries];
  e.admitted_rps = mean.total.Completed();
  e.good_rps = mean.total[Cell::k2xx] + mean.total[Cell::k3xx];
  e.shed_share = Share(mean.total.Shed(), mean.total.Offered());
  e.utilization = Share(mean.executor_busy, mean.workers);
  e.utilization_reactor = Share(mean.reactor_busy, mean.reactors);
  e.utilization_cpu = Share(mean.cpu, mean.cores);
  const double count = mean.total.Completed();
  e.service_seconds = count > 0 ? mean.total[Cell::kServiceSeconds] / count : 0;
  const double queued = mean.queue.Count();
  e.queue_seconds = queued > 0 ? mean.queue.sum_seconds / queued : 0;
  LatencyHistogram all;
  for (const LatencyHistogram& histogram : mean.request) {
    for (size_t b = 0; b < all.buckets.size(); ++b) all.buckets[b] += histogram.buckets[b];
  }
  e.objective_seconds = ToSeconds(doc.slo.latency);
  e.late_share = Share(all.LongerThan(e.objective_seconds), all.Count());
  e.p50_seconds = all.Quantile(0.5);
  e.p99_seconds = all.Quantile(0.99);
  const bool queueing = fleet.ShedShare() > kShedding / 2 || e.utilization > kCongested ||
                        e.queue_seconds > kQueueingWait * e.service_seconds;
  prices.Observe(mean, fleet.newest, queueing);
  if (e.demand_rps > 0) e.price_seconds = prices.Work(mean) / e.demand_rps;
  LearnHeadroom(fleet, inputs, now);
  e.headroom = headroom;
  e.trend = LearnTrend(fleet);
  e.capacity_per_pod_rps = capacity;
  e.mean_connections = fleet.fresh > 0 ? fleet.connections / fleet.fresh : 0;
  e.fresh_pods = fleet.fresh;
  e.stuck_pods = fleet.stuck;
  return e;
}

std::vector<Signal> Governor::State::Signals(const Fleet& fleet, const Inputs& inputs, double trend) const {
  std::vector<Signal> signals;
  if (fleet.rates.pods == 0) {
    AddByRatio(fleet, inputs, signals);
    Recommend(signals);
    return signals;
  }
  const auto add = [&](const char* name, double work, double resource, double target) {
    Signal signal;
    signal.name = name;
    signal.work = work;
    signal.work_down = work + fleet.missing * resource * target;
    signal.resource = resource;
    signal.target = target;
    signal.headroom = headroom;
    signal.trend = trend;
    signals.push_back(std::move(signal));
  };
  const double rho = doc.target_utilization, demand = fleet.rates.total.Demand();
  if (workers > 0 && prices.known()) {
    add("executor", prices.Work(fleet.rates), workers, rho);
    if (reactors > 0) add("reactor", prices.ReactorWork(fleet.rates), reactors, rho);
    if (cores > 0) add("cpu", prices.CpuWork(fleet.rates), cores, rho);
  } else if (capacity > 0) {
    add("demand", demand, capacity, rho);
  }
  if (doc.cpu_target) {
    add("cpu-target", fleet.rates.cpu, inputs.cpu_request_cores, *doc.cpu_target);
    signals.back().headroom = 1;
    signals.back().trend = 0;
    signals.back().current = fleet.ready;
    signals.back().tolerance = kHpaTolerance;
  }
  AddMemory(fleet, inputs, signals);
  AddByRatio(fleet, inputs, signals);
  Recommend(signals);
  return signals;
}

// Memory does not move away from a pod when others are taken, and what a pod has once used it seldom gives back: it
// counts from where it is near its target, and never asks for fewer pods than there are.
void Governor::State::AddMemory(const Fleet& fleet, const Inputs& inputs, std::vector<Signal>& signals) const {
  if (!doc.memory_target || fleet.memory_limit <= 0 || fleet.fresh == 0) return;
  const double usage = fleet.memory / (fleet.fresh * fleet.memory_limit * *doc.memory_target);
  if (usage < 1 - kHpaTolerance) return;
  // Pods that are still starting have not had their effect yet.
  const bool settled = fleet.pending == 0 && fleet.ready >= inputs.ordered;
  Signal signal;
  signal.name = "memory";
  signal.work = fleet.memory_limit * *doc.memory_target * (settled ? usage * fleet.ready : inputs.ordered);
  signal.work_down = signal.work;
  signal.resource = fleet.memory_limit;
  signal.target = *doc.memory_target;
  signal.current = inputs.ordered;
  signal.tolerance = kHpaTolerance;
  signals.push_back(std::move(signal));
}

// Those whose number is compared with a target, as the HPA does: its ratio, its tolerance.
void Governor::State::AddByRatio(const Fleet& fleet, const Inputs& inputs, std::vector<Signal>& signals) const {
  const auto add = [&](std::string name, double work, double per_pod) {
    Signal signal;
    signal.name = std::move(name);
    signal.work = signal.work_down = work;
    signal.resource = per_pod;
    signal.target = 1;
    signal.current = inputs.ordered;
    signal.tolerance = kHpaTolerance;
    signals.push_back(std::move(signal));
  };
  for (size_t i = 0; i < doc.external.size() && i < inputs.external.size(); ++i) {
    const auto value = inputs.external[i];
    if (value && std::isfinite(*value) && *value >= 0)
      add("external/" + doc.external[i].name, *value, doc.external[i].target);
  }
  // More pods do not make faster what something shared is slow at.
  const double seen = probe.shared_bottleneck() ? 0 : LatencySeen(fleet);
  if (seen <= 0) return;
  const double target = ToSeconds(doc.latency->target);
  const double counted = PodsHaveRoom(fleet) ? std::min(seen, target) : std::min(seen, 2 * target);  // double at most
  // Pods that are still starting have not had their effect yet.
  const double felt_by = counted > target && fleet.pending > 0 ? inputs.ordered * target / counted : fleet.ready;
  add("latency", felt_by * counted, target);
}

// The quantile that the document sets a target for; 0 when it sets none or too few were answered to say.
double Governor::State::LatencySeen(const Fleet& fleet) const {
  if (!doc.latency) return 0;
  LatencyHistogram all;
  for (const LatencyHistogram& histogram : fleet.rates.request) {
    for (size_t b = 0; b < all.buckets.size(); ++b) all.buckets[b] += histogram.buckets[b];
  }
  return all.Count() < kLatencyCount ? 0 : all.Quantile(doc.latency->quantile);
}

// Workers are known to be idle more than half of what they are meant to be busy, and nothing waits: slow as requests
// may be, it is not for lack of pods.
bool Governor::State::PodsHaveRoom(const Fleet& fleet) const {
  const double busy = Share(fleet.rates.executor_busy, fleet.rates.workers);
  return fleet.rates.workers > 0 && busy < doc.target_utilization / 2 && fleet.ShedShare() <= kShedding;
}

// Which external numbers have no value; empty when all have.
std::string Governor::State::ExternalMissing(const Inputs& inputs) const {
  std::string names;
  for (size_t i = 0; i < doc.external.size(); ++i) {
    const auto value = i < inputs.external.size() ? inputs.external[i] : std::nullopt;
    if (!value || !std::isfinite(*value) || *value < 0) names += (names.empty() ? "" : ", ") + doc.external[i].name;
  }
  return names;
}

bool Governor::State::RunProbe(const Fleet& fleet, const Inputs& inputs, const std::vector<Signal>& signals,
                               SteadyTime now) {
  if (!elements.probe || signals.empty() || !prices.known() || fleet.missing * 2 > fleet.ready) return false;
  const double work = prices.Work(fleet.rates), observed = prices.ObservedWork(fleet.rates);
  Probe::Tick tick;
  tick.observed_ratio = work > 0 ? observed / work : 1;
  tick.shedding = fleet.ShedShare() > kShedding;
  tick.congested = tick.shedding || Share(fleet.rates.executor_busy, fleet.rates.workers) > kCongested;
  tick.ordered = inputs.ordered;
  tick.pending = fleet.pending;
  tick.ready = fleet.ready;
  tick.raw_by_price = signals[0].raw;
  tick.raw_by_observed = static_cast<int>(std::ceil(observed / (std::max(workers, 1.0) * doc.target_utilization)));
  tick.max = doc.replicas.max;
  tick.completed_rps = fleet.rates.total.Completed();
  tick.demand_rps = fleet.rates.total.Demand();
  if (probe.Step(tick, now, doc.replicas.startup) != Probe::Verdict::kHelped) return false;
  prices.AcceptObserved(fleet.rates);
  return true;
}

template <typename Pick>
int Governor::State::Peak(nanoseconds span, SteadyTime now, int start, Pick pick) const {
  int peak = start;
  for (auto past = history.rbegin(); past != history.rend() && now - past->at < span; ++past) peak = pick(peak, *past);
  return peak;
}

void Governor::State::Remember(const std::vector<Signal>& signals, const Fleet& fleet, const Inputs& inputs,
                               SteadyTime now) {
  PastTick tick{now, inputs.ordered, inputs.ordered, inputs.ordered};
  if (!signals.empty()) {
    tick.raw = tick.raw_down = 0;
    for (const Signal& signal : signals) {
      tick.raw = std::max(tick.raw, signal.raw);
      tick.raw_down = std::max(tick.raw_down, signal.raw_down);
    }
    // Unlike a load that is known, one that is guessed must not fall out of the window early.
    if (fleet.FreshShare() < 0.5) tick.raw_down = std::max(tick.raw_down, inputs.ordered);
  }
  history.push_back(tick);
  if (doc.forecast.enabled && !signals.empty()) {
    forecast.Add(signals.front().fractional / (1 + signals.front().trend), now);
  }
  if (elements.period && !signals.empty()) {
    period.Add(signals.front().fractional / (1 + signals.front().trend), now, Lead());
  }
  while (now - history.front().at > kHistory) history.pop_front();
}

milliseconds Governor::State::Window(SteadyTime now) {
  if (doc.scale_down.stabilization_window) return *doc.scale_down.stabilization_window;
  if (elements.learned_window && now - window_chosen >= seconds(30)) {
    std::vector<int> raws;
    raws.reserve(history.size());
    for (const PastTick& tick : history) raws.push_back(tick.raw_down);
    // What is ordered ahead does not have to be kept for the next time.
    const milliseconds felt_after = period.period() > nanoseconds(0) ? milliseconds(0) : doc.replicas.startup;
    window = ChooseDownWindow(raws, doc.scrape, felt_after, doc.target_utilization);
    window_chosen = now;
  }
  return window;
}

// Pods that do not come up: no more are ordered, but for one try after each pause, which doubles.
std::string Governor::State::UpBlocked(const Fleet& fleet, const Inputs& inputs, SteadyTime now) {
  if (fleet.stuck == 0 || fleet.stuck * 10 < inputs.ordered) {
    up_backoff = milliseconds(0);
    return {};
  }
  if (up_backoff == milliseconds(0)) {
    up_backoff = minutes(1);
    up_retry_at = now + up_backoff;
  } else if (now >= up_retry_at) {
    up_backoff = std::min<milliseconds>(up_backoff * 2, minutes(10));
    up_retry_at = now + up_backoff;
    return {};
  }
  return fmt::format("{} pods are not Ready after {:.0f} s", fleet.stuck, ToSeconds(3 * doc.replicas.startup));
}

ConstraintInputs Governor::State::Constraints(const std::vector<Signal>& signals, const Fleet& fleet,
                                              const Inputs& inputs, SteadyTime now) {
  ConstraintInputs in;
  in.ordered = inputs.ordered;
  in.ready = fleet.ready;
  in.has_signal = !signals.empty();
  for (const Signal& signal : signals) {
    in.raw = std::max(in.raw, signal.raw);
    in.raw_down = std::max(in.raw_down, signal.raw_down);
  }
  in.shedding = fleet.ShedShare() > kShedding;
  in.fresh_share = fleet.FreshShare();
  in.stale_seconds = ToSeconds(now - fresh_at);
  in.fallback = doc.replicas.fallback;
  in.up_tolerance = doc.scale_up.tolerance.value_or(in.up_tolerance);
  in.down_tolerance = doc.scale_down.tolerance.value_or(in.down_tolerance);

  const milliseconds down_window = Window(now);
  const auto most_down = [](int most, const PastTick& past) { return std::max(most, past.raw_down); };
  const auto most_ordered = [](int most, const PastTick& past) { return std::max(most, past.ordered); };
  const auto least_ordered = [](int least, const PastTick& past) { return std::min(least, past.ordered); };
  in.window_seconds = ToSeconds(down_window);
  in.window_peak = Peak(down_window, now, 0, most_down);
  in.revoke_peak = elements.revoke ? std::max(Peak(kRevokeSpan, now, 0, most_down), in.raw_down) : in.ordered;
  in.up_window_low = Peak(doc.scale_up.stabilization_window.value_or(milliseconds(0)), now, in.raw,
                          [](int least, const PastTick& past) { return std::min(least, past.raw); });

  const std::vector<ReplicaChange> changed(changes.begin(), changes.end());
  const bool own_up = doc.scale_up.policies.empty() && doc.scale_up.select != spec::ScalingRules::Select::kDisabled;
  in.up_rate_limit = own_up ? std::max(3 * fleet.ready, Peak(kRateSpan, now, inputs.ordered, least_ordered) + 10)
                            : ScaleUpLimit(doc.scale_up, changed, inputs.ordered, now);
  const bool own_down =
      doc.scale_down.policies.empty() && doc.scale_down.select != spec::ScalingRules::Select::kDisabled;
  const int high = Peak(kRateSpan, now, inputs.ordered, most_ordered);
  in.down_rate_limit = own_down ? std::min(high - 1, static_cast<int>(std::ceil(high * 0.7)))
                                : ScaleDownLimit(doc.scale_down, changed, inputs.ordered, now);
  in.up_blocked = UpBlocked(fleet, inputs, now);
  const milliseconds at_start = doc.scale_down.stabilization_window.value_or(kDefaultWindow);
  if (now - started < at_start) in.down_blocked = "the governor started less than one window ago";
  // As the HPA does: others may still raise, nobody may lower.
  if (const std::string missing = ExternalMissing(inputs); !missing.empty()) {
    in.down_blocked = fmt::format("external {} has no value", missing);
  }
  if (now < blind_until) in.down_blocked = "the clock or the loop jumped";
  SetFloor(in, inputs);
  in.min = doc.replicas.min;
  in.max = doc.replicas.max;
  in.paused = doc.paused;
  return in;
}

void Governor::State::SetFloor(ConstraintInputs& in, const Inputs& inputs) const {
  in.floor = inputs.schedule_floor;
  in.floor_reason = inputs.schedule_floor > 0 ? fmt::format("schedule {} keeps {}", inputs.schedule, in.floor) : "";
  const int expected = doc.forecast.enabled ? static_cast<int>(std::ceil(forecast.Ahead(Lead()) - 1e-9)) : 0;
  if (expected > in.floor) {
    in.floor = expected;
    in.floor_reason = fmt::format("the forecast expects a need of {}", expected);
  }
  const int repeated = static_cast<int>(std::ceil(period.Ahead(Lead()) - 1e-9));
  if (repeated <= in.floor) return;
  in.floor = repeated;
  in.floor_reason = fmt::format("the load repeats every {:.0f} s and needed {} this long before now",
                                ToSeconds(period.period()), repeated);
}

AllocationInputs Governor::State::Limits(const Fleet& fleet) const {
  AllocationInputs in;
  in.capacity_per_pod = capacity;
  in.ready = fleet.ready;
  in.ceiling_enabled = doc.enforce_limits && doc.fleet_ceiling;
  in.ceiling_factor = kCeilingFactor;
  in.knee_rps = probe.knee_rps();
  const auto offer = [&](const std::vector<Cell>& cells) {
    std::array<double, kCriticalities> offered{};
    for (size_t id = 0; id < cells.size(); ++id) {
      offered[static_cast<size_t>(table.CriticalityOf(id))] += cells[id].Offered();
    }
    return offered;
  };
  const auto mean = offer(fleet.rates.cells), newest = offer(fleet.newest.cells);
  for (size_t c = 0; c < kCriticalities; ++c) in.offered[c] = std::max(mean[c], newest[c]);
  in.weights = {doc.weights.critical, doc.weights.normal, doc.weights.sheddable};
  in.quota_factor_before = quota_factor;
  in.quota_floor = doc.quota_floor;
  const Cell& last = fleet.newest.total;
  in.limiter_shed_share = doc.enforce_limits ? Share(last[Cell::kFleet] + last[Cell::kPod], last.Offered()) : 0;
  return in;
}

std::vector<Condition> Governor::State::Conditions(const Decision& d, const Fleet& fleet, const Inputs& inputs) const {
  std::vector<Condition> all;
  const ConstraintInputs& in = d.constraint_inputs;
  if (!inputs.other_owner.empty()) {
    all.push_back({"Conflict", "OtherAutoscaler", inputs.other_owner + " scales the same target; only observing"});
  } else if (foreign_writes.size() >= 2) {
    all.push_back({"Conflict", "OtherWriter", "somebody else changed the replicas twice in 5 minutes; only observing"});
  }
  if (in.stale_seconds > 30 || in.fresh_share < 0.5) {
    all.push_back({"MetricsMissing", in.stale_seconds > 30 ? "AllStale" : "SomeStale",
                   fmt::format("{} of {} Ready pods have fresh metrics", fleet.fresh, fleet.ready)});
  }
  if (const std::string missing = ExternalMissing(inputs); !missing.empty()) {
    all.push_back({"MetricsMissing", "External", fmt::format("no value for {}", missing)});
  }
  if (doc.memory_target && fleet.fresh > 0 && fleet.memory_limit <= 0) {
    all.push_back({"MetricsMissing", "MemoryLimit", "the pods have no memory limit that signals.memory is a share of"});
  }
  if (in.has_signal && in.raw > in.max) {
    all.push_back(
        {"ScalingLimited", "MaxReplicas", fmt::format("the load asks for {}, replicas.max is {}", in.raw, in.max)});
  } else if (!inputs.scaling_limited.empty()) {
    all.push_back({"ScalingLimited", "Platform", inputs.scaling_limited});
  }
  if (!in.up_blocked.empty()) all.push_back({"ScaleUpIneffective", "PodsNotReady", in.up_blocked});
  if (probe.shared_bottleneck()) {
    all.push_back(
        {"ScaleUpIneffective", "SharedBottleneck",
         fmt::format("more pods did not raise throughput above {:.0f} requests/s; something they share is slow",
                     probe.knee_rps())});
  }
  if (const double seen = LatencySeen(fleet);
      seen > 0 && PodsHaveRoom(fleet) && seen > ToSeconds(doc.latency->target)) {
    all.push_back({"ScaleUpIneffective", "SlowNotBusy",
                   fmt::format("p{:g} is {:.0f} ms, over its target of {:.0f} ms, but the pods have room; more of them "
                               "would not help",
                               doc.latency->quantile * 100, seen * 1e3, ToSeconds(doc.latency->target) * 1e3)});
  }
  if (!inputs.shared_state_up) all.push_back({"SharedStateDown", "RedisUnreachable", "rates cannot be published"});
  if (!inputs.target_reachable) all.push_back({"TargetUnreachable", "NotWritable", "replicas cannot be changed now"});
  return all;
}

Decision Governor::State::Decide(const Inputs& inputs, SteadyTime now) {
  NoticeGap(now);
  NoticeWriters(inputs, now);
  TakeSamples(inputs);
  Fleet fleet = View(inputs, now);
  LearnCapacity(fleet);

  Decision d;
  d.governor = doc.name;
  d.at = inputs.wall;
  d.seq = ++seq;
  d.ordered = inputs.ordered;
  d.estimates = Estimate(fleet, inputs, now);
  d.signals = Signals(fleet, inputs, d.estimates.trend);
  if (RunProbe(fleet, inputs, d.signals, now)) d.signals = Signals(fleet, inputs, d.estimates.trend);
  Remember(d.signals, fleet, inputs, now);
  d.estimates.probe = probe.Name();
  if (probe.replicas() > 0) {
    Signal signal;
    signal.name = "probe";
    signal.work = signal.work_down = probe.replicas();
    signal.resource = signal.target = 1;
    d.signals.push_back(std::move(signal));
    Recommend(d.signals);
  }
  d.constraint_inputs = Constraints(d.signals, fleet, inputs, now);
  d.steps = Constrain(d.constraint_inputs);
  d.desired = d.steps.back().after;
  d.allocation_inputs = Limits(fleet);
  d.allocation = Allocate(d.allocation_inputs);
  quota_factor = d.allocation.quota_factor;
  d.act = doc.mode == spec::Governor::Mode::kEnforce && !doc.paused && !Conflict(inputs) && inputs.target_reachable;
  if (d.act) wanted.push_back(d.desired);
  while (wanted.size() > 5 || (!d.act && !wanted.empty())) wanted.pop_front();
  d.conditions = Conditions(d, fleet, inputs);
  d.reason = Sentence(d);
  return d;
}

Governor::Governor(spec::Governor document, SteadyTime started, Remembered remembered, const Elements& elements)
    : state_(std::make_unique<State>(std::move(document), started, remembered, elements)) {}
Governor::~Governor() = default;
Governor::Governor(Governor&&) noexcept = default;
Governor& Governor::operator=(Governor&&) noexcept = default;

Decision Governor::Decide(const Inputs& inputs, SteadyTime now) { return state_->Decide(inputs, now); }
void Governor::Reconfigure(spec::Governor document) { state_->doc = std::move(document); }
const spec::Governor& Governor::document() const { return state_->doc; }

}  // namespace flyball::scaling
