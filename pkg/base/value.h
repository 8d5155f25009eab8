#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace flyball {

// A field of a row, an operand of a rule, a bound parameter of a query. Null is monostate. Timestamps are their
// RFC 3339 text in UTC with milliseconds (time_format.h), references are the id's text, enums their text.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string>;

inline bool IsNull(const Value& value) { return std::holds_alternative<std::monostate>(value); }

}  // namespace flyball
