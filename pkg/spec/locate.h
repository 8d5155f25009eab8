#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/spec/reader.h"

namespace flyball::spec {

// `message` at the place where an App in `sources` declares `field` of `resource` (or the resource, when it has no such
// field): for what shows only later, such as a field that does not fit the rows already stored. Nothing when no App
// declares the resource. Pure; reads the sources again.
std::optional<Problem> ProblemAt(const std::vector<Source>& sources, std::string_view resource, std::string_view field,
                                 std::string message);

}  // namespace flyball::spec
