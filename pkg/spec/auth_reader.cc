#include <algorithm>
#include <set>

#include "pkg/spec/detail/app_reader.h"

namespace flyball::spec {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Role* FindRole(std::vector<Role>& roles, std::string_view name) {
  for (Role& role : roles)
    if (role.name == name) return &role;
  return nullptr;
}

// The roles and what each includes, directly at first.
class RolesReader {
 public:
  RolesReader(AppDraft& draft, const Node& node) : reading_(draft.reading), auth_(draft.app.auth), node_(node) {}

  void Read() {
    Mapping roles(reading_, node_, "spec.auth.roles");
    if (!roles.valid()) return;
    if (node_.keys.size() > 50) {
      reading_.Report(node_, "spec.auth.roles has more than 50 entries");
      return;
    }
    roles.Each([&](const Node& key, const Node& value) { ReadRole(key, value, roles.Path(key.text)); });
    CheckSignup();
    for (const auto& [role, included] : included_) CheckIncluded(role, *included);
    Close();
  }

 private:
  void ReadRole(const Node& key, const Node& value, const std::string& path) {
    if (key.text == "anonymous") {
      reading_.Report(key, "the role 'anonymous' is always there", "leave it out");
      return;
    }
    if (!IsDnsLabel(key.text)) {
      reading_.Report(key, Quoted({key.text}) + " cannot name a role",
                      "a name is up to 63 lower-case letters, digits and '-'");
      return;
    }
    Role role;
    role.name = key.text;
    Mapping mapping(reading_, value, path);
    if (const Node* signup = mapping.Find("signup")) {
      role.signup = reading_.Bool(*signup, mapping.Path("signup")).value_or(true);
      if (role.signup) signups_.push_back(&mapping.KeyNode("signup"));
    }
    if (const Node* includes = mapping.Find("includes")) {
      if (reading_.List(*includes, mapping.Path("includes"), "includes: [user]") != nullptr)
        included_.emplace_back(role.name, includes);
    }
    mapping.NotBuilt({"permissions", "quota"});
    mapping.Finish();
    auth_.roles.push_back(std::move(role));
  }

  void CheckSignup() {
    if (signups_.empty() && !auth_.roles.empty())
      reading_.Report(node_, "no role of spec.auth.roles is given at sign-up",
                      "write signup: true in one, as in user: {signup: true}");
    for (size_t i = 1; i < signups_.size(); ++i)
      reading_.Report(*signups_[i], "more than one role of spec.auth.roles is given at sign-up",
                      "keep signup: true in exactly one");
  }

  void CheckIncluded(const std::string& name, const Node& list) {
    for (const Node& item : list.items) {
      const auto included = reading_.Text(item, "a name in spec.auth.roles." + name + ".includes");
      if (!included) continue;
      if (FindRole(auth_.roles, *included) == nullptr) {
        std::vector<std::string_view> names;
        for (const Role& role : auth_.roles) names.push_back(role.name);
        reading_.Report(item, "spec.auth.roles." + name + " includes '" + *included + "', which is no role",
                        Suggest(*included, names));
        continue;
      }
      direct_.emplace_back(name, *included);
      places_.push_back(&item);
    }
  }

  // Everything reachable from `name` over direct_, itself first.
  std::vector<std::string> Reachable(const std::string& name) const {
    std::vector<std::string> found = {name};
    for (size_t i = 0; i < found.size(); ++i)
      for (const auto& [from, to] : direct_)
        if (from == found[i] && std::find(found.begin(), found.end(), to) == found.end()) found.push_back(to);
    return found;
  }

  void Close() {
    for (size_t i = 0; i < direct_.size(); ++i) {
      const std::vector<std::string> back = Reachable(direct_[i].second);
      if (std::find(back.begin(), back.end(), direct_[i].first) == back.end()) continue;
      reading_.Report(*places_[i],
                      "the roles of spec.auth.roles include each other in a circle ('" + direct_[i].first +
                          "' includes '" + direct_[i].second + "')",
                      "take one of the includes out");
      return;
    }
    for (Role& role : auth_.roles) role.includes = Reachable(role.name);
  }

  Reading& reading_;
  AuthOptions& auth_;
  const Node& node_;
  std::vector<const Node*> signups_;
  std::vector<std::pair<std::string, const Node*>> included_;
  std::vector<std::pair<std::string, std::string>> direct_;
  std::vector<const Node*> places_;  // where direct_[i] stands
};

}  // namespace

void ReadAuth(AppDraft& draft, const Node& node) {
  AuthOptions& options = draft.app.auth;
  Mapping auth(draft.reading, node, "spec.auth");
  draft.accounts = auth.Require("accounts", "accounts: users, the resource that holds them");
  if (draft.accounts != nullptr)
    options.accounts = draft.reading.Text(*draft.accounts, auth.Path("accounts")).value_or("");
  if (const Node* tokens_node = auth.Find("tokens")) {
    Mapping tokens(draft.reading, *tokens_node, auth.Path("tokens"));
    tokens.Duration("access", seconds(1), hours(24 * 30), options.access_ttl);
    if (const Node* issuer = tokens.Find("issuer"))
      options.issuer = draft.reading.Text(*issuer, tokens.Path("issuer")).value_or("");
    tokens.NotBuilt({"refresh", "reuseGrace", "audience", "algorithm"});
    tokens.Finish();
  }
  if (const Node* password_node = auth.Find("password")) {
    Mapping password(draft.reading, *password_node, auth.Path("password"));
    password.Int("cost", 4, 16, options.bcrypt_cost);
    password.Int("minLength", 1, 72, options.min_password_length);
    password.NotBuilt({"breached", "history", "maxAge"});
    password.Finish();
  }
  if (const Node* roles = auth.Require("roles", "roles: {user: {signup: true}, admin: {includes: [user]}}"))
    RolesReader(draft, *roles).Read();
  auth.NotBuilt({"oidc", "keys", "apiKeys", "lockout", "sessions", "cookies"});
  auth.Finish();
}

void CheckAccounts(AppDraft& draft) {
  const std::string& name = draft.app.auth.accounts;
  if (name.empty()) return;
  if (draft.resources.count(name) == 0) {
    draft.reading.Report(*draft.accounts, "spec.auth.accounts names '" + name + "', which is no resource",
                         Suggest(name, draft.ResourceNames()));
    return;
  }
  const Resource& accounts = *draft.app.Find(name);
  const Node& key = *draft.resources.at(name);
  const std::string path = "spec.resources." + name;
  const Field* email = accounts.Find("email");
  if (std::find(draft.broken.begin(), draft.broken.end(), "email") != draft.broken.end()) return;
  const bool fits = email != nullptr && email->type == FieldType::kString && email->enum_values.empty() &&
                    email->ref.empty() && email->unique && email->required;
  if (!fits)
    draft.reading.Report(email == nullptr ? key : *draft.fields.at(name + ".email"),
                         path + " holds the accounts, so it needs a required and unique field email",
                         "write email: {type: string, format: email, unique: true} and required: [email]");
  for (const std::string_view reserved : {"password", "passwordHash", "role"}) {
    if (accounts.Find(reserved) == nullptr) continue;
    draft.reading.Report(*draft.fields.at(name + "." + std::string(reserved)),
                         "the field name '" + std::string(reserved) + "' is reserved: accounts have it already",
                         "leave it out");
  }
}

}  // namespace flyball::spec
