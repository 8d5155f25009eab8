#include "pkg/service/api/operations.h"

#include <optional>
#include <utility>
#include <vector>

#include "pkg/base/log.h"
#include "pkg/http/uri.h"
#include "pkg/identity/verified_tokens.h"
#include "pkg/resource/accounts.h"
#include "pkg/resource/resource.h"
#include "pkg/resource/seed.h"

namespace flyball::service::api {
namespace {

using Kind = Endpoint::Kind;
using resource::Answer;

constexpr std::string_view kBearer = "Bearer ";

bool TakesBody(Kind kind) {
  return kind == Kind::kCreate || kind == Kind::kReplace || kind == Kind::kPatch || kind == Kind::kRegister ||
         kind == Kind::kLogin;
}

// The values of a list field that may be sent in several lines, as one; "," when it was sent but is empty, so that it
// is not taken for absent. Valid while request and `joined` are.
std::string_view ListField(const http::Request& request, std::string_view name, std::string& joined) {
  const size_t count = request.CountHeader(name);
  if (count == 0) return {};
  const std::string_view first = request.Header(name);
  if (count == 1) return first.empty() ? std::string_view(",") : first;
  for (const http::Field& field : request.headers()) {
    if (http::EqualsIgnoreCase(field.name, name)) joined.append(field.value).append(",");
  }
  return joined;
}

// Codings of a body would have to be undone within bounds before anything can look at it; none is.
bool IsCoded(const http::Request& request) {
  for (const http::Field& field : request.headers()) {
    if (http::EqualsIgnoreCase(field.name, "content-encoding") && !http::EqualsIgnoreCase(field.value, "identity")) {
      return true;
    }
  }
  return false;
}

// application/json and its +json kin, parameters aside; PATCH also knows merge-patch by its name.
bool IsJson(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && content_type.back() == ' ') content_type.remove_suffix(1);
  return http::EqualsIgnoreCase(content_type, "application/json") ||
         http::EqualsIgnoreCase(content_type, "application/merge-patch+json");
}

// Whether an Accept field leaves room for JSON (RFC 9110 section 12.5.1; q=0 refuses).
bool AcceptsJson(std::string_view accept) {
  if (accept.empty()) return true;
  while (!accept.empty()) {
    const size_t comma = accept.find(',');
    std::string_view item = accept.substr(0, comma);
    accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
    const size_t semicolon = item.find(';');
    const std::string_view parameters = semicolon == std::string_view::npos ? "" : item.substr(semicolon + 1);
    item = item.substr(0, semicolon);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    const bool refused = parameters.find("q=0") != std::string_view::npos &&
                         parameters.find_first_of("123456789", parameters.find("q=0") + 3) == std::string_view::npos;
    if (!refused && (item == "*/*" || http::EqualsIgnoreCase(item, "application/*") ||
                     http::EqualsIgnoreCase(item, "application/json") ||
                     http::EqualsIgnoreCase(item, "application/problem+json"))) {
      return true;
    }
  }
  return false;
}

http::Response ToResponse(const http::Request& request, Answer answer) {
  if (!answer.log.empty()) {
    Log(LogLevel::kError, answer.log, {{"request_id", request.id()}, {"status", answer.status}});
  }
  http::Response response;
  if (answer.is_problem()) {
    std::vector<http::ProblemError> errors;
    errors.reserve(answer.errors.size());
    for (resource::FieldError& error : answer.errors) {
      errors.push_back({std::move(error.pointer), std::move(error.code), std::move(error.message)});
    }
    response = http::Problem(request, answer.status, answer.detail, errors);
  } else {
    response.set_status(answer.status);
    if (!answer.body.empty()) response.SetBody("application/json", std::move(answer.body));
    // Answers depend on who asks; a shared cache must not keep them.
    response.AddHeader("Cache-Control", "private, no-cache");
    response.AddHeader("Vary", "Authorization");
  }
  if (!answer.etag.empty()) response.AddHeader("ETag", answer.etag);
  if (!answer.location.empty()) response.AddHeader("Location", answer.location);
  if (!answer.link.empty()) response.AddHeader("Link", answer.link);
  if (answer.status == 401) response.AddHeader("WWW-Authenticate", "Bearer");
  if (answer.status == 503) response.AddHeader("Retry-After", "1");
  if (answer.status == 415) response.AddHeader("Accept-Encoding", "identity");  // RFC 9110 section 12.5.3
  return response;
}

}  // namespace

struct Operations::Impl {
  Impl(const spec::App& the_app, store::Store& the_store, const Clock& the_clock)
      : app(the_app), store(the_store), clock(the_clock) {}

  const spec::App& app;
  store::Store& store;
  const Clock& clock;
  std::vector<std::unique_ptr<resource::Resource>> resources;       // as in the app
  std::optional<resource::Accounts> accounts;                       // none: the app has no login
  std::vector<std::unique_ptr<identity::VerifiedTokens>> verified;  // by reactor
};

