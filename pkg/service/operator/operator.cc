#include "pkg/service/operator/operator.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "pkg/base/log.h"
#include "pkg/service/operator/cluster_cache.h"
#include "pkg/service/operator/pod_contract.h"

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;

constexpr auto kResync = std::chrono::minutes(10);

std::string LabelOf(const std::string& json, std::string_view label) {
  const Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || !object.contains("metadata")) return "";
  return object["metadata"].value("labels", Json::object()).value(std::string(label), "");
}

}  // namespace

void Operator::Changed(const std::string& kind, const kube::ObjectPtr& object) {
  if (kind == "App") {
    queue_.Add(object->Key());
  } else if (kind == "Governor") {
    const auto governor = ReadResource(object->json);
    const auto target = governor ? TargetOf(*governor) : std::nullopt;
    if (target && target->kind == "App") queue_.Add(kube::ObjectKey(object->name_space, target->name));
  } else if (kind == "ConfigMap" || kind == "Deployment" || kind == "Service" || kind == "PodDisruptionBudget") {
    const std::string app = LabelOf(object->json, kAppLabel);
    if (!app.empty()) queue_.Add(kube::ObjectKey(object->name_space, app));
  }
}

void Operator::Run(std::stop_token stop) {
  for (const kube::ObjectPtr& app : cache_.Apps()) queue_.Add(app->Key());
  while (const auto key = queue_.Take(stop)) {
    const SteadyTime begin = RealClock().Now();
    const auto done = reconciler_.Reconcile(*key);
    nanoseconds_ += static_cast<uint64_t>(std::chrono::nanoseconds(RealClock().Now() - begin).count());
    ++rounds_;
    if (done) {
      queue_.Forget(*key);
      queue_.AddAfter(*key, kResync);
    } else {
      ++failures_;
      const nanoseconds wait = queue_.AddRateLimited(*key);
      // A conflict is how two writers meet; the next round reads again.
      if (done.error().failure != kube::Failure::kConflict || queue_.Failures(*key) > 5) {
        Log(LogLevel::kWarn, "the app could not be brought to what its document says",
            {{"app", *key}, {"reason", done.error().message}, {"retry_seconds", ToSeconds(wait)}});
      }
    }
    queue_.Done(*key);
  }
}

}  // namespace flyball::service::app_operator
