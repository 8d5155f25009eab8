#include "pkg/service/operator/render.h"

#include <openssl/sha.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pkg/service/operator/pod_contract.h"

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;

std::string Text(std::string_view text) { return std::string(text); }

std::string Sha256(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) hex += {kHex[byte >> 4], kHex[byte & 15]};
  return hex;
}

Json Labels(const std::string& app) {
  return {{Text(kAppLabel), app},
          {Text(kNameLabel), app},
          {Text(kPartOfLabel), "flyball"},
          {Text(kManagedByLabel), Text(kManagedBy)}};
}

Json Selector(const std::string& app) { return {{Text(kAppLabel), app}}; }

Json Head(const Resource& app, const std::string& api_version, const std::string& kind, const std::string& name) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata",
           {{"name", name},
            {"namespace", app.name_space},
            {"labels", Labels(app.name)},
            {"ownerReferences", Json::array({{{"apiVersion", "flyball.io/v1alpha1"},
                                              {"kind", "App"},
                                              {"name", app.name},
                                              {"uid", app.uid},
                                              {"controller", true},
                                              {"blockOwnerDeletion", true}}})}}}};
}

Desired Seal(Json object, std::string plural) {
  Desired out;
  out.api_version = object["apiVersion"];
  out.kind = object["kind"];
  out.plural = std::move(plural);
  out.name_space = object["metadata"]["namespace"];
  out.name = object["metadata"]["name"];
  out.applied = Sha256(object.dump());
  object["metadata"]["annotations"][Text(kAppliedAnnotation)] = out.applied;
  out.json = object.dump();
  return out;
}

// --- The pod

std::optional<spec::SecretRef> DatabaseOf(const AppWorld& world, const Defaults& defaults) {
  return world.app.deploy.database ? world.app.deploy.database : defaults.database;
}
std::optional<spec::SecretRef> RedisOf(const AppWorld& world, const Defaults& defaults) {
  return world.app.deploy.redis ? world.app.deploy.redis : defaults.redis;
}

Json FromSecret(const std::string& variable, const spec::SecretRef& secret) {
  return {{"name", variable}, {"valueFrom", {{"secretKeyRef", {{"name", secret.name}, {"key", secret.key}}}}}};
}

Json Environment(const AppWorld& world, const Defaults& defaults) {
  Json env = Json::array();
  const auto set = [&](const std::string& name, const std::string& value) {
    env.push_back({{"name", name}, {"value", value}});
  };
  env.push_back(
      {{"name", "FLYBALL_POD"}, {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "metadata.name"}}}}}});
  set("FLYBALL_DATA", Text(kDataFolder));
  set("FLYBALL_HOST", "0.0.0.0");
  set("FLYBALL_PORT", std::to_string(kApiPort));
  set("FLYBALL_ADMIN_HOST", "0.0.0.0");
  set("FLYBALL_ADMIN_PORT", std::to_string(kAdminPort));
  set("FLYBALL_JWT_KEY_FILE", Text(kKeyFolder) + "/" + Text(kKeySecretKey));
  set("FLYBALL_DRAIN_DELAY", std::to_string(kDrainDelaySeconds) + "s");
  set("FLYBALL_DRAIN_TIMEOUT", std::to_string(kDrainTimeoutSeconds) + "s");
  if (const auto database = DatabaseOf(world, defaults)) env.push_back(FromSecret("FLYBALL_DATABASE", *database));
  if (const auto redis = RedisOf(world, defaults)) {
    env.push_back(FromSecret("FLYBALL_REDIS", *redis));
  } else {
    set("FLYBALL_REDIS", "none");
  }
  for (const auto& [name, value] : world.app.deploy.env) set(name, value);
  return env;
}

Json Probe(const char* path, int period_seconds, int failures) {
  return {{"httpGet", {{"path", path}, {"port", "admin"}, {"scheme", "HTTP"}}},
          {"periodSeconds", period_seconds},
          {"timeoutSeconds", 2},
          {"successThreshold", 1},
          {"failureThreshold", failures}};
}