Operations::Operations(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Operations::~Operations() = default;

Result<std::unique_ptr<Operations>> Operations::Make(const spec::App& app, const Settings& settings,
                                                     store::Store& store, const Clock& clock) {
  auto impl = std::make_unique<Impl>(app, store, clock);
  if (auto migrated = store.Migrate(resource::Tables(app)); !migrated) return Fail(migrated.error());
  if (auto seeded = resource::LoadSeed(app, store, clock.WallNow()); !seeded) return Fail(seeded.error());
  for (const spec::Resource& resource : app.resources) {
    impl->resources.push_back(std::make_unique<resource::Resource>(app, resource));
    if (resource.name != app.auth.accounts) continue;
    auto key = identity::LoadOrCreateKey(settings.data + "/signing.key");
    if (!key) return Fail(key.error());
    auto accounts = resource::Accounts::Make(*impl->resources.back(), identity::KeySet{std::move(*key)});
    if (!accounts) return Fail(accounts.error());
    impl->accounts.emplace(std::move(*accounts));
  }
  for (int i = 0; i < settings.reactors; ++i) impl->verified.push_back(std::make_unique<identity::VerifiedTokens>());
  return std::unique_ptr<Operations>(new Operations(std::move(impl)));
}

Caller Operations::Identify(const http::Request& request, int reactor) {
  Caller anonymous{Caller::Kind::kAnonymous, "", "anonymous"};
  const std::string_view credentials = request.Header("authorization");
  if (credentials.empty() && !request.HasHeader("authorization")) return anonymous;
  Caller refused{Caller::Kind::kRefused, "", "anonymous"};
  if (!impl_->accounts || request.CountHeader("authorization") > 1 || credentials.size() <= kBearer.size() ||
      !http::EqualsIgnoreCase(credentials.substr(0, kBearer.size()), kBearer)) {
    return refused;
  }
  const auto principal =
      impl_->verified[static_cast<size_t>(reactor)]->Verify(credentials.substr(kBearer.size()), impl_->accounts->keys(),
                                                            impl_->accounts->token_options(), impl_->clock.WallNow());
  if (!principal) return refused;
  return {Caller::Kind::kAccount, (*principal)->id, (*principal)->role};
}

void Operations::Run(const Endpoint& endpoint, const http::Request& request, const Caller& caller,
                     store::Reader& reader, Done done) {
  const auto answer = [&](Answer value) { done(ToResponse(request, std::move(value))); };
  if (TakesBody(endpoint.kind) && !IsJson(request.Header("content-type"))) {
    return answer(resource::Refuse(415, "Send the body as application/json."));
  }
  if (TakesBody(endpoint.kind) && IsCoded(request)) {
    return answer(resource::Refuse(415, "Send the body as it is, without Content-Encoding; no coding is undone here."));
  }
  if (!AcceptsJson(request.Header("accept"))) {
    return answer(resource::Refuse(406, "Answers are application/json."));
  }
  const auto parameters = http::ParseQuery(request.query());
  if (!parameters) return answer(resource::Refuse(400, parameters.error().message));
  std::vector<resource::QueryPair> query;
  query.reserve(parameters->size());
  for (const http::QueryParameter& parameter : *parameters) query.push_back({parameter.name, parameter.value});

  expr::Auth auth;
  if (caller.kind == Caller::Kind::kAccount) auth = {caller.id, caller.role};
  const resource::Context context{auth, reader, impl_->store, impl_->clock.WallNow()};
  std::string matches, none_matches;
  const std::string_view if_none_match = ListField(request, "if-none-match", none_matches);
  const resource::ReadInput read{query, if_none_match};
  const resource::WriteInput write{request.body(), query, ListField(request, "if-match", matches), if_none_match};
  const std::string_view id = request.PathParam(0);
  const resource::Resource* resource =
      endpoint.resource < 0 ? nullptr : impl_->resources[static_cast<size_t>(endpoint.resource)].get();
  // For writes: the request outlives the commit, because whoever holds `done` holds its responder.
  const auto later = [&request, done](Answer value) { done(ToResponse(request, std::move(value))); };
  switch (endpoint.kind) {
    case Kind::kList:
      return answer(resource->List(context, read));
    case Kind::kRead:
      return answer(resource->Get(context, id, read));
    case Kind::kCreate:
      return resource->Create(context, write, later);
    case Kind::kReplace:
      return resource->Replace(context, id, write, later);
    case Kind::kPatch:
      return resource->Patch(context, id, write, later);
    case Kind::kDelete:
      return resource->Delete(context, id, write, later);
    case Kind::kRegister:
      return impl_->accounts->Register(context, write, later);
    case Kind::kLogin:
      return answer(impl_->accounts->Login(context, write));
    case Kind::kMe:
      return answer(impl_->accounts->Me(context, read));
    case Kind::kHealth:
    case Kind::kReady:
      break;  // answered before the executor
  }
}

}  // namespace flyball::service::api
