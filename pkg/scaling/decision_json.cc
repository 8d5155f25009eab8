#include "pkg/base/json_writer.h"
#include "pkg/base/time_format.h"
#include "pkg/scaling/decision.h"

namespace flyball::scaling {
namespace {

template <typename T>
void Field(JsonWriter& json, std::string_view name, const T& value) {
  json.Key(name);
  json.Value(value);
}

void ByCriticality(JsonWriter& json, std::string_view name, const std::array<double, kCriticalities>& values) {
  json.Key(name);
  json.BeginObject();
  Field(json, "critical", values[0]);
  Field(json, "normal", values[1]);
  Field(json, "sheddable", values[2]);
  json.EndObject();
}

void Write(JsonWriter& json, const Estimates& e) {
  json.BeginObject();
  Field(json, "arrivalsRps", e.arrivals_rps);
  Field(json, "demandRps", e.demand_rps);
  Field(json, "retriesRps", e.retries_rps);
  Field(json, "admittedRps", e.admitted_rps);
  Field(json, "goodRps", e.good_rps);
  Field(json, "shedShare", e.shed_share);
  Field(json, "lateShare", e.late_share);
  Field(json, "objectiveSeconds", e.objective_seconds);
  Field(json, "utilization", e.utilization);
  Field(json, "utilizationReactor", e.utilization_reactor);
  Field(json, "utilizationCpu", e.utilization_cpu);
  Field(json, "serviceSeconds", e.service_seconds);
  Field(json, "priceSeconds", e.price_seconds);
  Field(json, "queueSeconds", e.queue_seconds);
  Field(json, "p50Seconds", e.p50_seconds);
  Field(json, "p99Seconds", e.p99_seconds);
  Field(json, "capacityPerPodRps", e.capacity_per_pod_rps);
  Field(json, "headroom", e.headroom);
  Field(json, "trend", e.trend);
  Field(json, "meanConnections", e.mean_connections);
  Field(json, "freshPods", e.fresh_pods);
  Field(json, "stuckPods", e.stuck_pods);
  Field(json, "probe", e.probe);
  json.EndObject();
}

void Write(JsonWriter& json, const Signal& s) {
  json.BeginObject();
  Field(json, "name", s.name);
  Field(json, "work", s.work);
  Field(json, "workDown", s.work_down);
  Field(json, "resource", s.resource);
  Field(json, "target", s.target);
  Field(json, "headroom", s.headroom);
  Field(json, "trend", s.trend);
  Field(json, "current", s.current);
  Field(json, "tolerance", s.tolerance);
  Field(json, "fractional", s.fractional);
  Field(json, "fractionalDown", s.fractional_down);
  Field(json, "raw", s.raw);
  Field(json, "rawDown", s.raw_down);
  json.EndObject();
}

void Write(JsonWriter& json, const ConstraintInputs& in) {
  json.BeginObject();
  Field(json, "ordered", in.ordered);
  Field(json, "ready", in.ready);
  Field(json, "raw", in.raw);
  Field(json, "rawDown", in.raw_down);
  Field(json, "hasSignal", in.has_signal);
  Field(json, "shedding", in.shedding);
  Field(json, "freshShare", in.fresh_share);
  Field(json, "staleSeconds", in.stale_seconds);
  Field(json, "fallback", in.fallback);
  Field(json, "upTolerance", in.up_tolerance);
  Field(json, "downTolerance", in.down_tolerance);
  Field(json, "upWindowLow", in.up_window_low);
  Field(json, "upRateLimit", in.up_rate_limit);
  Field(json, "upBlocked", in.up_blocked);
  Field(json, "windowPeak", in.window_peak);
  Field(json, "windowSeconds", in.window_seconds);
  Field(json, "revokePeak", in.revoke_peak);
  Field(json, "downRateLimit", in.down_rate_limit);
  Field(json, "downBlocked", in.down_blocked);
  Field(json, "floor", in.floor);
  Field(json, "floorReason", in.floor_reason);
  Field(json, "min", in.min);
  Field(json, "max", in.max);
  Field(json, "paused", in.paused);
  json.EndObject();
}

void Write(JsonWriter& json, const Step& step) {
  json.BeginObject();
  Field(json, "rule", step.rule);
  Field(json, "before", step.before);
  Field(json, "after", step.after);
  Field(json, "reason", step.reason);
  json.EndObject();
}

void Write(JsonWriter& json, const AllocationInputs& in) {
  json.BeginObject();
  Field(json, "capacityPerPodRps", in.capacity_per_pod);
  Field(json, "ready", in.ready);
  Field(json, "ceilingEnabled", in.ceiling_enabled);
  Field(json, "ceilingFactor", in.ceiling_factor);
  Field(json, "kneeRps", in.knee_rps);
  ByCriticality(json, "offeredRps", in.offered);
  ByCriticality(json, "weights", in.weights);
  Field(json, "quotaFactorBefore", in.quota_factor_before);
  Field(json, "quotaFloor", in.quota_floor);
  Field(json, "limiterShedShare", in.limiter_shed_share);
  json.EndObject();
}

void Write(JsonWriter& json, const Allocation& a) {
  json.BeginObject();
  json.Key("ceilingRps");
  a.ceiling_rps ? json.Value(*a.ceiling_rps) : json.Null();
  ByCriticality(json, "ratesRps", a.rates);
  Field(json, "quotaFactor", a.quota_factor);
  Field(json, "staticShareRps", a.static_share_rps);
  json.EndObject();
}

void Write(JsonWriter& json, const Condition& c) {
  json.BeginObject();
  Field(json, "type", c.type);
  Field(json, "reason", c.reason);
  Field(json, "message", c.message);
  json.EndObject();
}

template <typename T>
void List(JsonWriter& json, std::string_view name, const std::vector<T>& items) {
  json.Key(name);
  json.BeginArray();
  for (const T& item : items) Write(json, item);
  json.EndArray();
}

}  // namespace

std::string ToJson(const Decision& d) {
  std::string text;
  text.reserve(4096);
  JsonWriter json(text);
  json.BeginObject();
  Field(json, "governor", d.governor);
  Field(json, "at", FormatRfc3339(d.at));
  Field(json, "seq", d.seq);
  Field(json, "ordered", d.ordered);
  Field(json, "desired", d.desired);
  Field(json, "act", d.act);
  Field(json, "reason", d.reason);
  Field(json, "text", Explain(d));
  json.Key("estimates");
  Write(json, d.estimates);
  List(json, "signals", d.signals);
  json.Key("constraintInputs");
  Write(json, d.constraint_inputs);
  List(json, "steps", d.steps);
  json.Key("allocationInputs");
  Write(json, d.allocation_inputs);
  json.Key("allocation");
  Write(json, d.allocation);
  List(json, "conditions", d.conditions);
  json.EndObject();
  return text;
}

}  // namespace flyball::scaling
