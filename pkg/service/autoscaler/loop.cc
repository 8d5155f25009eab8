#include "pkg/service/autoscaler/loop.h"

#include <utility>

#include "pkg/base/json_writer.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/scaling/schedule.h"

namespace flyball::service::autoscaler {
namespace {

int CountReady(const TargetView& view) {
  int ready = 0;
  for (const TargetPod& pod : view.pods) ready += pod.ready && !pod.terminating;
  return ready;
}

void WriteRates(JsonWriter& json, const scaling::Allocation& allocation) {
  constexpr std::string_view kNames[] = {"critical", "normal", "sheddable"};
  json.BeginObject();
  for (size_t i = 0; i < scaling::kCriticalities; ++i) {
    json.Key(kNames[i]);
    if (allocation.ceiling_rps) {
      json.Value(allocation.rates[i]);
    } else {
      json.Null();
    }
  }
  json.EndObject();
}

}  // namespace

Loop::Loop(spec::Governor document, ScaleTarget& target, PodScraper& scraper, RatePublisher& publisher,
           StatusSink& sink, const Clock& clock, std::vector<scaling::TimeZone> zones, ExternalMetrics* external,
           scaling::Remembered remembered)
    : document_(document),
      zones_(std::move(zones)),
      external_(external),
      target_(target),
      scraper_(scraper),
      publisher_(publisher),
      sink_(sink),
      clock_(clock),
      governor_(std::move(document), clock.Now(), remembered) {}

void Loop::Reconfigure(spec::Governor document, std::vector<scaling::TimeZone> zones) {
  document_ = document;
  zones_ = std::move(zones);
  governor_.Reconfigure(std::move(document));
}

scaling::Decision Loop::Tick() {
  const SteadyTime now = clock_.Now();
  const scaling::Inputs inputs = Gather(now);
  if (!observed_) return {};  // nothing is known of the target yet: nothing to decide about
  const scaling::Decision decision = governor_.Decide(inputs, now);
  if (!deposed_) Publish(decision);  // finds out first whether a newer leader took over
  if (!deposed_) Act(decision);
  Report(decision);
  return decision;
}

void Loop::AskOutside(scaling::Inputs& inputs) {
  if (external_ == nullptr || document_.external.empty()) return;
  std::vector<std::string> queries;
  for (const spec::ExternalSignal& signal : document_.external) queries.push_back(signal.promql);
  const auto answers = external_->Query(queries);
  for (size_t i = 0; i < answers.size(); ++i) {
    inputs.external.push_back(answers[i] ? std::optional(*answers[i]) : std::nullopt);
    if (!answers[i]) scrape_errors_.emplace("external/" + document_.external[i].name, answers[i].error().message);
  }
}

scaling::Inputs Loop::Gather(SteadyTime now) {
  scaling::Inputs inputs;
  auto observed = target_.Observe();
  inputs.target_reachable = observed.has_value();
  if (observed) {
    view_ = std::move(*observed);
    observed_ = true;
  } else {
    Log(LogLevel::kWarn, "the scale target cannot be observed",
        {{"governor", document_.name}, {"reason", observed.error().message}});
  }
  target_trouble_ = observed ? "" : observed.error().message;
  inputs.ordered = view_.ordered;
  inputs.other_owner = view_.other_owner;
  inputs.scaling_limited = view_.scaling_limited;
  inputs.cpu_request_cores = view_.cpu_request_cores;
  inputs.memory_limit_bytes = view_.memory_limit_bytes;
  inputs.shared_state_up = shared_state_up_;
  inputs.wall = clock_.WallNow();
  const scaling::ScheduleFloor floor = scaling::FloorAt(document_.schedule, zones_, inputs.wall);
  inputs.schedule_floor = floor.replicas;
  inputs.schedule = floor.schedule;

  std::vector<TargetPod> asked;
  for (const TargetPod& pod : view_.pods) {
    if (pod.ready || !pod.metrics_url.empty()) asked.push_back(pod);
  }
  samples_.clear();
  scrape_errors_.clear();
  AskOutside(inputs);
  auto results = scraper_.Scrape(asked);
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i]) {
      samples_.emplace(asked[i].name, std::move(*results[i]));
    } else {
      scrape_errors_.emplace(asked[i].name, results[i].error().message);
    }
  }

  std::map<std::string, Pending> pending;
  for (const TargetPod& pod : view_.pods) {
    const auto before = pending_.find(pod.name);
    const bool lost_ready = before != pending_.end() && before->second.was_ready && !pod.ready;
    const SteadyTime since = before == pending_.end() || lost_ready ? now : before->second.since;
    pending.emplace(pod.name, Pending{since, pod.ready});
    const auto sample = samples_.find(pod.name);
    inputs.pods.push_back({.name = pod.name,
                           .ready = pod.ready,
                           .terminating = pod.terminating,
                           .pending_since = since,
                           .sample = sample == samples_.end() ? nullptr : &sample->second,
                           .sampled_at = now});
  }
  pending_ = std::move(pending);
  return inputs;
}

