#include "pkg/scaling/testing/fake_fleet.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace flyball::scaling::testing {
namespace {

constexpr auto kTick = std::chrono::seconds(2);
constexpr double kQueueWait = 0.080;  // what a request waits in a full pod

void Observe(LatencyHistogram& histogram, double seconds, double count) {
  size_t bucket = 0;
  while (bucket < kLatencyBounds && LatencyBound(bucket) < seconds) ++bucket;
  histogram.buckets[bucket] += count;
  histogram.sum_seconds += seconds * count;
}

}  // namespace

FakeFleet::FakeFleet(spec::Governor document, int ready_pods)
    : document_(std::move(document)), governor_(document_, now_) {
  Apply(ready_pods);
  for (Pod& pod : pods) pod.ready_at = now_;
}

int FakeFleet::ready() const {
  return static_cast<int>(
      std::count_if(pods.begin(), pods.end(), [&](const Pod& pod) { return pod.ready_at <= now_ && !pod.broken; }));
}

double FakeFleet::Noise() { return 1 + noise * (2 * random_.Uniform() - 1); }

// A shared limit below what all workers together could do makes every request slower by just that much.
double FakeFleet::service_seconds() const {
  if (database_rps <= 0) return service;
  const double carried = std::min(load.rps + load.retries_rps, ready() * workers / service);
  return carried <= database_rps ? service : std::max(service, ready() * workers / database_rps);
}

void FakeFleet::ServePod(Pod& pod, double share, double span) {
  PodSample& s = pod.sample;
  const double took = service_seconds();
  double room = foreign ? 1e9 : workers / took * span;
  const double rps[kCriticalities] = {load.rps * load.critical, load.rps * (1 - load.critical - load.sheddable),
                                      load.rps * load.sheddable};
  for (size_t c = 0; c < kCriticalities; ++c) {
    EndpointCounters& e = s.endpoints[c];
    const double first = rps[c] * share * span * Noise();
    const double retries = c == 1 ? load.retries_rps * share * span : 0;
    const double abuse = c == 1 ? load.abuse_rps * share * span : 0;
    const double served = std::min(first + retries, room);
    const bool full = first + retries > room;
    room -= served;
    const double adaptive = c == 1 ? adaptive_rps * share * span : 0;
    e.first_attempts += first + abuse + adaptive;
    e.refused_adaptive += adaptive;
    e.retries += retries;
    e.refused_quota += abuse;
    e.shed_pod += first + retries - served;
    e.completed[0] += served;
    Observe(s.request[c], took + (full ? kQueueWait : 0), served);
    if (foreign) continue;
    e.service_count += served;
    e.service_seconds += served * took;
    s.executor_busy_seconds += served * took;
    s.cpu_seconds += served * took * cpu_share;
    Observe(s.queue, full ? kQueueWait : 0, served);
  }
  ServeLogins(s, load.logins_rps * share * span);
}

void FakeFleet::ServeLogins(PodSample& s, double count) const {
  EndpointCounters& e = s.endpoints[kCriticalities];
  e.first_attempts += count;
  e.completed[0] += count;
  e.service_count += count;
  e.service_seconds += count * login_seconds;
  s.executor_busy_seconds += count * login_seconds;
  s.cpu_seconds += count * login_seconds;
  Observe(s.request[1], login_seconds, count);
  Observe(s.queue, 0, count);
}

void FakeFleet::Serve(double span) {
  const int count = ready();
  now_ += std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(span));
  for (auto& [until, pod] : terminating) pod.sample.monotonic_seconds += span;
  for (Pod& pod : pods) {
    pod.sample.monotonic_seconds += span;
    pod.sample.memory_bytes = memory_bytes;
    pod.sample.memory_limit_bytes = 1 << 30;
    pod.sample.cpu_seconds += idle_cpu * span;
    const bool serves = pod.ready_at <= now_ - kTick && !pod.broken && count > 0;
    if (serves) ServePod(pod, 1.0 / count, span);
  }
}

