#include "pkg/service/operator/app_status.h"

#include <nlohmann/json.hpp>

#include "pkg/service/operator/conditions.h"
#include "pkg/service/operator/pod_contract.h"

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;

// A Deployment as far as it matters here.
struct Rollout {
  bool exists = false, observed = false;
  int64_t wanted = 0, replicas = 0, updated = 0, ready = 0, available = 0;
  std::string stuck;  // the Deployment's own message when its deadline passed
};

Rollout ReadRollout(const std::string& deployment) {
  Rollout out;
  const Json object = Json::parse(deployment, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return out;
  const Json metadata = object.value("metadata", Json::object()), status = object.value("status", Json::object());
  out.exists = true;
  out.wanted = object.value("spec", Json::object()).value("replicas", int64_t{1});
  out.replicas = status.value("replicas", int64_t{0});
  out.updated = status.value("updatedReplicas", int64_t{0});
  out.ready = status.value("readyReplicas", int64_t{0});
  out.available = status.value("availableReplicas", int64_t{0});
  out.observed = status.value("observedGeneration", int64_t{0}) >= metadata.value("generation", int64_t{0});
  for (const Json& condition : status.value("conditions", Json::array())) {
    const bool deadline = condition.value("type", "") == "Progressing" && condition.value("status", "") == "False";
    const bool failure = condition.value("type", "") == "ReplicaFailure" && condition.value("status", "") == "True";
    if (deadline || failure) out.stuck = condition.value("message", "");
  }
  return out;
}

Condition Ready(const Findings& findings, const Rollout& rollout) {
  Condition ready{"Ready", false, "", ""};
  const std::string counts =
      std::to_string(rollout.ready) + " of " + std::to_string(rollout.wanted) + " pods are ready";
  if (rollout.exists && rollout.available > 0) {
    ready = {"Ready", true, "Serving", counts};
  } else if (!findings.refused_reason.empty()) {
    ready.reason = findings.refused_reason;
    ready.message = findings.refused;
  } else if (!rollout.exists) {
    ready.reason = findings.problems.empty() ? "Creating" : "Invalid";
    ready.message = findings.problems.empty() ? "the Deployment is being made" : "the document has problems";
  } else {
    ready.reason = rollout.wanted == 0 ? "ScaledToZero" : "NoPodReady";
    ready.message = counts;
  }
  return ready;
}

Condition Progressing(const Findings& findings, const Rollout& rollout) {
  constexpr const char* kStays = "; what runs stays as it was";
  if (!findings.problems.empty() && rollout.exists)
    return {"Progressing", false, "Invalid", std::string("the document has problems") + kStays};
  if (!findings.refused_reason.empty())
    return {"Progressing", false, findings.refused_reason, findings.refused + (rollout.exists ? kStays : "")};
  if (!rollout.stuck.empty()) return {"Progressing", false, "DeadlineExceeded", rollout.stuck};
  if (!rollout.exists) return {"Progressing", false, "NoDeployment", "there is no Deployment yet"};
  if (!rollout.observed || rollout.updated < rollout.wanted || rollout.replicas > rollout.updated) {
    return {"Progressing", true, "RollingOut",
            std::to_string(rollout.updated) + " of " + std::to_string(rollout.wanted) + " pods are up to date"};
  }
  if (rollout.ready < rollout.wanted) return {"Progressing", true, "Starting", "pods are starting"};
  return {"Progressing", false, "Settled", "all pods are up to date and ready"};
}

}  // namespace

std::string AppStatus(const Resource& app, const std::string& before, const Findings& findings, WallTime now) {
  const Rollout rollout = ReadRollout(findings.deployment);
  const bool valid = findings.problems.empty();
  std::vector<Condition> conditions = {
      {"Valid", valid, valid ? "Accepted" : "Problems", valid ? "the document is right" : findings.problems},
      Ready(findings, rollout),
      Progressing(findings, rollout)};
  if (!findings.caveats.empty()) {
    conditions.push_back({"Degraded", true, "Trial", findings.caveats});
  } else if (valid && findings.refused_reason.empty()) {
    conditions.push_back({"Degraded", false, "Complete", "data and limits are shared by all pods"});
  }
  const Json status = {{"observedGeneration", app.generation},
                       {"replicas", rollout.replicas},
                       {"readyReplicas", rollout.ready},
                       {"selector", std::string(kAppLabel) + "=" + app.name},
                       {"conditions", Json::parse(ConditionsJson(before, conditions, app.generation, now))}};
  return status.dump();
}

std::string WithStatus(const std::string& object, const std::string& status) {
  Json whole = Json::parse(object);
  whole["status"] = Json::parse(status);
  return whole.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool HasStatus(const std::string& object, const std::string& status) {
  const Json whole = Json::parse(object, nullptr, /*allow_exceptions=*/false);
  const auto found = whole.is_object() ? whole.find("status") : whole.end();
  return whole.is_object() && found != whole.end() && *found == Json::parse(status);
}

}  // namespace flyball::service::app_operator
