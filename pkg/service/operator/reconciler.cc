#include "pkg/service/operator/reconciler.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "pkg/base/ids.h"
#include "pkg/base/log.h"
#include "pkg/service/operator/conditions.h"
#include "pkg/service/operator/pod_contract.h"

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;

constexpr size_t kKeyBytes = 32;

tl::unexpected<kube::ApiError> Failed(kube::Failure failure, std::string message) {
  return tl::unexpected<kube::ApiError>({failure, 0, std::move(message)});
}

// What moves when somebody changes the object, and not when its status does: the generation, for kinds that have one.
std::string VersionOf(const std::string& object) {
  const Json metadata = Json::parse(object)["metadata"];
  const int64_t generation = metadata.value("generation", int64_t{0});
  return generation > 0 ? "g" + std::to_string(generation) : metadata.value("resourceVersion", "");
}

std::string UidOf(const std::string& object) { return Json::parse(object)["metadata"].value("uid", ""); }

// With the resourceVersion of what it replaces: the server refuses it when that has moved.
std::string Over(const Desired& desired, const kube::Object& live) {
  Json object = Json::parse(desired.json);
  object["metadata"]["resourceVersion"] = live.resource_version;
  return object.dump();
}

}  // namespace

struct Reconciler::Round {
  kube::ObjectPtr object;
  Resource app;
  std::optional<spec::App> document;
  std::vector<Resource> governors;
  const Resource* governor = nullptr;
  std::optional<spec::Governor> governor_document;
  Findings findings;

  AppWorld World() const {
    return {app, *document, governor_document ? governor : nullptr, governor_document ? &*governor_document : nullptr};
  }
};

kube::ResourcePath PathOf(const Desired& desired) {
  kube::ResourcePath path{.plural = desired.plural, .name_space = desired.name_space, .name = desired.name};
  const size_t slash = desired.api_version.find('/');
  if (slash != std::string::npos) path.group = desired.api_version.substr(0, slash);
  path.version = slash == std::string::npos ? desired.api_version : desired.api_version.substr(slash + 1);
  return path;
}

Reconciler::Reconciler(kube::Client& client, FencedWriter& writer, const Lister& lister, kube::EventRecorder* events,
                       Defaults defaults, const Clock& clock)
    : client_(client),
      writer_(writer),
      lister_(lister),
      events_(events),
      defaults_(std::move(defaults)),
      clock_(clock) {}

kube::Answer<void> Reconciler::Reconcile(const std::string& key) {
  Round round;
  round.object = lister_.App(key);
  if (round.object == nullptr) return {};
  auto resource = ReadResource(round.object->json);
  if (!resource) return Failed(kube::Failure::kCorrupt, resource.error().message);
  round.app = std::move(*resource);
  if (round.app.deleting) return {};

  auto document = ReadApp(round.app);
  if (!document) {
    round.findings.problems = document.error().message;
    return WriteStatus(round);
  }
  round.document = std::move(*document);
  for (const kube::ObjectPtr& object : lister_.Governors(round.app.name_space)) {
    if (auto read = ReadResource(object->json)) round.governors.push_back(std::move(*read));
  }
  const auto governing = GovernorsOf(round.governors, "App", round.app.name);
  if (!governing.empty()) {
    round.governor = governing.front();
    auto read = ReadGovernor(*round.governor);
    if (!read) {
      round.findings.refused_reason = "GovernorInvalid";
      round.findings.refused = "the document of Governor " + round.governor->name + " has problems, see its status";
      return WriteStatus(round);
    }
    round.governor_document = std::move(*read);
  }
  const auto all = Render(round.World(), defaults_);
  if (!all) {
    round.findings.refused_reason =
        all.error().message.starts_with("no image") ? "NoImage" : std::string(kNoSharedDatabase);
    round.findings.refused = all.error().message;
    return WriteStatus(round);
  }
  round.findings.caveats = Caveats(round.World(), defaults_);
  const auto applied = ApplyAll(round, *all);
  const auto status = WriteStatus(round);
  return applied ? status : applied;
}

kube::Answer<void> Reconciler::ApplyAll(Round& round, const std::vector<Desired>& all) {
  if (auto ensured = EnsureKey(round); !ensured) return ensured;
  for (const Desired& desired : all)
    if (auto applied = ApplyOne(round, desired); !applied) return applied;
  return SetReplicas(round);
}

