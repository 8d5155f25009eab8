#include "pkg/simulate/simulation.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <queue>
#include <string>

#include "pkg/admission/concurrency_limit.h"
#include "pkg/admission/executor_queue.h"
#include "pkg/admission/fleet_ceiling.h"
#include "pkg/base/random.h"

namespace flyball::simulate {
namespace {

using admission::ConcurrencyLimit;
using admission::ExecutorQueue;
using admission::FleetCeiling;
using scaling::Criticality;
using scaling::kCriticalities;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kScrapePeriod = 2 * kSecond, kLimiterTick = 200'000, kRateStep = 100'000;
constexpr double kShedCpuSeconds = 50e-6;
constexpr int kMostRetries = 2;

enum class Kind : uint8_t { kArrival, kRetry, kDone, kReady, kLimiter, kScrape };

struct Event {
  int64_t at = 0;
  uint64_t order = 0;  // ties go by the order of scheduling
  Kind kind = Kind::kArrival;
  uint32_t pod = 0, request = 0;
  bool operator>(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
};

struct Request {
  int64_t arrived = 0, begun = 0;
  Criticality criticality = Criticality::kNormal;
  int attempt = 0;
  double took = 0;  // service seconds
};

struct Pod {
  Pod(const FleetOptions& options, int64_t at, SteadyTime now)
      : ordered_at(at),
        queue({static_cast<size_t>(4 * options.workers), milliseconds(100)}),
        limit({options.workers, 0, 1, 10}),
        ceiling({}, now) {}

  std::string name;
  int64_t ordered_at, ready_at = 0, gone_at = -1;
  bool ready = false, broken = false, gone = false;
  double slowness = 1;
  int busy = 0, peak = 0;
  std::deque<uint32_t> unbounded;  // instead of `queue` without the limiter
  ExecutorQueue queue;
  ConcurrencyLimit limit;
  FleetCeiling ceiling;
  scaling::PodSample sample;
  int64_t busy_since = 0;  // when `busy` last changed
  int waiting() const { return static_cast<int>(queue.size() + unbounded.size()); }
};

// A token bucket of the whole fleet with one second of burst.
struct Quota {
  double tokens = 0, at = 0;
  bool Take(double rps, double now) {
    tokens = std::min(rps, tokens + (now - at) * rps);
    at = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
};

size_t BucketOf(double latency) {
  size_t bucket = 0;
  while (bucket < scaling::kLatencyBounds && scaling::LatencyBound(bucket) < latency) ++bucket;
  return bucket;
}

class Simulation {
 public:
  Simulation(const Trace& trace, const FleetOptions& options, Autoscaler& autoscaler)
      : trace_(trace),
        options_(options),
        autoscaler_(autoscaler),
        arrivals_(options.seed * 6 + 1),
        service_(options.seed * 6 + 2),
        balance_(options.seed * 6 + 3),
        clients_(options.seed * 6 + 4),
        startups_(options.seed * 6 + 5),
        faults_(options.seed * 6 + 6) {
    outcome_.seconds.resize(static_cast<size_t>(trace.duration.count()) + 1);
  }

  Outcome Run() {
    Order(options_.pods);
    for (auto& pod : pods_) pod->ready = true, pod->broken = false, pod->ready_at = 0;
    RefreshReady();
    Schedule(0, Kind::kArrival);
    Schedule(kScrapePeriod, Kind::kScrape);
    const int64_t end = trace_.duration.count() * kSecond;
    while (!events_.empty() && events_.top().at < end) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      ++outcome_.events;
      Hash(static_cast<uint64_t>(event.at));
      Hash(static_cast<uint64_t>(event.kind) << 56 | uint64_t{event.pod} << 32 | event.request);
      Handle(event);
    }
    now_ = end;
    Finish();
    return std::move(outcome_);
  }

 private:
  SteadyTime Now() const { return kSimulationStart + std::chrono::microseconds(now_); }
  double Seconds() const { return static_cast<double>(now_) / kSecond; }
  Second& SecondOf(int64_t at) { return outcome_.seconds[static_cast<size_t>(at / kSecond)]; }

