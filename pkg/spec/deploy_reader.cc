#include <algorithm>

#include "pkg/spec/detail/app_reader.h"
#include "pkg/spec/quantity.h"

namespace flyball::spec {
namespace {

constexpr size_t kMostEntries = 100, kMostPullSecrets = 10, kMostValue = 32'768;
constexpr int kMostReplicas = 1000;

bool IsAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// A name of an object: labels of a DNS name with dots between (RFC 1123).
bool IsObjectName(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const size_t dot = std::min(text.find('.'), text.size());
    if (!IsDnsLabel(text.substr(0, dot))) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

bool IsSecretKey(std::string_view text) {
  return !text.empty() && text.size() <= 253 &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool IsEnvName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsAlnum(c) || c == '_'; });
}

// "cpu", "ephemeral-storage", "nvidia.com/gpu", "kubernetes.io/arch".
bool IsQualifiedName(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash != text.npos && !IsObjectName(text.substr(0, slash))) return false;
  const std::string_view name = slash == text.npos ? text : text.substr(slash + 1);
  return IsSecretKey(name) && name.size() <= 63 && IsAlnum(name.front()) && IsAlnum(name.back());
}

// [registry[:port]/]path[:tag][@digest], as far as characters go.
bool IsImage(std::string_view text) {
  return text.size() <= 512 && IsAlnum(text.front()) && IsAlnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlnum(c) || std::string_view("./:@_-").find(c) != std::string_view::npos; });
}

void ReadImage(Reading& reading, const Node& node, const std::string& path, std::string& out) {
  const auto text = reading.Text(node, path);
  if (!text) return;
  if (IsImage(*text))
    out = *text;
  else
    reading.Report(node, path + ": '" + *text + "' is no image", "write it like registry.example.org/flyball:0.1.0");
}

// A mapping from names that `fits` to texts, for what Kubernetes takes as such.
void ReadNamedTexts(Reading& reading, const Node& node, const std::string& path, bool (*fits)(std::string_view),
                    const std::string& example, std::map<std::string, std::string>& out) {
  const Mapping texts(reading, node, path);
  if (texts.valid() && node.keys.size() > kMostEntries) {
    reading.Report(node, path + " has more than " + std::to_string(kMostEntries) + " entries");
    return;
  }
  texts.Each([&](const Node& key, const Node& value) {
    if (!fits(key.text)) {
      reading.Report(key, path + ": " + Quoted({key.text}) + " is no name for one", example);
      return;
    }
    const auto text = reading.Text(value, texts.Path(key.text));
    if (!text) return;
    if (text->size() > kMostValue) {
      reading.Report(value, texts.Path(key.text) + " is longer than 32768 bytes");
      return;
    }
    out.emplace(key.text, *text);
  });
}

void ReadEnv(Reading& reading, const Node& node, const std::string& path, std::map<std::string, std::string>& out) {
  ReadNamedTexts(reading, node, path, IsEnvName, "write it like FLYBALL_ACCESS_LOG: all", out);
  for (const Node& key : node.keys) {
    if (std::find(std::begin(kOperatorEnv), std::end(kOperatorEnv), key.text) == std::end(kOperatorEnv)) continue;
    reading.Report(key, path + "." + key.text + " is what the operator sets", "leave it out");
  }
}

void ReadQuantities(Reading& reading, Mapping& resources, std::string_view key,
                    std::map<std::string, std::string>& out) {
  const Node* node = resources.Find(key);
  if (node == nullptr) return;
  const Mapping quantities(reading, *node, resources.Path(key));
  quantities.Each([&](const Node& name, const Node& value) {
    const std::string path = quantities.Path(name.text);
    const bool number = value.kind == Node::Kind::kInt || value.kind == Node::Kind::kFloat;
    if (!IsQualifiedName(name.text)) {
      reading.Report(name, quantities.path() + ": " + Quoted({name.text}) + " is no resource", "write cpu or memory");
    } else if ((value.kind == Node::Kind::kText || number) && ParseQuantity(value.text)) {
      out.emplace(name.text, value.text);
    } else {
      reading.Mistyped(value, path, "a quantity", "write it like 500m or 2 for cpu, 256Mi for memory");
    }
  });
}

void ReadContainerResources(Reading& reading, const Node& node, const std::string& path, Deploy& deploy) {
  Mapping resources(reading, node, path);
  ReadQuantities(reading, resources, "requests", deploy.requests);
  ReadQuantities(reading, resources, "limits", deploy.limits);
  resources.Finish();
  for (const auto& [name, request] : deploy.requests) {
    const auto limit = deploy.limits.find(name);
    if (limit == deploy.limits.end() || ParseQuantity(request) <= ParseQuantity(limit->second)) continue;
    reading.Report(resources.KeyNode("requests"),
                   path + ".requests." + name + " is more than its limit, " + request + " and " + limit->second);
  }
}