kube::Answer<void> Reconciler::ApplyOne(Round& round, const Desired& desired) {
  const std::string key = kube::ObjectKey(desired.name_space, desired.name), id = desired.kind + " " + key;
  kube::ObjectPtr live = lister_.Child(desired.kind, key);
  if (live == nullptr) {
    // It may be there without our label.
    auto asked = client_.Get(PathOf(desired));
    if (!asked && asked.error().failure != kube::Failure::kNotFound) return tl::unexpected(asked.error());
    if (asked) {
      auto object = kube::ReadObject(std::move(*asked));
      if (!object) return Failed(kube::Failure::kCorrupt, object.error().message);
      live = std::move(*object);
    }
  }
  if (live != nullptr) {
    std::string other;
    if (!IsOwnedBy(live->json, round.app.uid, other)) {
      round.findings.refused_reason = "NameTaken";
      round.findings.refused = "there is a " + desired.kind + " " + desired.name + " already, owned by " + other +
                               "; delete it, or give the App another name";
      return Failed(kube::Failure::kConflict, round.findings.refused);
    }
    const auto stored = stored_.find(id);
    const bool as_stored = stored != stored_.end() && stored->second.applied == desired.applied &&
                           stored->second.uid == live->uid && stored->second.version == VersionOf(live->json);
    if (as_stored || IsApplied(desired, live->json)) {
      if (desired.kind == "Deployment") round.findings.deployment = live->json;
      return {};
    }
  }
  auto written = live == nullptr ? writer_.Apply(PathOf(desired), desired.json)
                                 : writer_.Apply(PathOf(desired), Over(desired, *live));
  if (!written) return tl::unexpected(written.error());
  stored_[id] = {desired.applied, UidOf(*written), VersionOf(*written)};
  if (desired.kind == "Deployment") round.findings.deployment = *written;
  return {};
}

// The pods do not start without it; once they did, it is looked for only when they have trouble.
kube::Answer<void> Reconciler::EnsureKey(Round& round) {
  const auto conditions = ConditionsOf(round.object->json);
  const auto progressing = conditions.find("Progressing");
  if (progressing != conditions.end() && progressing->second.reason == "Settled") return {};
  const kube::ResourcePath secrets = kSecrets.In(round.app.name_space);
  const auto there = client_.Get(secrets.Named(round.app.name + std::string(kKeySecretSuffix)));
  if (there) return {};
  if (there.error().failure != kube::Failure::kNotFound) return tl::unexpected(there.error());
  const auto made = writer_.Create(secrets, KeySecret(round.app, RandomHex(kKeyBytes)).json);
  if (!made && made.error().failure != kube::Failure::kAlreadyExists) return tl::unexpected(made.error());
  return {};
}

// An App that no Governor targets has the replicas that its document says.
kube::Answer<void> Reconciler::SetReplicas(Round& round) {
  if (round.governor != nullptr || !round.document->deploy.replicas) return {};
  const int64_t wanted = *round.document->deploy.replicas;
  const Json deployment = Json::parse(round.findings.deployment);
  if (deployment.at("spec").value("replicas", int64_t{1}) == wanted) return {};
  const auto scaled = writer_.SetScale(kDeployments.In(round.app.name_space).Named(round.app.name), wanted,
                                       deployment.at("metadata").value("resourceVersion", ""));
  if (!scaled) return tl::unexpected(scaled.error());
  return {};
}

kube::Answer<void> Reconciler::WriteStatus(Round& round) {
  if (round.findings.deployment.empty()) {
    const auto live = lister_.Child("Deployment", kube::ObjectKey(round.app.name_space, round.app.name));
    std::string other;
    if (live != nullptr && IsOwnedBy(live->json, round.app.uid, other)) round.findings.deployment = live->json;
  }
  const std::string& before = round.object->json;
  const std::string status = AppStatus(round.app, before, round.findings, clock_.WallNow());
  if (HasStatus(before, status)) return {};
  if (events_ != nullptr) {
    const auto was = ConditionsOf(before), is = ConditionsOf(WithStatus(before, status));
    for (const char* type : {"Valid", "Ready"}) {
      const auto old = was.find(type);
      const Condition& now = is.at(type);
      if (old != was.end() && old->second.status == now.status && old->second.reason == now.reason) continue;
      if (type == std::string_view("Valid") && now.status && old == was.end()) continue;
      events_->Record({{"flyball.io/v1alpha1", "App", round.app.name_space, round.app.name, round.app.uid,
                        round.app.resource_version},
                       now.status || now.reason == "Creating" ? kube::EventType::kNormal : kube::EventType::kWarning,
                       now.reason,
                       now.message.substr(0, 1000)});
    }
  }
  const auto written =
      writer_.Update(kApps.In(round.app.name_space).Named(round.app.name).Sub("status"), WithStatus(before, status));
  if (!written) return tl::unexpected(written.error());
  return {};
}

}  // namespace flyball::service::app_operator
