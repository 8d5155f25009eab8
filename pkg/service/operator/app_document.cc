#include "pkg/service/operator/app_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pkg/spec/reader.h"

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;

// Every problem, with the object's kind and name for a file.
std::string AllProblems(const std::vector<spec::Problem>& problems) {
  std::string all;
  for (const spec::Problem& problem : problems) all += (all.empty() ? "" : "\n") + spec::Format(problem);
  return all;
}

Result<spec::Documents> Read(const Resource& resource, const char* kind) {
  spec::Documents read = spec::Read({{std::string(kind) + " " + resource.name, resource.document}});
  if (!read.ok()) return Fail(ErrorCode::kInvalid, AllProblems(read.problems));
  return read;
}

}  // namespace

Result<Resource> ReadResource(std::string_view json) {
  const Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  Resource out;
  try {
    const Json& metadata = object.at("metadata");
    out.name = metadata.at("name").get<std::string>();
    out.name_space = metadata.value("namespace", "");
    out.uid = metadata.value("uid", "");
    out.resource_version = metadata.value("resourceVersion", "");
    out.generation = metadata.value("generation", int64_t{0});
    out.created = metadata.value("creationTimestamp", "");
    out.deleting = metadata.contains("deletionTimestamp");
    const Json document = {{"apiVersion", object.at("apiVersion")},
                           {"kind", object.at("kind")},
                           {"metadata", {{"name", out.name}}},
                           {"spec", object.at("spec")}};
    out.document = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, std::string("no App or Governor: ") + error.what());
  }
  return out;
}

Result<spec::App> ReadApp(const Resource& resource) {
  auto read = Read(resource, "App");
  if (!read) return Fail(read.error());
  if (read->apps.size() != 1) return Fail(ErrorCode::kInvalid, "the document holds no App");
  return std::move(read->apps.front());
}

Result<spec::Governor> ReadGovernor(const Resource& resource) {
  auto read = Read(resource, "Governor");
  if (!read) return Fail(read.error());
  if (read->governors.size() != 1) return Fail(ErrorCode::kInvalid, "the document holds no Governor");
  return std::move(read->governors.front());
}

std::optional<spec::Governor::Target> TargetOf(const Resource& governor) {
  const Json document = Json::parse(governor.document, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer at("/spec/targetRef");
  if (!document.is_object() || !document.contains(at) || !document[at].is_object()) return std::nullopt;
  const auto text = [&](const char* key) {
    const auto found = document[at].find(key);
    return found != document[at].end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  spec::Governor::Target target{text("apiVersion"), text("kind"), text("name")};
  if (target.kind.empty() || target.name.empty()) return std::nullopt;
  if (target.api_version.empty()) target.api_version = target.kind == "App" ? "flyball.io/v1alpha1" : "apps/v1";
  return target;
}

std::vector<const Resource*> GovernorsOf(const std::vector<Resource>& governors, std::string_view kind,
                                         std::string_view name) {
  std::vector<const Resource*> found;
  for (const Resource& governor : governors) {
    const auto target = TargetOf(governor);
    if (target && target->kind == kind && target->name == name && !governor.deleting) found.push_back(&governor);
  }
  std::sort(found.begin(), found.end(), [](const Resource* a, const Resource* b) {
    return std::tie(a->created, a->name) < std::tie(b->created, b->name);
  });
  return found;
}

}  // namespace flyball::service::app_operator
