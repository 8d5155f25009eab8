// What an App document says, typed and checked. Built only by spec::Read (reader.h), so whoever holds an App may rely
// on it: every ref points at a resource, every rule compiled, every default fits its field.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/value.h"
#include "pkg/expr/expr.h"

namespace flyball::spec {

enum class FieldType { kString, kInteger, kNumber, kBoolean, kDateTime, kDate };
enum class Format { kNone, kEmail, kUuid, kUri };
enum class OnDelete { kRestrict, kCascade, kSetNull };

struct Field {
  std::string name;
  FieldType type = FieldType::kString;
  Format format = Format::kNone;
  bool required = false;  // must be present on create and PUT
  bool nullable = false;  // an optional field without default is nullable
  bool unique = false;
  bool immutable = false;                         // settable on create only
  bool hidden = false;                            // never in an answer, a filter or a sort
  std::optional<int64_t> min_length, max_length;  // in Unicode code points
  std::optional<double> minimum, maximum;         // inclusive
  std::optional<double> exclusive_minimum, exclusive_maximum;
  std::vector<std::string> enum_values;  // empty = any
  std::optional<Value> default_value;    // a literal, applied when absent on create and PUT
  std::optional<expr::Rule> initial;     // evaluated on create; the client may not set such a field
  std::string ref;                       // resource whose id it holds; empty = none
  OnDelete on_delete = OnDelete::kRestrict;
};

struct Index {
  struct Key {
    std::string field;
    bool descending = false;
  };
  std::vector<Key> keys;
};

struct Access {  // an absent rule denies
  expr::Rule create, list, read, update, remove;
};

enum class Criticality { kCritical, kNormal, kSheddable };
std::string_view Name(Criticality criticality);  // "critical", "normal", "sheddable"

struct Sort {
  std::string field;
  bool descending = false;
};

struct ListOptions {
  int default_limit = 20;
  int max_limit = 100;
  std::vector<Sort> sort;  // never empty after reading: ends with id, so the order is total
};

struct Resource {
  std::string name;           // path segment and table name
  std::vector<Field> fields;  // in document order, the implicit ones not among them
  std::vector<Index> indexes;
  Access access;
  ListOptions list;
  int64_t max_body_bytes = 0;  // of requests to its routes; 0 = the app's
  Criticality read_criticality = Criticality::kNormal;
  Criticality write_criticality = Criticality::kNormal;

  const Field* Find(std::string_view field) const;  // null when there is none
};

// The columns every resource has besides its fields.
inline constexpr std::string_view kImplicitColumns[] = {"id", "createdAt", "updatedAt", "version"};
// Names and expr types of fields plus implicit columns, as rules see them.
expr::Schema RuleSchema(const Resource& resource);

struct Limit {
  std::string name;
  enum class By { kPrincipal, kIp, kAccount } by = By::kPrincipal;
  std::chrono::milliseconds window{0};
  std::map<std::string, int64_t> quota;  // every role and "anonymous" -> requests a window; token bucket: burst =
                                         // quota, refill = quota / window
  int64_t burst = 0;                     // 0 = the quota itself
  bool adaptive = false;                 // multiplied by the governor's quota factor
  // auth.register, auth.login, auth.me, or <resource>.<create|list|read|update|delete>; empty = every endpoint
  std::vector<std::string> apply;
  enum class WhenStoreDown { kLocal, kOpen, kClosed } when_store_down = WhenStoreDown::kLocal;
};

struct Role {
  std::string name;
  bool signup = false;                // what register() gives; exactly one role has it when accounts are declared
  std::vector<std::string> includes;  // transitive closure, itself included
};

struct AuthOptions {
  std::string accounts;  // resource of the accounts; empty = the app has no login
  std::chrono::milliseconds access_ttl{std::chrono::minutes(15)};
  std::string issuer;  // defaults to the app's name
  int bcrypt_cost = 12;
  int min_password_length = 10;
  std::vector<Role> roles;
};

// Which web pages' scripts may read answers.
struct Cors {
  std::vector<std::string> origins;                             // "https://app.example.org", or only "*"; empty = none
  bool credentials = false;                                     // cookies and the like; not with "*"
  std::chrono::milliseconds max_age{std::chrono::minutes(10)};  // of answers to preflights
};

// One key of a Kubernetes Secret in the App's namespace.
struct SecretRef {
  std::string name;
  std::string key = "url";
};

// How the App runs in a cluster (deploy, but for trustedProxies); without meaning for `flyballctl up`.
struct Deploy {
  std::string image;                            // of flyball-api; empty = the operator's default
  std::string image_pull_policy;                // Always, IfNotPresent, Never; empty = Kubernetes' default
  std::vector<std::string> image_pull_secrets;  // names of Secrets
  std::optional<int> replicas;                  // of an App that no Governor targets
  std::map<std::string, std::string> requests;  // of the container: "cpu" -> "500m"; Kubernetes quantities
  std::map<std::string, std::string> limits;    // the same; no request is more than its limit
  std::optional<SecretRef> database;            // holds "postgresql://user:password@host/database"
  std::optional<SecretRef> redis;               // holds "redis://:password@host"
  std::map<std::string, std::string> env;       // more of the container; never what the operator sets
  std::map<std::string, std::string> node_selector;
};
// Environment variables of a pod that are the operator's to set.
inline constexpr std::string_view kOperatorEnv[] = {
    "FLYBALL_POD",        "FLYBALL_DATA",         "FLYBALL_DATABASE",    "FLYBALL_REDIS",
    "FLYBALL_JWT_KEY",    "FLYBALL_JWT_KEY_FILE", "FLYBALL_HOST",        "FLYBALL_PORT",
    "FLYBALL_ADMIN_HOST", "FLYBALL_ADMIN_PORT",   "FLYBALL_DRAIN_DELAY", "FLYBALL_DRAIN_TIMEOUT"};

struct SeedRow {
  std::string resource;
  std::vector<std::pair<std::string, Value>> values;  // may hold "id"
};

struct App {
  std::string name;
  std::string base = "/api/v1";  // no trailing slash
  AuthOptions auth;
  std::vector<Limit> limits;
  std::vector<Resource> resources;  // in document order
  Cors cors;
  std::vector<std::string> trusted_proxies;  // addresses and networks, "10.0.0.0/8": whom deploy.trustedProxies names
  Deploy deploy;
  int64_t max_body_bytes = 1 << 20;
  std::vector<SeedRow> seed;  // refs before referrers

  const Resource* Find(std::string_view resource) const;
};

}  // namespace flyball::spec
