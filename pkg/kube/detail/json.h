#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::kube::detail {

using Json = nlohmann::json;

// None when `text` is no JSON or nests deeper than 200 (what comes from outside must not exhaust the stack).
std::optional<Json> ParseJson(std::string_view text);
// Invalid UTF-8 becomes U+FFFD.
std::string Dump(const Json& json);

// The string, number or object at `path` ("metadata", "name"); a default when it is not there or of another type.
std::string StringAt(const Json& json, std::initializer_list<const char*> path);
int64_t IntegerAt(const Json& json, std::initializer_list<const char*> path, int64_t otherwise = 0);
const Json* Find(const Json& json, std::initializer_list<const char*> path);

}  // namespace flyball::kube::detail
