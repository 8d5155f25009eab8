#include "pkg/service/operator/conditions.h"

#include <nlohmann/json.hpp>

#include "pkg/base/time_format.h"

namespace flyball::service::app_operator {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostMessage = 32'000;

// A prefix that ends with a whole character.
std::string Cut(const std::string& text) {
  if (text.size() <= kMostMessage) return text;
  size_t end = kMostMessage;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

const Json* Find(const Json& object, const std::string& type) {
  static const Json::json_pointer kAt("/status/conditions");
  if (!object.is_object() || !object.contains(kAt) || !object[kAt].is_array()) return nullptr;
  for (const Json& condition : object[kAt])
    if (condition.is_object() && condition.value("type", "") == type) return &condition;
  return nullptr;
}

// To the second, as Kubernetes has times.
std::string Rfc3339(WallTime at) { return FormatRfc3339(at).substr(0, 19) + "Z"; }

}  // namespace

std::string ConditionsJson(const std::string& before, const std::vector<Condition>& conditions, int64_t generation,
                           WallTime at) {
  const Json object = Json::parse(before, nullptr, /*allow_exceptions=*/false);
  Json all = Json::array();
  for (const Condition& condition : conditions) {
    const std::string status = condition.status ? "True" : "False";
    const Json* old = Find(object, condition.type);
    const bool same = old != nullptr && old->value("status", "") == status && old->contains("lastTransitionTime");
    all.push_back({{"type", condition.type},
                   {"status", status},
                   {"observedGeneration", generation},
                   {"lastTransitionTime", same ? (*old)["lastTransitionTime"] : Json(Rfc3339(at))},
                   {"reason", condition.reason},
                   {"message", Cut(condition.message)}});
  }
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::map<std::string, Condition> ConditionsOf(const std::string& object) {
  static const Json::json_pointer kAt("/status/conditions");
  const Json parsed = Json::parse(object, nullptr, /*allow_exceptions=*/false);
  std::map<std::string, Condition> all;
  if (!parsed.is_object() || !parsed.contains(kAt) || !parsed[kAt].is_array()) return all;
  for (const Json& condition : parsed[kAt]) {
    if (!condition.is_object()) continue;
    Condition out{condition.value("type", ""), condition.value("status", "") == "True", condition.value("reason", ""),
                  condition.value("message", "")};
    all[out.type] = std::move(out);
  }
  return all;
}

}  // namespace flyball::service::app_operator
