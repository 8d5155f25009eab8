#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/http/router.h"
#include "pkg/spec/app.h"

namespace flyball::service::api {

// What a route does. The id of an endpoint is its index in the table, and its id in the router and in the metrics.
struct Endpoint {
  enum class Kind { kHealth, kReady, kList, kRead, kCreate, kReplace, kPatch, kDelete, kRegister, kLogin, kMe };

  std::string name;  // "tasks.list", "auth.login": in metrics and in a limit's `apply`
  Kind kind = Kind::kHealth;
  int resource = -1;  // index into App::resources; -1 = none
  spec::Criticality criticality = spec::Criticality::kNormal;
  std::vector<int> limits{};  // indices into App::limits, in document order
};

struct EndpointTable {
  std::vector<Endpoint> endpoints;
  http::Router router;

  std::vector<std::string> Names() const;
};

// Every route of the app: /healthz and /readyz, {base}/auth/... when it has accounts, {base}/RESOURCE[/{id}]. An
// operation without an access rule is closed for everybody, and is a route all the same (the rule answers). kConflict
// or kInvalid: two routes collide, which the document reader should have found.
Result<EndpointTable> MakeEndpoints(const spec::App& app);

}  // namespace flyball::service::api
