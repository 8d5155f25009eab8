#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pkg/base/value.h"
#include "pkg/service/load/mix.h"
#include "pkg/spec/app.h"

namespace flyball::load {

// What to ask an app when nobody says: of its first resource besides the accounts that may be listed, 60 % lists and
// 20 % single rows (80 % lists when nothing may be created), and 20 % creates with all that is required. kInvalid when
// the app has no such resource.
Result<Mix> DefaultMix(const spec::App& app);

// A value that `field` accepts; a text carries `n` (digits, or a template's "{n}") where it is long enough. Empty for
// what cannot be made up: a required reference.
std::optional<Value> ExampleValue(const spec::Field& field, const std::string& n);

}  // namespace flyball::load