Json Container(const AppWorld& world, const Defaults& defaults) {
  const spec::Deploy& deploy = world.app.deploy;
  Json container = {
      {"name", Text(kContainer)},
      {"image", deploy.image.empty() ? defaults.image : deploy.image},
      {"command", {"flyball-api"}},
      {"args", {Text(kDocumentFolder) + "/" + Text(kDocumentKey)}},
      {"env", Environment(world, defaults)},
      {"ports",
       {{{"name", "http"}, {"containerPort", kApiPort}, {"protocol", "TCP"}},
        {{"name", "admin"}, {"containerPort", kAdminPort}, {"protocol", "TCP"}}}},
      {"securityContext",
       {{"allowPrivilegeEscalation", false}, {"readOnlyRootFilesystem", true}, {"capabilities", {{"drop", {"ALL"}}}}}},
      {"volumeMounts",
       {{{"name", "document"}, {"mountPath", Text(kDocumentFolder)}, {"readOnly", true}},
        {{"name", "key"}, {"mountPath", Text(kKeyFolder)}, {"readOnly", true}},
        {{"name", "data"}, {"mountPath", Text(kDataFolder)}},
        {{"name", "tmp"}, {"mountPath", "/tmp"}}}},
      // A pod has two minutes to become ready, then is tried anew. Being alive asks no dependency.
      {"startupProbe", Probe("/readyz", 1, 120)},
      {"readinessProbe", Probe("/readyz", 2, 2)},
      {"livenessProbe", Probe("/healthz", 10, 3)}};
  const std::string& policy = deploy.image_pull_policy.empty() ? defaults.image_pull_policy : deploy.image_pull_policy;
  if (!policy.empty()) container["imagePullPolicy"] = policy;
  if (!deploy.requests.empty()) container["resources"]["requests"] = deploy.requests;
  if (!deploy.limits.empty()) container["resources"]["limits"] = deploy.limits;
  return container;
}