void Loop::Act(const scaling::Decision& decision) {
  if (!decision.act || decision.desired == decision.ordered) return;
  const auto done = target_.SetReplicas(decision.desired);
  if (done) {
    Log(LogLevel::kInfo, "replicas",
        {{"governor", document_.name},
         {"from", decision.ordered},
         {"to", decision.desired},
         {"reason", decision.reason}});
    sink_.Ordered(document_.name, decision.ordered, decision.desired, decision.reason);
  } else {
    // Not replayed: the next tick decides anew from what is there then.
    Log(LogLevel::kWarn, "the order for replicas was not taken",
        {{"governor", document_.name}, {"to", decision.desired}, {"reason", done.error().message}});
  }
}

void Loop::Publish(const scaling::Decision& decision) {
  if (document_.mode == spec::Governor::Mode::kObserve || !document_.enforce_limits) return;
  const auto done = publisher_.Publish(decision, CountReady(view_));
  const bool up = done.has_value();
  if (!done && done.error().code == ErrorCode::kConflict) {
    deposed_ = true;
    Log(LogLevel::kError, "a newer leader publishes; this one writes nothing from now on",
        {{"governor", document_.name}, {"reason", done.error().message}});
    return;
  }
  if (up != shared_state_up_) {
    Log(up ? LogLevel::kInfo : LogLevel::kWarn, up ? "rates are published again" : "rates cannot be published",
        {{"governor", document_.name}, {"reason", up ? std::string() : done.error().message}});
  }
  shared_state_up_ = up;
}

void Loop::Report(const scaling::Decision& decision) {
  sink_.Report(document_.name, StatusJson(document_, decision, CountReady(view_), samples_, scrape_errors_));
}

std::string StatusJson(const spec::Governor& document, const scaling::Decision& decision, int ready,
                       const std::map<std::string, scaling::PodSample>& samples,
                       const std::map<std::string, std::string>& scrape_errors) {
  std::string out;
  JsonWriter json(out);
  const scaling::Estimates& estimates = decision.estimates;
  json.BeginObject();
  json.Key("name"), json.Value(document.name);
  json.Key("mode"), json.Value(document.mode == spec::Governor::Mode::kObserve ? "Observe" : "Enforce");
  json.Key("paused"), json.Value(document.paused);
  json.Key("replicas"), json.BeginObject();
  json.Key("min"), json.Value(document.replicas.min);
  json.Key("max"), json.Value(document.replicas.max);
  json.Key("ready"), json.Value(ready);
  json.Key("desired"), json.Value(decision.act ? decision.desired : decision.ordered);
  json.Key("raw"), json.Value(decision.constraint_inputs.raw);
  json.EndObject();
  json.Key("demandRps"), json.Value(estimates.demand_rps);
  json.Key("arrivalsRps"), json.Value(estimates.arrivals_rps);
  json.Key("admittedRps"), json.Value(estimates.admitted_rps);
  json.Key("goodRps"), json.Value(estimates.good_rps);
  json.Key("shedShare"), json.Value(estimates.shed_share);
  json.Key("utilization"), json.Value(estimates.utilization);
  json.Key("p50Ms"), json.Value(estimates.p50_seconds * 1e3);
  json.Key("p99Ms"), json.Value(estimates.p99_seconds * 1e3);
  json.Key("sloLatencyMs"), json.Value(static_cast<int64_t>(document.slo.latency.count()));
  json.Key("capacityPerPodRps"), json.Value(estimates.capacity_per_pod_rps);
  json.Key("targetUtilization"), json.Value(document.target_utilization);
  json.Key("rates"), WriteRates(json, decision.allocation);
  json.Key("quotaFactor"), json.Value(decision.allocation.quota_factor);
  json.Key("conditions"), json.BeginArray();
  for (const scaling::Condition& condition : decision.conditions) {
    json.BeginObject();
    json.Key("type"), json.Value(condition.type);
    json.Key("reason"), json.Value(condition.reason);
    json.Key("message"), json.Value(condition.message);
    json.EndObject();
  }
  json.EndArray();
  json.Key("connections"), json.BeginObject();
  for (const auto& [pod, sample] : samples) json.Key(pod), json.Value(sample.connections);
  json.EndObject();
  json.Key("scrapeErrors"), json.BeginObject();
  for (const auto& [pod, message] : scrape_errors) json.Key(pod), json.Value(message);
  json.EndObject();
  json.Key("lastDecision"), json.Raw(scaling::ToJson(decision));
  json.EndObject();
  return out;
}

}  // namespace flyball::service::autoscaler
