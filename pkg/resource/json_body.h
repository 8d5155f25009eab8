// Request bodies: strict JSON (RFC 8259, I-JSON's repeated-name rule), at the top an object.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::resource {

struct JsonArray {};   // what is inside is well-formed; this build has no field that takes it
struct JsonObject {};  // likewise
// uint64_t only for numbers that int64_t cannot hold.
using JsonValue =
    std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string_view, JsonArray, JsonObject>;
// "null", "a boolean", "a number", ...: for messages.
std::string_view Describe(const JsonValue& value);

struct JsonMember {
  std::string_view name;  // unescaped
  JsonValue value;
};

inline constexpr int kMaxJsonDepth = 64;

// Parses a whole body. Names are unique. kInvalid says what is wrong: empty, byte order mark, not UTF-8, malformed
// (lone surrogates, NaN, trailing bytes), numbers no double holds (1e400), deeper than 64, a name twice in any object,
// or not an object at the top; malformed texts with line, column and byte. The members and their texts are borrowed
// from buffers of the calling thread until its next call. Linear in the body's length but for n log n in the members of
// one object.
Result<std::span<const JsonMember>> ReadJsonObject(std::string_view body);

}  // namespace flyball::resource
