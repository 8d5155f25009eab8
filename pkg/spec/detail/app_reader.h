// Reading of an App document, a part at a time. Each function reports what is wrong and fills in what is right; nothing
// in the App may be used unless nothing was reported at all.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/spec/app.h"
#include "pkg/spec/detail/mapping.h"

namespace flyball::spec {

// What the parts of one App share while it is read.
struct AppDraft {
  Reading& reading;
  App app;
  const Node* accounts = nullptr;                // spec.auth.accounts
  std::map<std::string, const Node*> fields;     // "tasks.createdBy" -> the field's key
  std::map<std::string, const Node*> resources;  // name -> its key
  std::vector<std::string> broken;  // names of fields that were reported; what names them is not judged again
  const Node* base = nullptr;       // spec.base

  explicit AppDraft(Reading& r) : reading(r) {}
  // The schema of a rule of `resource` (null: of a rule without a row), with the roles that exist.
  expr::Schema RuleSchemaFor(const Resource* resource) const;
  std::vector<std::string_view> RoleNames() const;
  std::vector<std::string_view> ResourceNames() const;
};

void ReadAppSpec(AppDraft& draft, const Node& spec);
void ReadAuth(AppDraft& draft, const Node& auth);
void CheckAccounts(AppDraft& draft);  // after the resources
void ReadResources(AppDraft& draft, const Node& resources);
void ReadLimits(AppDraft& draft, const Node& limits);
void ReadCors(AppDraft& draft, const Node& cors);
void ReadHttp(AppDraft& draft, const Node& http);
void ReadDeploy(AppDraft& draft, const Node& deploy);
void ReadSeed(AppDraft& draft, const Node& seed);
void ReadTrustedProxies(AppDraft& draft, const Node& node, const std::string& path);
// The texts of a list, each once; `example` is shown when it is no list or empty.
std::vector<const Node*> ReadTexts(Reading& reading, const Node& node, const std::string& path,
                                   std::string_view example, size_t most);
// The limit of bodies under `key`, "64KiB"; leaves `out` alone when the key is absent or wrong.
void ReadMaxBody(Reading& reading, Mapping& mapping, std::string_view key, int64_t& out);

// A field of `resource`; `key` is its name's node. Answers nothing when it cannot have that name.
std::optional<Field> ReadField(AppDraft& draft, const std::string& path, const Node& key, const Node& value);
// A literal for `field`, checked against it.
std::optional<Value> ReadValue(Reading& reading, const Field& field, const Node& node, const std::string& path);
std::optional<expr::Rule> ReadRule(AppDraft& draft, const Node& node, const std::string& path,
                                   const expr::Schema& schema, expr::Type wanted);
void ReadAccess(AppDraft& draft, Resource& resource, const Node& node, const std::string& path);
std::vector<std::string_view> ColumnNames(const Resource& resource);

// [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63 bytes (RFC 1123).
bool IsDnsLabel(std::string_view text);

}  // namespace flyball::spec
