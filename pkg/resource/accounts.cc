#include "pkg/resource/accounts.h"

#include <algorithm>
#include <utility>

#include "pkg/base/json_writer.h"
#include "pkg/identity/password.h"
#include "pkg/resource/detail/written.h"
#include "pkg/resource/encode.h"
#include "pkg/resource/json_body.h"
#include "pkg/resource/validate.h"

namespace flyball::resource {
namespace {

constexpr std::string_view kPassword = "password";
constexpr std::string_view kNames[] = {kPassword};

const std::string& Text(const store::Row& row, int column) {
  static const std::string kNone;
  const auto* text = std::get_if<std::string>(&row[static_cast<size_t>(column)]);
  return text == nullptr ? kNone : *text;
}

const JsonMember* Find(std::span<const JsonMember> body, std::string_view name) {
  const auto found = std::find_if(body.begin(), body.end(), [&](const auto& member) { return member.name == name; });
  return found == body.end() ? nullptr : &*found;
}

// A member that must be a text.
std::string_view ReadText(std::span<const JsonMember> body, std::string_view name, Findings& findings) {
  const JsonMember* member = Find(body, name);
  if (member == nullptr) {
    findings.Wrong(Pointer(name), "required", "is required");
    return {};
  }
  const auto* text = std::get_if<std::string_view>(&member->value);
  if (text == nullptr) {
    findings.Wrong(Pointer(name), "type", "must be a string, not " + std::string(Describe(member->value)));
    return {};
  }
  return *text;
}

Answer Taken() {
  return Refuse(409, "there is an account with this e-mail address",
                {{"/email", "not-unique", "must be unique, and is taken"}});
}

Answer WrongLogin() { return Refuse(401, "the e-mail address or the password is wrong"); }

Answer BadBody(const Error& error) { return Refuse(400, error.message); }

bool HasParameters(const WriteInput& input, Answer& refusal) {
  std::vector<FieldError> errors;
  RefuseQuery(input.query, errors);
  if (errors.empty()) return false;
  refusal = Refuse(400, "the query is not right", std::move(errors));
  return true;
}

// {"id":...,"role":"user"}: what the row shows, and its role.
void AppendUser(std::string& out, const Model& model, const store::Row& row, std::string_view role) {
  AppendWholeRow(out, model, row);
  out.pop_back();
  out += ",\"role\":";
  JsonWriter::AppendJsonString(out, role);
  out.push_back('}');
}

}  // namespace

Accounts::Accounts(const Resource& accounts, identity::KeySet keys, int email, std::string signup_role)
    : accounts_(&accounts), keys_(std::move(keys)), email_(email), signup_role_(std::move(signup_role)) {
  const spec::App& app = accounts.model().app();
  options_.issuer = app.auth.issuer.empty() ? app.name : app.auth.issuer;
  options_.audience = app.name;
  options_.access_ttl = app.auth.access_ttl;
}

Result<Accounts> Accounts::Make(const Resource& accounts, identity::KeySet keys) {
  const Model& model = accounts.model();
  const int email = model.Find("email");
  if (!model.accounts() || email < 0 || model.columns()[static_cast<size_t>(email)].kind != Model::Kind::kField ||
      !model.table().columns[static_cast<size_t>(email)].unique ||
      model.table().columns[static_cast<size_t>(email)].type != store::ColumnType::kText) {
    return Fail(ErrorCode::kInvalid, "resource " + model.spec().name +
                                         " cannot hold accounts: expected a field email: {type: string, format: email, "
                                         "unique: true} and auth.accounts naming the resource");
  }
  const auto& roles = model.app().auth.roles;
  const auto signup = std::find_if(roles.begin(), roles.end(), [](const auto& role) { return role.signup; });
  if (signup == roles.end()) return Fail(ErrorCode::kInvalid, "no role of auth.roles has signup: true");
  return Accounts(accounts, std::move(keys), email, signup->name);
}

// The whole row of a new account with its hash, or nothing and the refusal.
std::optional<store::Row> Accounts::ReadAccount(const Context& context, const WriteInput& input, std::string_view role,
                                                Answer& refusal) const {
  const Model& model = accounts_->model();
  const auto body = ReadJsonObject(input.body);
  if (!body) {
    refusal = BadBody(body.error());
    return std::nullopt;
  }
  Findings findings;
  store::Row row = NewRow(model, *body, context.auth, kNames, findings);
  const JsonMember* given = Find(*body, kPassword);
  const std::string_view password = ReadText(*body, kPassword, findings);
  if (given != nullptr && std::holds_alternative<std::string_view>(given->value)) {
    const auto fits = identity::CheckNewPassword(password, model.app().auth.min_password_length);
    if (!fits) findings.Wrong(Pointer(kPassword), "password", fits.error().message);
  }
  if (!findings.ok()) {
    refusal = findings.Take();
    return std::nullopt;
  }
  // Before the hash, which takes its time; the store has the last word.
  const auto taken = context.reader.FindBy(model.table(), email_, row[static_cast<size_t>(email_)]);
  if (!taken || *taken) {
    refusal = taken ? Taken() : StoreFailed(taken.error());
    return std::nullopt;
  }
  auto hash = identity::HashPassword(password, model.app().auth.bcrypt_cost);
  if (!hash) {
    refusal = Refuse(422, "the body does not fit", {{Pointer(kPassword), "password", hash.error().message}});
    return std::nullopt;
  }
  detail::StampNew(model, row, context.now);
  row[static_cast<size_t>(model.password_hash())] = std::move(*hash);
  row[static_cast<size_t>(model.role())] = std::string(role);
  return row;
}

std::string Accounts::SignedIn(const store::Row& row, WallTime now) const {
  const Model& model = accounts_->model();
  const std::string& role = Text(row, model.role());
  const auto minted = identity::MintToken(keys_, options_, Text(row, 0), role.empty() ? signup_role_ : role, now);
  std::string out = "{\"user\":";
  AppendUser(out, model, row, minted.principal.role);
  out += ",\"accessToken\":";
  JsonWriter::AppendJsonString(out, minted.token);
  out += ",\"tokenType\":\"Bearer\",\"expiresIn\":" + std::to_string(minted.expires_in) + "}";
  return out;
}

void Accounts::Register(const Context& context, const WriteInput& input, Done done) const {
  Answer refusal;
  if (HasParameters(input, refusal)) return done(std::move(refusal));
  auto row = ReadAccount(context, input, signup_role_, refusal);
  if (!row) return done(std::move(refusal));
  store::Write write;
  write.kind = store::Write::Kind::kInsert;
  write.table = &accounts_->model().table();
  write.row = std::move(*row);
  const auto finish = [this, done = std::move(done), now = context.now](Result<store::Written> written) {
    if (!written) return done(StoreFailed(written.error()));
    const Model& model = accounts_->model();
    if (written->outcome != store::Written::Outcome::kDone) return done(detail::NotWritten(model, *written));
    Answer answer;
    answer.status = 201;
    answer.location = model.path() + "/" + Text(written->row, 0);
    answer.body = SignedIn(written->row, now);
    answer.secret = true;
    done(std::move(answer));
  };
  context.store.Submit(std::move(write), finish);
}

Answer Accounts::Login(const Context& context, const WriteInput& input) const {
  Answer refusal;
  if (HasParameters(input, refusal)) return refusal;
  const auto body = ReadJsonObject(input.body);
  if (!body) return BadBody(body.error());
  Findings findings;
  for (const JsonMember& member : *body) {
    if (member.name == "email" || member.name == kPassword) continue;
    findings.Wrong(Pointer(member.name), "unknown", "is not part of a login; expected email and password");
  }
  const std::string_view email = ReadText(*body, "email", findings);
  const std::string_view password = ReadText(*body, kPassword, findings);
  if (!findings.ok()) return findings.Take();

  const Model& model = accounts_->model();
  std::optional<store::Row> row;
  if (email.find('\0') == std::string_view::npos) {
    auto found = context.reader.FindBy(model.table(), email_, LowerCase(email));
    if (!found) return StoreFailed(found.error());
    row = std::move(*found);
  }
  const std::string hash = row ? Text(*row, model.password_hash()) : "";
  if (hash.empty()) {
    identity::VerifyNothing(password, model.app().auth.bcrypt_cost);
    return WrongLogin();
  }
  if (!identity::VerifyPassword(password, hash)) return WrongLogin();
  Answer answer;
  answer.body = SignedIn(*row, context.now);
  answer.secret = true;
  return answer;
}

Answer Accounts::Me(const Context& context, const ReadInput& input) const {
  const auto* id = std::get_if<std::string>(&context.auth.id);
  if (id == nullptr) return SignInFirst();
  std::vector<FieldError> errors;
  RefuseQuery(input.query, errors);
  if (!errors.empty()) return Refuse(400, "the query is not right", std::move(errors));
  const Model& model = accounts_->model();
  const auto row = context.reader.Get(model.table(), *id, store::Guard{});
  if (!row) return StoreFailed(row.error());
  if (!*row) return SignInFirst();
  Answer answer;
  const std::string& role = Text(**row, model.role());
  AppendUser(answer.body, model, **row, role.empty() ? signup_role_ : role);
  return answer;
}

Answer Accounts::CreateUser(const Context& context, std::string_view body, std::string_view role) const {
  const Model& model = accounts_->model();
  const auto& roles = model.app().auth.roles;
  if (std::none_of(roles.begin(), roles.end(), [&](const auto& known) { return known.name == role; })) {
    std::string names;
    for (const auto& known : roles) names += (names.empty() ? "'" : ", '") + known.name + "'";
    return Refuse(422, "there is no role '" + Excerpt(role) + "'; expected one of " + names);
  }
  Answer refusal;
  auto row = ReadAccount(context, WriteInput{body, {}, {}, {}}, role, refusal);
  if (!row) return refusal;
  store::Write write;
  write.kind = store::Write::Kind::kInsert;
  write.table = &model.table();
  write.row = std::move(*row);
  const auto written = context.store.Apply(std::move(write));
  if (!written) return StoreFailed(written.error());
  if (written->outcome != store::Written::Outcome::kDone) return detail::NotWritten(model, *written);
  Answer answer;
  answer.status = 201;
  answer.location = model.path() + "/" + Text(written->row, 0);
  AppendUser(answer.body, model, written->row, role);
  return answer;
}

}  // namespace flyball::resource