  void Hash(uint64_t value) { outcome_.hash = (outcome_.hash ^ value) * 0x100000001b3ULL; }
  void Schedule(int64_t at, Kind kind, uint32_t pod = 0, uint32_t request = 0) {
    events_.push({at, ++order_, kind, pod, request});
  }

  void Handle(const Event& event) {
    switch (event.kind) {
      case Kind::kArrival:
        return OnArrival();
      case Kind::kRetry:
        return Route(event.request);
      case Kind::kDone:
        return OnDone(event.pod, event.request);
      case Kind::kReady:
        if (!pods_[event.pod]->gone) pods_[event.pod]->ready = true, RefreshReady();
        return;
      case Kind::kLimiter:
        return OnLimiter(event.pod);
      case Kind::kScrape:
        return OnScrape();
    }
  }

  // ---- Load

  double Exponential(Random& random) { return -std::log1p(-random.Uniform()); }

  // A Poisson process whose rate follows the trace: no arrival within a step means drawing again after it.
  void OnArrival() {
    if (drawn_) NewRequest();
    const double rate = trace_.rps.At(Seconds());
    const double gap = rate > 0 ? Exponential(arrivals_) / rate * kSecond : 2.0 * kRateStep;
    drawn_ = gap < kRateStep;
    Schedule(now_ + (drawn_ ? std::max<int64_t>(1, static_cast<int64_t>(gap)) : kRateStep), Kind::kArrival);
  }

  void NewRequest() {
    uint32_t id = 0;
    if (free_.empty()) {
      id = static_cast<uint32_t>(requests_.size());
      requests_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
    }
    const double dice = clients_.Uniform();
    Criticality criticality = Criticality::kNormal;
    if (dice < options_.critical_share) criticality = Criticality::kCritical;
    if (dice > 1 - options_.sheddable_share) criticality = Criticality::kSheddable;
    requests_[id] = {now_, 0, criticality, 0, 0};
    SecondOf(now_).offered += 1;
    outcome_.offered += 1;
    if (criticality == Criticality::kCritical) {
      outcome_.critical_offered += 1;
      SecondOf(now_).critical_offered += 1;
    }
    Route(id);
  }

  uint32_t Pick() {
    const auto any = [&] { return ready_[balance_.Below(ready_.size())]; };
    if (options_.balancing == FleetOptions::Balancing::kRoundRobin) return ready_[++turn_ % ready_.size()];
    if (options_.balancing == FleetOptions::Balancing::kRandom) return any();
    const uint32_t a = any(), b = any();
    return pods_[a]->busy + pods_[a]->waiting() <= pods_[b]->busy + pods_[b]->waiting() ? a : b;
  }

  void Route(uint32_t id) {
    if (ready_.empty()) return Release(id);
    const uint32_t index = Pick();
    Pod& pod = *pods_[index];
    Request& request = requests_[id];
    auto& cell = pod.sample.endpoints[static_cast<size_t>(request.criticality)];
    (request.attempt == 0 ? cell.first_attempts : cell.retries) += 1;
    request.begun = now_;
    if (options_.adaptive_quota_rps > 0 && request.criticality != Criticality::kCritical) {
      if (!nominal_.Take(options_.adaptive_quota_rps, Seconds())) {
        cell.refused_quota += 1;
        return Shed(index, id);
      }
      if (!adapted_.Take(options_.adaptive_quota_rps * quota_factor_, Seconds())) {
        cell.refused_adaptive += 1;
        return Shed(index, id);
      }
    }
    if (options_.limiter && ceilings_on_ && !pod.ceiling.Admit(request.criticality, Now())) {
      cell.shed_fleet += 1;
      return Shed(index, id);
    }
    if (options_.limiter && !Admits(pod, request.criticality)) return ShedByPod(index, id);
    if (pod.busy < options_.workers) {
      Begin(index, id);
    } else {
      Enqueue(index, id);
    }
    pod.peak = std::max(pod.peak, pod.busy + pod.waiting());
  }

