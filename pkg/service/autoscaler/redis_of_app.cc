#include "pkg/service/autoscaler/redis_of_app.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "pkg/service/operator/app_document.h"
#include "pkg/service/operator/reconciler.h"

namespace flyball::service::autoscaler {
namespace {

using Json = nlohmann::json;

// RFC 4648 section 4; nothing when it is none.
std::optional<std::string> FromBase64(const std::string& text) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (c == '=') break;
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have & 0xFF);
  }
  return out;
}

}  // namespace

Result<std::string> RedisOfApp(kube::Client& client, const app_operator::ClusterCache& cache,
                               const app_operator::Defaults& defaults, const std::string& name_space,
                               const std::string& app) {
  const kube::ObjectPtr object = cache.App(kube::ObjectKey(name_space, app));
  if (object == nullptr) return Fail(ErrorCode::kNotFound, "there is no App " + app);
  const auto resource = app_operator::ReadResource(object->json);
  if (!resource) return Fail(resource.error());
  const auto document = app_operator::ReadApp(*resource);
  if (!document) return Fail(document.error());
  const auto secret = document->deploy.redis ? document->deploy.redis : defaults.redis;
  if (!secret) return std::string();
  const auto path = app_operator::kSecrets.In(name_space).Named(secret->name);
  const auto read = client.Get(path, {.timeout = seconds(1)});
  if (!read) return Fail(read.error().ToError());
  const Json parsed = Json::parse(*read, nullptr, /*allow_exceptions=*/false);
  const Json data = parsed.is_object() ? parsed.value("data", Json::object()) : Json::object();
  const auto found = data.find(secret->key);
  const auto url = found != data.end() && found->is_string() ? FromBase64(*found) : std::nullopt;
  if (!url) return Fail(ErrorCode::kNotFound, "the Secret " + secret->name + " has no key " + secret->key);
  return *url;
}

}  // namespace flyball::service::autoscaler