// {secretRef: {name: x, key: url}}
void ReadSecret(Reading& reading, const Node& node, const std::string& path, std::optional<SecretRef>& out) {
  const std::string example = "secretRef: {name: tasks-database, key: url}";
  Mapping holder(reading, node, path);
  const Node* ref = holder.Require("secretRef", example);
  holder.Finish();
  if (ref == nullptr) return;
  Mapping secret(reading, *ref, holder.Path("secretRef"));
  SecretRef read;
  bool good = false;
  if (const Node* name = secret.Require("name", "name: tasks-database")) {
    const auto text = reading.Text(*name, secret.Path("name"));
    good = text && IsObjectName(*text);
    if (text && !good)
      reading.Mistyped(*name, secret.Path("name"), "the name of a Secret", "write it like tasks-database");
    read.name = text.value_or("");
  }
  if (const Node* key = secret.Find("key")) {
    const auto text = reading.Text(*key, secret.Path("key"));
    if (text && !IsSecretKey(*text))
      reading.Mistyped(*key, secret.Path("key"), "a key of a Secret", "use letters, digits, '-', '_' and '.'");
    read.key = text.value_or("");
  }
  secret.Finish();
  if (good) out = std::move(read);
}

// [{name: x}], as pods have it.
void ReadPullSecrets(Reading& reading, const Node& node, const std::string& path, std::vector<std::string>& out) {
  const std::vector<Node>* items = reading.List(node, path, "imagePullSecrets: [{name: registry}]");
  if (items == nullptr) return;
  if (items->size() > kMostPullSecrets) reading.Report(node, path + " has more than 10 entries");
  for (const Node& item : *items) {
    Mapping secret(reading, item, "an entry of " + path);
    const Node* name = secret.Require("name", "name: registry");
    secret.Finish();
    if (name == nullptr) continue;
    const auto text = reading.Text(*name, "the name of an entry of " + path);
    if (text && IsObjectName(*text))
      out.push_back(*text);
    else if (text)
      reading.Mistyped(*name, "the name of an entry of " + path, "the name of a Secret", "write it like registry");
  }
}

}  // namespace

void ReadDeploy(AppDraft& draft, const Node& node) {
  Reading& reading = draft.reading;
  Deploy& out = draft.app.deploy;
  Mapping deploy(reading, node, "spec.deploy");
  if (const Node* proxies = deploy.Find("trustedProxies"))
    ReadTrustedProxies(draft, *proxies, deploy.Path("trustedProxies"));
  if (const Node* image = deploy.Find("image")) ReadImage(reading, *image, deploy.Path("image"), out.image);
  if (const Node* policy = deploy.Find("imagePullPolicy")) {
    constexpr std::string_view kPolicies[] = {"Always", "IfNotPresent", "Never"};
    const auto choice =
        reading.Choice(*policy, deploy.Path("imagePullPolicy"), {std::begin(kPolicies), std::end(kPolicies)});
    if (choice) out.image_pull_policy = kPolicies[*choice];
  }
  if (const Node* secrets = deploy.Find("imagePullSecrets"))
    ReadPullSecrets(reading, *secrets, deploy.Path("imagePullSecrets"), out.image_pull_secrets);
  if (const Node* replicas = deploy.Find("replicas")) {
    const auto number = reading.Int(*replicas, deploy.Path("replicas"), 0, kMostReplicas);
    if (number) out.replicas = static_cast<int>(*number);
  }
  if (const Node* resources = deploy.Find("resources"))
    ReadContainerResources(reading, *resources, deploy.Path("resources"), out);
  if (const Node* database = deploy.Find("database"))
    ReadSecret(reading, *database, deploy.Path("database"), out.database);
  if (const Node* redis = deploy.Find("redis")) ReadSecret(reading, *redis, deploy.Path("redis"), out.redis);
  if (const Node* env = deploy.Find("env")) ReadEnv(reading, *env, deploy.Path("env"), out.env);
  if (const Node* selector = deploy.Find("nodeSelector"))
    ReadNamedTexts(reading, *selector, deploy.Path("nodeSelector"), IsQualifiedName,
                   "write a label of nodes like kubernetes.io/arch: amd64", out.node_selector);
  deploy.NotBuilt({"ingress", "tolerations", "podLabels", "podAnnotations", "args", "services"});
  deploy.Finish();
}

}  // namespace flyball::spec
