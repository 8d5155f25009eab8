#include "pkg/service/load/principals.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pkg/base/ids.h"
#include "pkg/base/time_format.h"
#include "pkg/identity/signing_key.h"
#include "pkg/identity/token.h"
#include "pkg/resource/model.h"
#include "pkg/service/load/default_mix.h"
#include "pkg/store/database/database.h"

namespace flyball::load {
namespace {

using resource::Model;

std::string EmailOf(int i) { return "load-" + std::to_string(i) + "@flyball.invalid"; }

std::string SignupRole(const spec::App& app) {
  const auto& roles = app.auth.roles;
  const auto signup = std::find_if(roles.begin(), roles.end(), [](const spec::Role& role) { return role.signup; });
  return signup == roles.end() ? "" : signup->name;
}

// The whole row of a new account, in the order of the table.
Result<store::Row> AccountRow(const Model& model, const std::string& role, int i, WallTime now) {
  store::Row row;
  const std::string time = FormatRfc3339(now);
  for (const Model::Column& column : model.columns()) {
    Value value;
    switch (column.kind) {
      case Model::Kind::kId:
        value = NewUuidV7(now);
        break;
      case Model::Kind::kField:
        if (column.field->name == "email") {
          value = EmailOf(i);
        } else if (column.field->default_value) {
          value = *column.field->default_value;
        } else if (column.field->required) {
          const auto example = ExampleValue(*column.field, std::to_string(i));
          if (!example)
            return Fail(ErrorCode::kInvalid, "accounts need '" + column.field->name +
                                                 "', which refers to another row: register the principals yourself "
                                                 "and ask through --url");
          value = *example;
        }
        break;
      case Model::Kind::kPasswordHash:
        value = std::string("!");  // no password hashes to this
        break;
      case Model::Kind::kRole:
        value = role;
        break;
      case Model::Kind::kCreatedAt:
      case Model::Kind::kUpdatedAt:
        value = time;
        break;
      case Model::Kind::kVersion:
        value = int64_t{1};
    }
    row.push_back(std::move(value));
  }
  return row;
}

struct Account {
  std::string id, role;
};

Result<Account> FindOrInsert(const Model& model, store::Store& store, store::Reader& reader, const std::string& role,
                             int i, WallTime now) {
  const store::Table& table = model.table();
  auto found = reader.FindBy(table, model.Find("email"), EmailOf(i));
  if (!found) return Fail(found.error());
  store::Row row;
  if (*found) {
    row = std::move(**found);
  } else {
    auto fresh = AccountRow(model, role, i, now);
    if (!fresh) return Fail(fresh.error());
    row = *fresh;
    store::Write write;
    write.kind = store::Write::Kind::kInsert;
    write.table = &table;
    write.row = std::move(*fresh);
    const auto written = store.Apply(std::move(write));
    if (!written) return Fail(written.error());
    if (written->outcome != store::Written::Outcome::kDone)
      return Fail(ErrorCode::kConflict, "the account " + EmailOf(i) + " cannot be created: '" + written->column +
                                            "' has a value that another row has, or names one that is not there");
  }
  const auto* id = std::get_if<std::string>(&row[0]);
  const auto* its_role = std::get_if<std::string>(&row[static_cast<size_t>(model.role())]);
  if (id == nullptr || its_role == nullptr)
    return Fail(ErrorCode::kCorrupt, "the account " + EmailOf(i) + " has no id or no role");
  return Account{*id, *its_role};
}

Result<void> MustExist(const std::string& path, const char* what) {
  if (access(path.c_str(), F_OK) == 0) return {};
  return Fail(ErrorCode::kNotFound, path + ": there is no " + what + " (has the fleet been started with this folder?)");
}

// "422 Unprocessable Content: ..." in the API's own words.
std::string Refusal(const http::ClientResponse& answer) {
  const auto problem = nlohmann::json::parse(answer.body, nullptr, false);
  std::string text = std::to_string(answer.status);
  if (!problem.is_object()) return text;
  for (const char* key : {"title", "detail"}) {
    const auto member = problem.find(key);
    if (member != problem.end() && member->is_string() && !member->get<std::string>().empty())
      text += ", " + member->get<std::string>();
  }
  return text;
}

// Whether the API misses that member of the body.
bool Misses(const http::ClientResponse& answer, std::string_view pointer) {
  const auto problem = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.status != 422 || !problem.is_object() || !problem.contains("errors")) return false;
  const auto& errors = problem["errors"];
  return std::any_of(errors.begin(), errors.end(), [&](const nlohmann::json& error) {
    return error.is_object() && error.value("pointer", "") == pointer;
  });
}

Result<std::string> RegisterOne(const Target& target, http::Client& client) {
  nlohmann::json body{{"email", "load-" + RandomHex(8) + "@flyball.invalid"}, {"password", RandomHex(16)}};
  http::ClientRequest request;
  request.method = "POST";
  request.url = target.Url("/auth/register");
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body.dump();
  auto answer = client.Send(request, seconds(30));
  if (answer && Misses(*answer, "/name")) {
    body["name"] = "Load";
    request.body = body.dump();
    answer = client.Send(request, seconds(30));
  }
  if (!answer) return Fail(answer.error());
  const auto account = nlohmann::json::parse(answer->body, nullptr, false);
  if (answer->status == 201 && account.is_object() && account.contains("accessToken") &&
      account["accessToken"].is_string())
    return account["accessToken"].get<std::string>();
  return Fail(ErrorCode::kDenied, "POST " + request.url +
                                      " with an e-mail address and a password: " + Refusal(*answer) +
                                      "; use --data DIR for accounts without registration, or --principals 0 to ask "
                                      "without a login");
}

}  // namespace

Result<std::vector<std::string>> MintPrincipals(const spec::App& app, const LocalFiles& files, int count,
                                                std::chrono::milliseconds ttl, WallTime now) {
  const spec::Resource* accounts = app.Find(app.auth.accounts);
  if (accounts == nullptr)
    return Fail(ErrorCode::kInvalid, "app '" + app.name + "' has no accounts: use --principals 0");
  if (!store::IsServer(files.database)) {
    if (auto exists = MustExist(files.database, "database"); !exists) return Fail(exists.error());
  }
  if (auto exists = MustExist(files.key, "signing key"); !exists) return Fail(exists.error());
  auto key = identity::LoadKey(files.key);
  if (!key) return Fail(key.error());
  auto store = store::OpenDatabase(files.database, app.name);
  if (!store) return Fail(store.error());
  if (auto migrated = (*store)->Migrate(resource::Tables(app)); !migrated) return Fail(migrated.error());
  auto reader = (*store)->OpenReader();
  if (!reader) return Fail(reader.error());

  const Model model(app, *accounts);
  const identity::KeySet keys{std::move(*key)};
  const identity::TokenOptions options{app.auth.issuer, app.name, ttl};
  const std::string role = SignupRole(app);
  std::vector<std::string> tokens;
  for (int i = 1; i <= count; ++i) {
    const auto account = FindOrInsert(model, **store, **reader, role, i, now);
    if (!account) return Fail(account.error());
    tokens.push_back(identity::MintToken(keys, options, account->id, account->role, now).token);
  }
  return tokens;
}

Result<std::vector<std::string>> RegisterPrincipals(const Target& target, http::Client& client, int count) {
  std::vector<std::string> tokens;
  for (int i = 0; i < count; ++i) {
    auto token = RegisterOne(target, client);
    if (!token) return Fail(token.error());
    tokens.push_back(std::move(*token));
  }
  return tokens;
}

}  // namespace flyball::load