  // As the API's front does: critical requests may exceed the limit by half, sheddable ones get four fifths of it.
  static bool Admits(const Pod& pod, Criticality criticality) {
    constexpr double kShare[kCriticalities] = {1.5, 1, 0.8};
    const double room = pod.limit.limit() * kShare[static_cast<size_t>(criticality)];
    return pod.busy + pod.waiting() < static_cast<int>(std::max(1.0, room));
  }

  void Enqueue(uint32_t index, uint32_t id) {
    Pod& pod = *pods_[index];
    if (!options_.limiter) {
      pod.unbounded.push_back(id);
      return;
    }
    const auto pushed = pod.queue.Push(id, requests_[id].criticality, Now());
    if (!pushed.accepted) ShedByPod(index, id);
    if (pushed.evicted) ShedByPod(index, static_cast<uint32_t>(*pushed.evicted));
  }

  // ---- Service

  double Variate() {
    switch (options_.service) {
      case FleetOptions::Service::kExponential:
        return Exponential(service_);
      case FleetOptions::Service::kLognormal: {
        constexpr double kVariance = 1.1786549963416462;  // ln(1 + 1.5^2)
        const double normal = std::sqrt(2 * Exponential(service_)) * std::cos(2 * M_PI * service_.Uniform());
        return std::exp(std::sqrt(kVariance) * normal - kVariance / 2);
      }
      case FleetOptions::Service::kBimodal:
        return service_.Uniform() < 0.9 ? 0.5 : 5.5;
      case FleetOptions::Service::kFixed:
        return 1;
    }
    return 1;
  }

  // The share of a request that is not CPU time waits for the database; beyond its connections everybody waits longer.
  double DatabaseFactor() const {
    const double connections = trace_.database.At(Seconds());
    return connections > 0 ? std::max(1.0, total_busy_ / connections) : 1;
  }

  void SetBusy(Pod& pod, int by) {
    const double span = static_cast<double>(now_ - pod.busy_since) / kSecond;
    pod.sample.executor_busy_seconds += span * pod.busy;
    pod.sample.cpu_seconds += span * pod.busy * options_.cpu_share / database_factor_;
    pod.busy_since = now_;
    pod.busy += by;
    total_busy_ += by;
  }

  void Begin(uint32_t index, uint32_t id) {
    Pod& pod = *pods_[index];
    SetBusy(pod, 1);
    database_factor_ = DatabaseFactor();
    const double factor = trace_.service_factor.knots.empty() ? 1 : trace_.service_factor.At(Seconds());
    const double took = options_.service_seconds * factor * pod.slowness * database_factor_ * Variate();
    const double waited = static_cast<double>(now_ - requests_[id].begun) / kSecond;
    pod.sample.queue.buckets[BucketOf(waited)] += 1;
    pod.sample.queue.sum_seconds += waited;
    requests_[id].took = took;
    Schedule(now_ + std::max<int64_t>(1, static_cast<int64_t>(took * kSecond)), Kind::kDone, index, id);
  }

  void OnDone(uint32_t index, uint32_t id) {
    Pod& pod = *pods_[index];
    SetBusy(pod, -1);
    const Request& request = requests_[id];
    const int64_t latency = now_ - request.begun;
    const size_t c = static_cast<size_t>(request.criticality);
    pod.sample.endpoints[c].completed[0] += 1;
    pod.sample.endpoints[c].service_count += 1;
    pod.sample.endpoints[c].service_seconds += request.took;
    pod.sample.request[c].buckets[BucketOf(static_cast<double>(latency) / kSecond)] += 1;
    pod.sample.request[c].sum_seconds += static_cast<double>(latency) / kSecond;
    pod.limit.Sample(0, std::chrono::microseconds(latency));
    if (request.attempt == 0) {
      if (c == 0) {
        outcome_.critical_served += 1;
        SecondOf(request.arrived).critical_served += 1;
      }
      if (latency <= std::chrono::microseconds(options_.slo).count()) {
        SecondOf(request.arrived).good += 1;
        outcome_.good += 1;
      }
    }
    Release(id);
    Next(index);
  }

