// The conditions of a status (meta/v1 Condition). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"

namespace flyball::service::app_operator {

struct Condition {
  std::string type;
  bool status = false;
  std::string reason;   // CamelCase, never empty
  std::string message;  // cut at 32 KiB
};

// The JSON array that a status holds. lastTransitionTime is that of `before` (an object's
// JSON) while a condition's status stays the same, else `at`.
std::string ConditionsJson(const std::string& before, const std::vector<Condition>& conditions, int64_t generation,
                           WallTime at);

// The types of the conditions in an object's status, with what they say.
std::map<std::string, Condition> ConditionsOf(const std::string& object);

}  // namespace flyball::service::app_operator
