#include "pkg/service/autoscaler/kube_pods.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "pkg/spec/quantity.h"

namespace flyball::service::autoscaler {
namespace {

using Json = nlohmann::json;

Json Parse(const std::string& json) {
  Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  return object.is_object() ? object : Json::object();
}

// A part of an object, empty when it is not there or of another type.
const Json& Part(const Json& object, const char* key) {
  static const Json kNothing = Json::object();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : kNothing;
}

std::string Text(const Json& object, const char* key) {
  const Json& part = Part(object, key);
  return part.is_string() ? part.get<std::string>() : "";
}

const Json* Condition(const Json& status, std::string_view type) {
  for (const Json& condition : Part(status, "conditions"))
    if (Text(condition, "type") == type) return &condition;
  return nullptr;
}

// A quantity in its own unit, cores or bytes; 0 for none.
double Amount(const Json& quantity) {
  if (quantity.is_number()) return quantity.get<double>();
  return quantity.is_string() ? spec::ParseQuantity(quantity.get_ref<const std::string&>()).value_or(0) : 0;
}

std::string Host(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

int PortNamed(const Json& pod, std::initializer_list<std::string_view> names) {
  int only = 0, ports = 0;
  for (const Json& container : Part(Part(pod, "spec"), "containers")) {
    for (const Json& port : Part(container, "ports")) {
      const int number = Part(port, "containerPort").is_number() ? port["containerPort"].get<int>() : 0;
      if (std::find(names.begin(), names.end(), Text(port, "name")) != names.end()) return number;
      ++ports;
      only = number;
    }
  }
  return names.size() == 0 && ports == 1 ? only : 0;
}

}  // namespace

KubePods::KubePods(spec::MetricsSource metrics, bool flyball, milliseconds startup)
    : metrics_(std::move(metrics)), flyball_(flyball), patience_(2 * startup) {}

std::string KubePods::MetricsUrl(const std::string& pod_json) const {
  const Json pod = Parse(pod_json);
  const std::string address = Text(Part(pod, "status"), "podIP");
  if (address.empty()) return "";
  int port = metrics_.port;
  if (port == 0 && flyball_) port = PortNamed(pod, {"admin"});
  if (port == 0 && !flyball_) port = PortNamed(pod, {"metrics", "http-metrics"});
  if (port == 0) {
    const std::string said = Text(Part(Part(pod, "metadata"), "annotations"), "prometheus.io/port");
    std::from_chars(said.data(), said.data() + said.size(), port);
  }
  if (port == 0) port = PortNamed(pod, {});
  return port == 0 ? "" : "http://" + Host(address) + ":" + std::to_string(port) + metrics_.path;
}

namespace {

template <typename Owner>
Owner ControllerOf(const Json& object) {
  for (const Json& owner : Part(Part(object, "metadata"), "ownerReferences")) {
    if (Part(owner, "controller").is_boolean() && owner["controller"].get<bool>())
      return {Text(owner, "kind"), Text(owner, "uid")};
  }
  return {};
}

}  // namespace

auto KubePods::ReadPod(const kube::Object& object) -> const PodFacts& {
  PodFacts& facts = pods_[object.uid];
  if (facts.resource_version == object.resource_version) return facts;
  const Json pod = Parse(object.json);
  const Json& status = Part(pod, "status");
  facts = {};
  facts.resource_version = object.resource_version;
  facts.owner = ControllerOf<Owner>(pod);
  facts.pod.name = object.name;
  const Json* ready = Condition(status, "Ready");
  facts.pod.ready = ready != nullptr && Text(*ready, "status") == "True";
  facts.pod.terminating = Part(pod, "metadata").contains("deletionTimestamp");
  facts.pod.metrics_url = MetricsUrl(object.json);
  facts.ended = Text(status, "phase") == "Failed" || Text(status, "phase") == "Succeeded";
  const Json* scheduled = Condition(status, "PodScheduled");
  if (scheduled != nullptr && Text(*scheduled, "status") == "False") facts.unschedulable = Text(*scheduled, "message");
  const Json& containers = Part(Part(pod, "spec"), "containers");
  for (const Json& container : containers)
    facts.cpu_request_cores += Amount(Part(Part(Part(container, "resources"), "requests"), "cpu"));
  if (containers.is_array() && !containers.empty())  // the program comes first, its helpers after it
    facts.memory_limit_bytes = Amount(Part(Part(Part(containers[0], "resources"), "limits"), "memory"));
  return facts;
}

auto KubePods::ReadSet(const kube::Object& object) -> const SetFacts& {
  SetFacts& facts = sets_[object.uid];
  if (facts.resource_version == object.resource_version) return facts;
  const Json set = Parse(object.json);
  facts = {object.resource_version, ControllerOf<Owner>(set), ""};
  const Json* failure = Condition(Part(set, "status"), "ReplicaFailure");
  if (failure != nullptr && Text(*failure, "status") == "True") facts.failure = Text(*failure, "message");
  return facts;
}

TargetView KubePods::View(const Workload& workload, const ClusterObjects& objects, SteadyTime now) {
  TargetView view;
  std::set<std::string> owners = {workload.uid};  // of pods
  std::set<std::string> alive;
  for (const kube::ObjectPtr& object : objects.replica_sets) {
    alive.insert(object->uid);
    const SetFacts& set = ReadSet(*object);
    if (set.owner.uid != workload.uid) continue;
    owners.insert(object->uid);
    if (!set.failure.empty()) view.scaling_limited = set.failure;
  }
  std::string waiting;
  for (const kube::ObjectPtr& object : objects.pods) {
    alive.insert(object->uid);
    const PodFacts& pod = ReadPod(*object);
    if (pod.ended || pod.owner.uid.empty() || owners.count(pod.owner.uid) == 0) continue;
    view.pods.push_back(pod.pod);
    if (pod.cpu_request_cores > 0) view.cpu_request_cores = pod.cpu_request_cores;
    if (pod.memory_limit_bytes > 0) view.memory_limit_bytes = pod.memory_limit_bytes;
    if (pod.unschedulable.empty()) {
      unschedulable_since_.erase(object->uid);
    } else if (now - unschedulable_since_.emplace(object->uid, now).first->second > patience_) {
      waiting = pod.unschedulable;
    }
  }
  if (view.scaling_limited.empty()) view.scaling_limited = waiting;
  const auto gone = [&](const auto& entry) { return alive.count(entry.first) == 0; };
  std::erase_if(pods_, gone);
  std::erase_if(sets_, gone);
  std::erase_if(unschedulable_since_, gone);
  return view;
}

std::string OtherOwner(const Workload& workload, bool app, const std::vector<kube::ObjectPtr>& autoscalers) {
  for (const kube::ObjectPtr& object : autoscalers) {
    const Json autoscaler = Parse(object->json);
    const Json& target = Part(Part(autoscaler, "spec"), "scaleTargetRef");
    const std::string kind = Text(target, "kind");
    if (Text(target, "name") != workload.name || (kind != workload.kind && !(app && kind == "App"))) continue;
    for (const Json& owner : Part(Part(autoscaler, "metadata"), "ownerReferences"))
      if (Text(owner, "kind") == "ScaledObject") return "ScaledObject/" + Text(owner, "name");
    return "HorizontalPodAutoscaler/" + object->name;
  }
  return "";
}

}  // namespace flyball::service::autoscaler