  void Next(uint32_t index) {
    Pod& pod = *pods_[index];
    expired_.clear();
    if (!pod.unbounded.empty()) {
      const uint32_t id = pod.unbounded.front();
      pod.unbounded.pop_front();
      Begin(index, id);
    } else if (const auto next = pod.queue.Pop(Now(), expired_)) {
      Begin(index, static_cast<uint32_t>(*next));
    }
    for (const uint64_t late : expired_) ShedByPod(index, static_cast<uint32_t>(late));
  }

  void ShedByPod(uint32_t index, uint32_t id) {
    pods_[index]->sample.endpoints[static_cast<size_t>(requests_[id].criticality)].shed_pod += 1;
    Shed(index, id);
  }

  // 503 with Retry-After 1; some clients come back a little after that.
  void Shed(uint32_t index, uint32_t id) {
    pods_[index]->sample.cpu_seconds += kShedCpuSeconds;
    Request& request = requests_[id];
    if (request.attempt >= kMostRetries || clients_.Uniform() >= trace_.retry_share) return Release(id);
    ++request.attempt;
    Schedule(now_ + kSecond + static_cast<int64_t>(clients_.Below(kSecond / 2)), Kind::kRetry, 0, id);
  }

  void Release(uint32_t id) { free_.push_back(id); }

  // ---- Pods

  void RefreshReady() {
    ready_.clear();
    for (uint32_t i = 0; i < pods_.size(); ++i) {
      if (pods_[i]->ready && !pods_[i]->gone) ready_.push_back(i);
    }
  }

  int Alive() const {
    return static_cast<int>(std::count_if(pods_.begin(), pods_.end(), [](const auto& pod) { return !pod->gone; }));
  }

  void Order(int replicas) {
    ordered_ = replicas;
    int alive = Alive();
    // Those not Ready go first, then the youngest.
    for (const bool ready : {false, true}) {
      for (size_t i = pods_.size(); i-- > 0 && alive > replicas;) {
        Pod& pod = *pods_[i];
        if (pod.gone || pod.ready != ready) continue;
        pod.gone = true;
        pod.gone_at = now_;
        --alive;
      }
    }
    for (; alive < replicas; ++alive) AddPod();
    RefreshReady();
  }

  void AddPod() {
    const auto index = static_cast<uint32_t>(pods_.size());
    Pod& pod = *pods_.emplace_back(std::make_unique<Pod>(options_, now_, Now()));
    pod.name = "pod-" + std::to_string(index);
    pod.broken = faults_.Uniform() < options_.crash_share;
    pod.slowness = faults_.Uniform() < options_.slow_share ? 3 : 1;
    pod.busy_since = now_;
    const double startup = static_cast<double>(std::chrono::microseconds(options_.startup).count());
    pod.ready_at = now_ + static_cast<int64_t>(startup * (1 - options_.startup_spread +
                                                          2 * options_.startup_spread * startups_.Uniform()));
    pod.sample.workers = options_.workers;
    pod.sample.cpu_quota_cores = options_.workers;
    pod.sample.start_time_seconds = 1e9 + Seconds();
    for (size_t c = 0; c < kCriticalities; ++c) {
      pod.sample.endpoints.push_back({.endpoint = "work", .criticality = static_cast<Criticality>(c)});
    }
    if (!pod.broken && now_ > 0) Schedule(pod.ready_at, Kind::kReady, index);
    Schedule(now_ + kLimiterTick, Kind::kLimiter, index);
  }

