#pragma once

#include <optional>

#include "pkg/kube/detail/json.h"
#include "pkg/kube/object.h"

namespace flyball::kube::detail {

// Without `json`, which the caller fills in; none when it has no name.
std::optional<Object> ObjectOf(const Json& json);

}  // namespace flyball::kube::detail
