#include "pkg/spec/detail/app_reader.h"

#include <algorithm>

namespace flyball::spec {
namespace {

bool IsSegment(std::string_view segment) {
  return !segment.empty() && segment != "." && segment != ".." &&
         std::all_of(segment.begin(), segment.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
         });
}

// "/api/v1": one or more segments of lower-case letters, digits, '-', '_' and '.'.
bool IsBase(std::string_view base) {
  if (base.size() > 100 || !base.starts_with('/')) return false;
  while (!base.empty()) {
    base.remove_prefix(1);
    const size_t end = std::min(base.find('/'), base.size());
    if (!IsSegment(base.substr(0, end))) return false;
    base.remove_prefix(end);
  }
  return true;
}

void ReadBase(AppDraft& draft, const Node& node) {
  const auto base = draft.reading.Text(node, "spec.base");
  if (!base) return;
  if (!IsBase(*base)) {
    draft.reading.Mistyped(node, "spec.base", "a path such as /api/v1",
                           "begin with '/', end without, use lower-case letters, digits, '-', '_' and '.'");
    return;
  }
  const std::string first = base->substr(1, base->find('/', 1) - 1);
  for (const std::string_view reserved : {"healthz", "readyz", "metrics"})
    if (first == reserved)
      draft.reading.Report(node, "spec.base begins with /" + first + ", which is reserved", "write base: /api/v1");
  draft.app.base = *base;
}

}  // namespace

bool IsDnsLabel(std::string_view text) {
  auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && alnum(text.front()) && alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return alnum(c) || c == '-'; });
}

expr::Schema AppDraft::RuleSchemaFor(const Resource* resource) const {
  expr::Schema schema;
  if (resource != nullptr) schema = RuleSchema(*resource);
  expr::FieldType role{"auth.role", expr::Type::kString, {}};
  for (const Role& known : app.auth.roles) role.values.push_back(known.name);
  schema.push_back(std::move(role));
  return schema;
}

std::vector<std::string_view> AppDraft::RoleNames() const {
  std::vector<std::string_view> names;
  for (const Role& role : app.auth.roles) names.push_back(role.name);
  return names;
}

std::vector<std::string_view> AppDraft::ResourceNames() const {
  std::vector<std::string_view> names;
  for (const Resource& resource : app.resources) names.push_back(resource.name);
  return names;
}

// Roles before rules, fields before whatever names them.
void ReadAppSpec(AppDraft& draft, const Node& node) {
  Mapping spec(draft.reading, node, "spec");
  draft.base = spec.Find("base");
  if (draft.base != nullptr) ReadBase(draft, *draft.base);
  if (const Node* auth = spec.Find("auth")) ReadAuth(draft, *auth);
  if (const Node* resources = spec.Require("resources", "resources: {tasks: {fields: {title: {type: string}}}}"))
    ReadResources(draft, *resources);
  CheckAccounts(draft);
  if (const Node* limits = spec.Find("limits")) ReadLimits(draft, *limits);
  if (const Node* cors = spec.Find("cors")) ReadCors(draft, *cors);
  if (const Node* http = spec.Find("http")) ReadHttp(draft, *http);
  if (const Node* deploy = spec.Find("deploy")) ReadDeploy(draft, *deploy);
  if (const Node* seed = spec.Find("seed")) ReadSeed(draft, *seed);
  spec.NotBuilt({"stats", "jobs", "trust", "mail", "alerts", "gateway", "versions", "services", "tenancy", "cache",
                 "events", "files", "telemetry"});
  spec.Finish();
  if (draft.app.auth.issuer.empty()) draft.app.auth.issuer = draft.app.name;
}

}  // namespace flyball::spec
