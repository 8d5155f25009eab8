#include "pkg/service/autoscaler/governor_status.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pkg/service/operator/conditions.h"

namespace flyball::service::autoscaler {
namespace {

using Json = nlohmann::json;
using app_operator::Condition;

constexpr auto kQuiet = std::chrono::minutes(1);
constexpr size_t kMostErrors = 10;
constexpr const char* kOfDecisions[] = {"ScalingLimited",     "MetricsMissing",  "Conflict",
                                        "ScaleUpIneffective", "SharedStateDown", "TargetUnreachable"};

Json Parse(const std::string& json) {
  Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  return object.is_object() ? object : Json::object();
}

// The decision for people; all of it, recomputable, is for `flyballctl explain`.
Json InWords(const Json& decision) {
  Json out;
  for (const char* key : {"at", "ordered", "desired", "act", "reason", "text"})
    if (decision.contains(key)) out[key] = decision[key];
  return out;
}

// Numbers as people read them: what the seventh digit says moves in each tick.
Json Rounded(const Json& value) {
  if (!value.is_number_float()) return value;
  const double number = value.get<double>();
  return std::round(number * 1000) / 1000;
}

Condition Active(const GovernorNews& news, const Json& loop, const std::vector<Condition>& others) {
  Condition active{"Active", false, "", ""};
  const auto held = std::find_if(others.begin(), others.end(), [](const Condition& condition) {
    return condition.status && (condition.type == "Conflict" || condition.type == "TargetUnreachable");
  });
  if (!news.waiting_reason.empty()) {
    active.reason = news.waiting_reason;
    active.message = news.waiting;
  } else if (loop.empty()) {
    active.reason = "Starting";
    active.message = "no decision yet";
  } else if (held != others.end()) {
    const bool unreachable = held->type == "TargetUnreachable";
    active.reason = unreachable ? held->type : held->reason;
    active.message = unreachable && !news.trouble.empty() ? news.trouble : held->message;
  } else if (loop.value("paused", false)) {
    active.reason = "Paused";
    active.message = "paused: replicas and limits stay as they are";
  } else if (loop.value("mode", "") == "Observe") {
    active.reason = "Observing";
    active.message = "decides and explains, and writes nothing to the target";
  } else {
    active = {"Active", true, "Governing", "replicas and limits follow the load"};
  }
  return active;
}

std::vector<Condition> OfDecision(const Json& loop, const std::map<std::string, Condition>& before) {
  std::vector<Condition> all;
  for (const char* type : kOfDecisions) {
    const Json conditions = loop.value("conditions", Json::array());
    const auto found = std::find_if(conditions.begin(), conditions.end(),
                                    [&](const Json& condition) { return condition.value("type", "") == type; });
    if (found != conditions.end()) {
      all.push_back({type, true, found->value("reason", "True"), found->value("message", "")});
    } else if (before.count(type) != 0) {
      all.push_back({type, false, "Resolved", ""});
    }
  }
  return all;
}

// What people wait for.
Json Matters(const Json& status) {
  Json out;
  out["replicas"] = status.value("replicas", Json::object());
  out["replicas"].erase("raw");
  for (const char* key : {"observedGeneration", "mode", "paused"}) out[key] = status.value(key, Json());
  for (const Json& condition : status.value("conditions", Json::array()))
    out["conditions"][condition.value("type", "")] = {condition.value("status", ""), condition.value("reason", "")};
  return out;
}

}  // namespace

std::string GovernorStatus(const app_operator::Resource& governor, const std::string& before, const GovernorNews& news,
                           WallTime now) {
  const Json loop = Parse(news.loop);
  Json status = loop;
  status.erase("name");
  status.erase("connections");
  status["observedGeneration"] = governor.generation;
  if (loop.contains("lastDecision")) status["lastDecision"] = InWords(loop["lastDecision"]);
  if (status.contains("scrapeErrors") && status["scrapeErrors"].size() > kMostErrors) {
    Json few = Json::object();
    for (const auto& [pod, error] : status["scrapeErrors"].items())
      if (few.size() < kMostErrors) few[pod] = error;
    status["scrapeErrors"] = std::move(few);
  }
  for (auto& [key, value] : status.items()) value = Rounded(value);
  const bool valid = news.problems.empty();
  const std::vector<Condition> others = OfDecision(loop, app_operator::ConditionsOf(before));
  std::vector<Condition> conditions = {
      {"Valid", valid, valid ? "Accepted" : "Problems", valid ? "the document is right" : news.problems},
      Active(news, loop, others)};
  conditions.insert(conditions.end(), others.begin(), others.end());
  status["conditions"] = Json::parse(app_operator::ConditionsJson(before, conditions, governor.generation, now));
  return status.dump(-1, ' ', false, Json::error_handler_t::replace);
}

scaling::Remembered RememberedFrom(const std::string& object) {
  const Json parsed = Parse(object);
  const Json status = parsed.value("status", Json::object());
  const Json capacity = status.is_object() ? status.value("capacityPerPodRps", Json()) : Json();
  const double rps = capacity.is_number() ? capacity.get<double>() : 0;
  return {.capacity_per_pod_rps = rps > 0 && rps < 1e9 ? rps : 0};
}

bool StatusPace::Due(const std::string& written, const std::string& status, SteadyTime now) const {
  const Json old = Parse(written).value("status", Json::object()), fresh = Parse(status);
  if (old == fresh) return false;
  return Matters(old) != Matters(fresh) || !last_ || now - *last_ >= kQuiet;
}

}  // namespace flyball::service::autoscaler
