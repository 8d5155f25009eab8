#include "pkg/service/api/endpoints.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace flyball::service::api {
namespace {

constexpr int64_t kLoginBody = 16 * 1024;  // an e-mail address and a password

using Kind = Endpoint::Kind;
using http::Method;

class TableBuilder {
 public:
  explicit TableBuilder(const spec::App& app) : app_(app) {}

  // `max_body_bytes` 0: the app's.
  void Add(Method method, const std::string& path, Endpoint endpoint, int64_t max_body_bytes = 0) {
    if (failed_) return;
    const auto id = static_cast<uint32_t>(table_.endpoints.size());
    const int64_t limit = max_body_bytes > 0 ? max_body_bytes : app_.max_body_bytes;
    const auto added = table_.router.Add(method, path, id, {.max_body_bytes = static_cast<size_t>(limit)});
    if (!added) failed_ = added.error();
    for (size_t i = 0; i < app_.limits.size(); ++i) {
      if (Applies(app_.limits[i], endpoint)) endpoint.limits.push_back(static_cast<int>(i));
    }
    table_.endpoints.push_back(std::move(endpoint));
  }

  Result<EndpointTable> Done() {
    if (failed_) return Fail(*failed_);
    return std::move(table_);
  }

 private:
  // A limit without `apply` covers the resources of the app, not its login and not the probes.
  static bool Applies(const spec::Limit& limit, const Endpoint& endpoint) {
    if (limit.apply.empty()) return endpoint.resource >= 0;
    // Documents know one "update"; PUT and PATCH are two endpoints of it.
    const bool replaces = endpoint.kind == Kind::kReplace;
    const std::string name = replaces ? endpoint.name.substr(0, endpoint.name.rfind('.')) + ".update" : endpoint.name;
    return std::find(limit.apply.begin(), limit.apply.end(), name) != limit.apply.end();
  }

  const spec::App& app_;
  EndpointTable table_;
  std::optional<Error> failed_;
};

}  // namespace

std::vector<std::string> EndpointTable::Names() const {
  std::vector<std::string> names;
  for (const Endpoint& endpoint : endpoints) names.push_back(endpoint.name);
  return names;
}

Result<EndpointTable> MakeEndpoints(const spec::App& app) {
  TableBuilder table(app);
  table.Add(Method::kGet, "/healthz", {.name = "health", .kind = Kind::kHealth});
  table.Add(Method::kGet, "/readyz", {.name = "ready", .kind = Kind::kReady});
  if (!app.auth.accounts.empty()) {
    const std::string auth = app.base + "/auth/";
    const spec::Resource* accounts = app.Find(app.auth.accounts);
    table.Add(Method::kPost, auth + "register", {.name = "auth.register", .kind = Kind::kRegister},
              accounts == nullptr ? 0 : accounts->max_body_bytes);
    table.Add(Method::kPost, auth + "login", {.name = "auth.login", .kind = Kind::kLogin}, kLoginBody);
    table.Add(Method::kGet, auth + "me", {.name = "auth.me", .kind = Kind::kMe});
  }
  for (size_t i = 0; i < app.resources.size(); ++i) {
    const spec::Resource& resource = app.resources[i];
    const std::string collection = app.base + "/" + resource.name, item = collection + "/{id}";
    const auto endpoint = [&](std::string_view verb, Kind kind, spec::Criticality criticality) {
      return Endpoint{.name = resource.name + "." + std::string(verb),
                      .kind = kind,
                      .resource = static_cast<int>(i),
                      .criticality = criticality};
    };
    const auto add = [&](Method method, const std::string& path, Endpoint added) {
      table.Add(method, path, std::move(added), resource.max_body_bytes);
    };
    add(Method::kGet, collection, endpoint("list", Kind::kList, resource.read_criticality));
    add(Method::kGet, item, endpoint("read", Kind::kRead, resource.read_criticality));
    add(Method::kPost, collection, endpoint("create", Kind::kCreate, resource.write_criticality));
    add(Method::kPut, item, endpoint("replace", Kind::kReplace, resource.write_criticality));
    add(Method::kPatch, item, endpoint("update", Kind::kPatch, resource.write_criticality));
    add(Method::kDelete, item, endpoint("delete", Kind::kDelete, resource.write_criticality));
  }
  return table.Done();
}

}  // namespace flyball::service::api