Json PodSpec(const AppWorld& world, const Defaults& defaults) {
  const std::string& name = world.resource.name;
  Json spec = {{"automountServiceAccountToken", false},
               // The variables of a Service named "flyball" would be taken for flags.
               {"enableServiceLinks", false},
               {"terminationGracePeriodSeconds", kGraceSeconds},
               {"securityContext",
                {{"runAsNonRoot", true},
                 {"runAsUser", kUser},
                 {"runAsGroup", kUser},
                 {"fsGroup", kUser},
                 {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
               {"containers", Json::array({Container(world, defaults)})},
               {"topologySpreadConstraints", Json::array({{{"maxSkew", 1},
                                                           {"topologyKey", "kubernetes.io/hostname"},
                                                           {"whenUnsatisfiable", "ScheduleAnyway"},
                                                           {"labelSelector", {{"matchLabels", Selector(name)}}}}})},
               {"volumes",
                {{{"name", "document"}, {"configMap", {{"name", name}}}},
                 {{"name", "key"}, {"secret", {{"secretName", name + Text(kKeySecretSuffix)}, {"defaultMode", 0440}}}},
                 {{"name", "data"}, {"emptyDir", Json::object()}},
                 {{"name", "tmp"}, {"emptyDir", Json::object()}}}}};
  for (const std::string& secret : world.app.deploy.image_pull_secrets)
    spec["imagePullSecrets"].push_back({{"name", secret}});
  if (!world.app.deploy.node_selector.empty()) spec["nodeSelector"] = world.app.deploy.node_selector;
  return spec;
}

// --- The objects

Desired ConfigMap(const AppWorld& world) {
  Json object = Head(world.resource, "v1", "ConfigMap", world.resource.name);
  object["data"] = {{Text(kDocumentKey), PodDocument(world)}};
  return Seal(std::move(object), "configmaps");
}

// Without spec.replicas: that is written through /scale, by whoever governs.
Desired Deployment(const AppWorld& world, const Defaults& defaults) {
  const std::string& name = world.resource.name;
  Json object = Head(world.resource, "apps/v1", "Deployment", name);
  object["spec"] = {
      {"selector", {{"matchLabels", Selector(name)}}},
      {"revisionHistoryLimit", 5},
      {"progressDeadlineSeconds", 600},
      {"strategy", {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxUnavailable", 0}, {"maxSurge", "25%"}}}}},
      {"template",
       {{"metadata", {{"labels", Labels(name)}, {"annotations", {{Text(kChecksumAnnotation), Checksum(world)}}}}},
        {"spec", PodSpec(world, defaults)}}}};
  return Seal(std::move(object), "deployments");
}

Desired Service(const AppWorld& world) {
  Json object = Head(world.resource, "v1", "Service", world.resource.name);
  object["spec"] = {
      {"selector", Selector(world.resource.name)},
      {"ports", Json::array({{{"name", "http"}, {"port", 80}, {"targetPort", "http"}, {"protocol", "TCP"}}})}};
  return Seal(std::move(object), "services");
}

Desired DisruptionBudget(const AppWorld& world) {
  Json object = Head(world.resource, "policy/v1", "PodDisruptionBudget", world.resource.name);
  object["spec"] = {{"selector", {{"matchLabels", Selector(world.resource.name)}}}, {"maxUnavailable", 1}};
  return Seal(std::move(object), "poddisruptionbudgets");
}

int MostReplicas(const AppWorld& world) {
  return world.governor != nullptr ? world.governor->replicas.max : world.app.deploy.replicas.value_or(1);
}

Json SpecOf(const Resource& resource) { return Json::parse(resource.document)["spec"]; }

// The App as its pods read it.
Json AppForPods(const Resource& app) {
  Json document = Json::parse(app.document);
  Json& spec = document["spec"];
  if (spec.contains("deploy")) {
    Json kept = Json::object();
    if (spec["deploy"].contains("trustedProxies")) kept["trustedProxies"] = spec["deploy"]["trustedProxies"];
    if (kept.empty()) {
      spec.erase("deploy");
    } else {
      spec["deploy"] = std::move(kept);
    }
  }
  return document;
}

bool Contains(const Json& live, const Json& wanted) {
  if (wanted.is_object()) {
    if (!live.is_object()) return false;
    for (const auto& [key, value] : wanted.items()) {
      const auto found = live.find(key);
      if (found == live.end() ? !(value.is_object() && value.empty()) : !Contains(*found, value)) return false;
    }
    return true;
  }
  if (wanted.is_array()) {
    if (!live.is_array() || live.size() != wanted.size()) return false;
    for (size_t i = 0; i < wanted.size(); ++i)
      if (!Contains(live[i], wanted[i])) return false;
    return true;
  }
  return live == wanted;
}

}  // namespace

std::string PodDocument(const AppWorld& world) {
  std::string text = AppForPods(world.resource).dump(2) + "\n";
  if (world.governor_resource != nullptr && world.governor != nullptr) {
    text += "---\n" + world.governor_resource->document;
  }
  return text;
}

std::string Checksum(const AppWorld& world) {
  Json read = {{"app", AppForPods(world.resource)}};
  if (world.governor_resource != nullptr && world.governor != nullptr) {
    const Json spec = SpecOf(*world.governor_resource);
    for (const char* key : {"capacity", "limits"})
      if (spec.contains(key)) read[key] = spec[key];
  }
  return Sha256(read.dump());
}

Result<std::vector<Desired>> Render(const AppWorld& world, const Defaults& defaults) {
  if (world.app.deploy.image.empty() && defaults.image.empty()) {
    return Fail(ErrorCode::kInvalid,
                "no image: write spec.deploy.image, or start flyball-autoscaler with --image for all Apps");
  }
  if (!DatabaseOf(world, defaults) && MostReplicas(world) > 1) {
    const std::string most = std::to_string(MostReplicas(world));
    return Fail(
        ErrorCode::kInvalid,
        "up to " + most +
            " replicas cannot share an SQLite file: put the URL of a PostgreSQL database into a "
            "Secret and write spec.deploy.database: {secretRef: {name: ...}}, or " +
            (world.governor != nullptr ? "let the Governor's replicas.max be 1" : "let spec.deploy.replicas be 1"));
  }
  return std::vector<Desired>{ConfigMap(world), Deployment(world, defaults), Service(world), DisruptionBudget(world)};
}

std::string Caveats(const AppWorld& world, const Defaults& defaults) {
  std::string all;
  if (!DatabaseOf(world, defaults))
    all += "The data is in the pod and goes with it: name a PostgreSQL database in spec.deploy.database. ";
  if (!RedisOf(world, defaults))
    all += "Limits are each pod's own and rates cannot be published: name a Redis in spec.deploy.redis. ";
  if (!all.empty()) all.pop_back();
  return all;
}

Desired KeySecret(const Resource& app, const std::string& key) {
  Json object = Head(app, "v1", "Secret", app.name + Text(kKeySecretSuffix));
  object["type"] = "Opaque";
  object["stringData"] = {{Text(kKeySecretKey), key}};
  Desired out = Seal(object, "secrets");
  out.json = object.dump();  // is made once, never applied; a digest of it would help whoever guesses
  out.applied.clear();
  return out;
}

bool IsApplied(const Desired& desired, const std::string& live) {
  const Json there = Json::parse(live, nullptr, /*allow_exceptions=*/false);
  return there.is_object() && Contains(there, Json::parse(desired.json));
}

bool IsOwnedBy(const std::string& live, const std::string& uid, std::string& other) {
  other = "nobody";
  const Json object = Json::parse(live, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer at("/metadata/ownerReferences");
  if (!object.is_object() || !object.contains(at)) return false;
  for (const Json& owner : object[at]) {
    if (!owner.value("controller", false)) continue;
    if (owner.value("uid", "") == uid) return true;
    other = owner.value("kind", "?") + " " + owner.value("name", "?");
  }
  return false;
}

bool HasSharedDatabase(const std::string& live) {
  const Json object = Json::parse(live, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer at("/spec/template/spec/containers/0/env");
  if (!object.is_object() || !object.contains(at)) return false;
  const Json& env = object[at];
  return std::any_of(env.begin(), env.end(),
                     [](const Json& one) { return one.value("name", "") == "FLYBALL_DATABASE"; });
}

}  // namespace flyball::service::app_operator
