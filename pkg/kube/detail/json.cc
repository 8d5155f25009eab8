#include "pkg/kube/detail/json.h"

namespace flyball::kube::detail {
namespace {

bool IsTooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > 200) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::optional<Json> ParseJson(std::string_view text) {
  if (IsTooDeep(text)) return std::nullopt;
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

const Json* Find(const Json& json, std::initializer_list<const char*> path) {
  const Json* at = &json;
  for (const char* key : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string StringAt(const Json& json, std::initializer_list<const char*> path) {
  const Json* at = Find(json, path);
  return at != nullptr && at->is_string() ? at->get<std::string>() : std::string();
}

int64_t IntegerAt(const Json& json, std::initializer_list<const char*> path, int64_t otherwise) {
  const Json* at = Find(json, path);
  return at != nullptr && at->is_number_integer() ? at->get<int64_t>() : otherwise;
}

}  // namespace flyball::kube::detail