const Decision& FakeFleet::Tick() {
  Serve(ToSeconds(kTick));
  Inputs inputs;
  inputs.ordered = ordered;
  inputs.shared_state_up = redis_up;
  inputs.external = external;
  inputs.other_owner = other_owner;
  inputs.target_reachable = target_reachable;
  inputs.scaling_limited = scaling_limited;
  inputs.wall = WallTime{} + std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch());
  std::erase_if(terminating, [&](const auto& entry) { return entry.first <= now_; });
  for (const auto& [until, pod] : terminating) {
    PodView view;
    view.name = pod.name;
    view.ready = view.terminating = true;
    view.sample = &pod.sample;
    view.sampled_at = now_;
    inputs.pods.push_back(std::move(view));
  }
  std::deque<PodSample> wrong;  // keeps its addresses
  for (const Pod& pod : pods) {
    PodView view;
    view.name = pod.name;
    view.ready = pod.ready_at <= now_ && !pod.broken;
    view.pending_since = pod.ordered_at;
    view.sample = !pod.broken && !pod.mute ? &pod.sample : nullptr;  // it answers scrapes before it is Ready
    view.sampled_at = now_;
    if (pod.garbage != 0 && view.sample != nullptr) {
      wrong.push_back(pod.sample);
      wrong.back().endpoints[1].first_attempts = pod.garbage;
      view.sample = &wrong.back();
    }
    inputs.pods.push_back(std::move(view));
  }
  last_ = governor_.Decide(inputs, now_);
  if (last_.act) Apply(last_.desired);
  return last_;
}

const Decision& FakeFleet::Run(seconds duration) {
  for (seconds spent{0}; spent < duration; spent += kTick) Tick();
  return last_;
}

void FakeFleet::RestartGovernor() { governor_ = Governor(document_, now_, {last_.estimates.capacity_per_pod_rps}); }

void FakeFleet::RestartPod(size_t index) {
  Pod& pod = pods.at(index);
  const PodSample old = std::move(pod.sample);
  pod.sample = PodSample{};
  pod.sample.endpoints = old.endpoints;
  for (EndpointCounters& e : pod.sample.endpoints) e = {.endpoint = e.endpoint, .criticality = e.criticality};
  pod.sample.workers = workers;
  pod.sample.cpu_quota_cores = old.cpu_quota_cores;
  pod.sample.start_time_seconds = old.start_time_seconds + 1000;
  pod.sample.monotonic_seconds = 0.001;
}

void FakeFleet::Skip(seconds duration) {
  for (seconds spent{0}; spent < duration; spent += kTick) Serve(ToSeconds(kTick));
}

void FakeFleet::WriteReplicas(int replicas) { Apply(replicas); }

void FakeFleet::Apply(int replicas) {
  ordered = replicas;
  while (static_cast<int>(pods.size()) > replicas) {  // the youngest first
    if (linger.count() > 0) terminating.emplace_back(now_ + linger, std::move(pods.back()));
    pods.pop_back();
  }
  while (static_cast<int>(pods.size()) < replicas) {
    Pod& pod = pods.emplace_back();
    pod.name = "pod-" + std::to_string(++named_);
    pod.ordered_at = now_;
    pod.ready_at = now_ + document_.replicas.startup;
    pod.broken = new_pods_break || !scaling_limited.empty();
    pod.sample.workers = workers;
    pod.sample.cpu_quota_cores = workers;
    pod.sample.start_time_seconds = 1e9 + named_;
    pod.sample.monotonic_seconds = 1;
    for (size_t c = 0; c < kCriticalities; ++c) {
      pod.sample.endpoints.push_back({.endpoint = "tasks.list", .criticality = static_cast<Criticality>(c)});
    }
    pod.sample.endpoints.push_back({.endpoint = "auth.login"});
  }
}

}  // namespace flyball::scaling::testing
