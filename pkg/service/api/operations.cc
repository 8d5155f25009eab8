#include "pkg/service/api/operations.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "pkg/base/check.h"
#include "pkg/http/compression.h"
#include "pkg/http/uri.h"
#include "pkg/identity/verified_tokens.h"
#include "pkg/resource/accounts.h"
#include "pkg/resource/resource.h"
#include "pkg/resource/seed.h"
#include "pkg/service/api/representation.h"

namespace flyball::service::api {
namespace {

using Kind = Endpoint::Kind;
using resource::Answer;

constexpr std::string_view kBearer = "Bearer ";
constexpr size_t kNever = std::numeric_limits<size_t>::max();

bool TakesBody(Kind kind) {
  return kind == Kind::kCreate || kind == Kind::kReplace || kind == Kind::kPatch || kind == Kind::kRegister ||
         kind == Kind::kLogin;
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
    Check(settings.key.has_value(), "an app with accounts comes with a key");
    auto accounts = resource::Accounts::Make(*impl->resources.back(), identity::KeySet{*settings.key});
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
  std::string_view token = credentials.substr(kBearer.size());
  while (token.starts_with(' ')) token.remove_prefix(1);  // 1*SP (RFC 9110 section 11.4)
  const auto principal = impl_->verified[static_cast<size_t>(reactor)]->Verify(
      token, impl_->accounts->keys(), impl_->accounts->token_options(), impl_->clock.WallNow());
  if (!principal) return refused;
  return {Caller::Kind::kAccount, (*principal)->id, (*principal)->role};
}

void Operations::Run(const Endpoint& endpoint, const http::Request& request, const Caller& caller,
                     store::Reader& reader, Done done) {
  // For writes: the request outlives the commit, because whoever holds `done` holds its responder. The store has one
  // thread for all, so what it answers is not coded unless the client insists.
  const auto representation = std::make_shared<const Representation>(request);
  const auto later = [representation, done](Answer value) { done(representation->Make(std::move(value), kNever)); };
  // Tokens are not coded either: their length would tell of their content (BREACH).
  const size_t worth = endpoint.kind == Kind::kLogin ? kNever : http::kWorthCoding;
  const auto answer = [&](Answer value) { done(representation->Make(std::move(value), worth)); };
  if (auto refusal = representation->Refusal(TakesBody(endpoint.kind))) return answer(std::move(*refusal));
  const auto parameters = http::ParseQuery(request.query());
  if (!parameters) return answer(resource::Refuse(400, parameters.error().message));
  std::vector<resource::QueryPair> query;
  query.reserve(parameters->size());
  for (const http::QueryParameter& parameter : *parameters) query.push_back({parameter.name, parameter.value});

  expr::Auth auth;
  if (caller.kind == Caller::Kind::kAccount) auth = {caller.id, caller.role};
  const resource::Context context{auth, reader, impl_->store, impl_->clock.WallNow()};
  std::string matches;
  const std::string_view if_match = ListField(request, "if-match", matches);
  const resource::ReadInput read{query, representation->if_none_match(), if_match};
  const resource::WriteInput write{request.body(), query, if_match, representation->if_none_match()};
  const std::string_view id = request.PathParam(0);
  const resource::Resource* resource =
      endpoint.resource < 0 ? nullptr : impl_->resources[static_cast<size_t>(endpoint.resource)].get();
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