  void OnLimiter(uint32_t index) {
    Pod& pod = *pods_[index];
    if (pod.gone && pod.busy == 0) return;
    if (pod.limit.Tick(pod.peak, Now())) pod.peak = pod.busy + pod.waiting();
    expired_.clear();
    pod.queue.Expire(Now(), expired_);
    for (const uint64_t late : expired_) ShedByPod(index, static_cast<uint32_t>(late));
    Schedule(now_ + kLimiterTick, Kind::kLimiter, index);
  }

  void OnScrape() {
    FleetSight sight;
    sight.ordered = ordered_;
    sight.request_cores = options_.workers * options_.cpu_share;
    for (auto& pod : pods_) {
      if (pod->gone) continue;
      SetBusy(*pod, 0);
      pod->sample.in_flight = pod->busy + pod->waiting();
      pod->sample.monotonic_seconds = 1 + static_cast<double>(now_ - pod->ordered_at) / kSecond;
      PodSight& seen = sight.pods.emplace_back();
      seen.name = pod->name;
      seen.ready = pod->ready;
      seen.ordered_at = kSimulationStart + std::chrono::microseconds(pod->ordered_at);
      seen.ready_at = kSimulationStart + std::chrono::microseconds(pod->ready_at);
      // It answers scrapes once its process runs, in the last fifth of the start-up.
      seen.sample = pod->ready || (!pod->broken && now_ > pod->ready_at - kScrapePeriod) ? &pod->sample : nullptr;
    }
    const int desired = autoscaler_.Decide(sight, Now());
    if (desired != ordered_) Order(desired);
    Publish();
    Second& second = SecondOf(now_);
    second.ordered = ordered_;
    second.ready = static_cast<int>(ready_.size());
    Schedule(now_ + kScrapePeriod, Kind::kScrape);
  }

  void Publish() {
    const auto limits = autoscaler_.Limits();
    quota_factor_ = limits ? limits->quota_factor : 1;
    ceilings_on_ = limits.has_value() && limits->ceiling_rps.has_value();
    if (!ceilings_on_) return;
    admission::GovernorRecord record;
    record.epoch = 1;
    record.seq = ++published_;
    record.rates = limits->rates;
    record.quota_factor = limits->quota_factor;
    record.ready = static_cast<int>(ready_.size());
    for (const uint32_t index : ready_) pods_[index]->ceiling.OnRecord(record, Now());
  }

  void Finish() {
    for (const auto& pod : pods_) {
      const int64_t until = pod->gone ? pod->gone_at : now_;
      outcome_.pod_seconds += static_cast<double>(until - pod->ordered_at) / kSecond;
    }
    outcome_.seconds.pop_back();
    for (size_t i = 0; i < outcome_.seconds.size(); ++i) {
      Second& second = outcome_.seconds[i];
      if (second.ordered == 0 && i > 0) {  // between scrapes
        second.ordered = outcome_.seconds[i - 1].ordered;
        second.ready = outcome_.seconds[i - 1].ready;
      }
      if (second.offered > 0 && second.good < 0.95 * second.offered) ++outcome_.violated_seconds;
    }
  }

  const Trace& trace_;
  const FleetOptions& options_;
  Autoscaler& autoscaler_;
  Random arrivals_, service_, balance_, clients_, startups_, faults_;

  int64_t now_ = 0;
  uint64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<Request> requests_;
  std::vector<uint32_t> free_;
  std::vector<std::unique_ptr<Pod>> pods_;  // never removed, so that ids stay
  std::vector<uint32_t> ready_;
  std::vector<uint64_t> expired_;
  int ordered_ = 0;
  int total_busy_ = 0;
  double database_factor_ = 1;
  bool drawn_ = false, ceilings_on_ = false;
  Quota nominal_, adapted_;
  double quota_factor_ = 1;
  uint64_t turn_ = 0, published_ = 0;
  Outcome outcome_;
};

}  // namespace

Outcome Simulate(const Trace& trace, const FleetOptions& options, Autoscaler& autoscaler) {
  return Simulation(trace, options, autoscaler).Run();
}

}  // namespace flyball::simulate
