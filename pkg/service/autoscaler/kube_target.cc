#include "pkg/service/autoscaler/kube_target.h"

#include <chrono>
#include <utility>

#include "pkg/service/operator/conditions.h"
#include "pkg/service/operator/pod_contract.h"
#include "pkg/service/operator/render.h"

namespace flyball::service::autoscaler {
namespace {

constexpr milliseconds kCallTimeout{1000};
constexpr int kAttempts = 3;

std::optional<std::string> PluralOf(const std::string& kind) {
  if (kind == "Deployment") return "deployments";
  if (kind == "StatefulSet") return "statefulsets";
  if (kind == "ReplicaSet") return "replicasets";
  return std::nullopt;
}

}  // namespace

KubeTarget::KubeTarget(kube::Client& client, app_operator::FencedWriter& writer,
                       const app_operator::ClusterCache& cache, const std::string& name_space,
                       const spec::Governor& governor, const Clock& clock)
    : client_(client),
      writer_(writer),
      cache_(cache),
      target_(governor.target),
      clock_(clock),
      pods_(governor.metrics, !governor.demand, governor.replicas.startup) {
  const bool app = target_.kind == "App";
  workload_ = {app || target_.api_version.empty() ? "apps/v1" : target_.api_version, app ? "Deployment" : target_.kind,
               name_space, target_.name, ""};
}

Result<kube::ResourcePath> KubeTarget::Path() {
  if (path_) return *path_;
  kube::ResourcePath path;
  if (const auto plural = PluralOf(workload_.kind); plural && workload_.api_version == "apps/v1") {
    path = {.group = "apps", .version = "v1", .plural = *plural};
  } else {
    auto kind = client_.Resolve(workload_.api_version, workload_.kind, {.timeout = kCallTimeout});
    if (!kind) return Fail(kind.error().ToError());
    if (!kind->has_scale) {
      return Fail(ErrorCode::kNotFound, "a " + workload_.kind + " of " + workload_.api_version +
                                            " has no scale subresource; a Governor's target needs one");
    }
    path = kind->collection;
  }
  path_ = path.In(workload_.name_space).Named(workload_.name);
  return *path_;
}

Result<TargetView> KubeTarget::Observe() {
  const auto path = Path();
  if (!path) return Fail(path.error());
  auto scale = client_.GetScale(*path, {.timeout = kCallTimeout});
  if (!scale) {
    if (scale.error().failure != kube::Failure::kNotFound) return Fail(scale.error().ToError());
    return Fail(ErrorCode::kNotFound,
                "there is no " + workload_.kind + " " + workload_.name +
                    (target_.kind == "App" ? " yet; it is made for an App that is right, see its status" : ""));
  }
  scale_ = std::move(*scale);
  workload_.uid = scale_.uid;
  ClusterObjects objects{cache_.Pods(workload_.name_space), cache_.ReplicaSets(workload_.name_space), {}};
  TargetView view = pods_.View(workload_, objects, clock_.Now());
  view.ordered = static_cast<int>(scale_.replicas);
  view.other_owner =
      OtherOwner(workload_, target_.kind == "App", cache_.HorizontalPodAutoscalers(workload_.name_space));
  return view;
}

// Judged by what runs: a Governor that is new may be seen here before the operator refused the App for it.
bool KubeTarget::CannotBeShared() const {
  if (target_.kind != "App") return false;
  const std::string key = kube::ObjectKey(workload_.name_space, target_.name);
  const kube::ObjectPtr deployment = cache_.Child("Deployment", key), app = cache_.App(key);
  if (deployment == nullptr || !app_operator::HasSharedDatabase(deployment->json)) return true;
  if (app == nullptr) return false;
  const auto conditions = app_operator::ConditionsOf(app->json);
  const auto found = conditions.find("Progressing");
  return found != conditions.end() && found->second.reason == app_operator::kNoSharedDatabase;
}

Result<void> KubeTarget::SetReplicas(int replicas) {
  const auto path = Path();
  if (!path) return Fail(path.error());
  const int64_t decided_on = scale_.replicas;
  if (replicas > decided_on && replicas > 1 && CannotBeShared()) {
    return Fail(ErrorCode::kInvalid, "the replicas of App " + target_.name +
                                         " cannot share an SQLite file, see its status; it stays at " +
                                         std::to_string(decided_on));
  }
  for (int attempt = 0;; ++attempt) {
    auto written = writer_.SetScale(*path, replicas, scale_.resource_version);
    if (written) {
      scale_ = std::move(*written);
      return {};
    }
    if (!writer_.MayWrite()) return Fail(ErrorCode::kDenied, written.error().message);
    if (written.error().failure != kube::Failure::kConflict || attempt + 1 == kAttempts)
      return Fail(written.error().ToError());
    auto scale = client_.GetScale(*path, {.timeout = kCallTimeout});
    if (!scale) return Fail(scale.error().ToError());
    if (scale->replicas != decided_on || scale->uid != workload_.uid)
      return Fail(ErrorCode::kConflict,
                  "somebody else wrote " + std::to_string(scale->replicas) + " replicas meanwhile");
    scale_ = std::move(*scale);
  }
}

}  // namespace flyball::service::autoscaler
