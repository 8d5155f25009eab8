// App and Governor objects of the API server as the documents that pkg/spec reads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/spec/app.h"
#include "pkg/spec/governor.h"

namespace flyball::service::app_operator {

// A custom resource, as far as its kind does not matter.
struct Resource {
  std::string name_space, name, uid, resource_version;
  int64_t generation = 0;
  bool deleting = false;
  std::string created;   // RFC 3339, UTC: sorts as text
  std::string document;  // apiVersion, kind, metadata.name and spec, as indented JSON: what is read, and what people
                         // see the places of problems in. Keys are in the API server's order, which is the alphabet's.
};

// kCorrupt when `json` is no object with apiVersion, kind, metadata.name and spec.
Result<Resource> ReadResource(std::string_view json);

// The App or Governor that `resource` is. kInvalid: every problem, one a line, "spec.base ..." with line and column of
// resource.document: "App shop:12:7: unknown key 'feilds' in spec; did you mean 'files'?".
Result<spec::App> ReadApp(const Resource& resource);
Result<spec::Governor> ReadGovernor(const Resource& resource);

// "apps/v1", "Deployment", "api": what a Governor's object targets, though its document may be wrong; none when it says
// none. The apiVersion is that of the kinds which need none.
std::optional<spec::Governor::Target> TargetOf(const Resource& governor);

// Of the Governors of one namespace those that target `kind` `name`, the one that governs first: the oldest, then the
// first by name. One target has one Governor.
std::vector<const Resource*> GovernorsOf(const std::vector<Resource>& governors, std::string_view kind,
                                         std::string_view name);

}  // namespace flyball::service::app_operator
