#include "pkg/resource/json_body.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "pkg/resource/answer.h"
#include "pkg/resource/json_fault.h"

namespace flyball::resource {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr size_t kKeptBytes = 256 * 1024;  // a larger buffer is given back at the next small body
constexpr size_t kFewMembers = 16;

// What a thread keeps between bodies.
struct Scratch {
  simdjson::dom::parser parser;
  std::vector<char> padded;
  std::vector<JsonMember> members;
};

Scratch& ThreadScratch(size_t body_size) {
  thread_local std::unique_ptr<Scratch> scratch;
  if (scratch == nullptr || (scratch->padded.size() > kKeptBytes && body_size < kKeptBytes / 4)) {
    scratch = std::make_unique<Scratch>();
  }
  return *scratch;
}

tl::unexpected<Error> Malformed(std::string what) { return Fail(ErrorCode::kInvalid, std::move(what)); }

std::string Explain(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return "the body is empty; expected a JSON object";
    case simdjson::UTF8_ERROR:
      return "the body is not UTF-8";
    case simdjson::NUMBER_ERROR:
      return "the body holds a number that is malformed or too large; expected JSON numbers that a double can hold, "
             "without leading zeros or '+'";
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
      return "the body holds a malformed text; control characters must be escaped, surrogates (\\ud800 to \\udfff) "
             "come in pairs";
    case simdjson::UNCLOSED_STRING:
      return "the body holds a text that does not end";
    case simdjson::DEPTH_ERROR:
      return "the body nests deeper than 64 levels";
    default:
      return "the body is not JSON";
  }
}

// What is wrong and, where it can be said, at which place.
std::string ExplainAt(simdjson::error_code error, std::string_view body) {
  std::string text = Explain(error);
  if (error == simdjson::EMPTY) return text;
  if (const auto fault = FindJsonFault(body)) {
    text += "; " + DescribePlace(body, fault->offset) + ": " + fault->message;
  }
  return text;
}

// The first name that occurs twice among `count` names; they are in order of occurrence.
std::string_view Repeated(std::vector<std::string_view>& names) {
  if (names.size() <= kFewMembers) {
    for (size_t i = 1; i < names.size(); ++i) {
      if (std::find(names.begin(), names.begin() + static_cast<ptrdiff_t>(i), names[i]) !=
          names.begin() + static_cast<ptrdiff_t>(i)) {
        return names[i];
      }
    }
    return {};
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? std::string_view{} : *twice;
}

Result<void> CheckInside(element value);

Result<void> CheckNames(std::vector<std::string_view>& names) {
  const bool empty_twice = std::count(names.begin(), names.end(), std::string_view{}) > 1;
  const std::string_view name = Repeated(names);
  if (name.empty() && !empty_twice) return {};
  return Malformed("the body names '" + Excerpt(name) + "' twice in one object");
}

Result<void> CheckObject(simdjson::dom::object object) {
  std::vector<std::string_view> names;
  for (const auto member : object) {
    names.push_back(member.key);
    if (auto inside = CheckInside(member.value); !inside) return inside;
  }
  return CheckNames(names);
}

// Depth is bounded by the parser.
Result<void> CheckInside(element value) {
  if (value.type() == element_type::OBJECT) return CheckObject(value.get_object().value_unsafe());
  if (value.type() != element_type::ARRAY) return {};
  const simdjson::dom::array items = value.get_array().value_unsafe();
  for (const element item : items) {
    if (auto inside = CheckInside(item); !inside) return inside;
  }
  return {};
}

JsonValue Convert(element value) {
  switch (value.type()) {
    case element_type::NULL_VALUE:
      return std::monostate{};
    case element_type::BOOL:
      return value.get_bool().value_unsafe();
    case element_type::INT64:
      return value.get_int64().value_unsafe();
    case element_type::UINT64:
      return value.get_uint64().value_unsafe();
    case element_type::DOUBLE:
      return value.get_double().value_unsafe();
    case element_type::STRING:
      return value.get_string().value_unsafe();
    case element_type::ARRAY:
      return JsonArray{};
    case element_type::OBJECT:
      break;
  }
  return JsonObject{};
}

// Names in `members` are unique; few of them is the common case and needs no memory.
Result<void> CheckMembers(const std::vector<JsonMember>& members) {
  if (members.size() > kFewMembers) {
    std::vector<std::string_view> names;
    for (const JsonMember& member : members) names.push_back(member.name);
    return CheckNames(names);
  }
  for (size_t i = 1; i < members.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (members[i].name != members[j].name) continue;
      std::vector<std::string_view> names = {members[i].name, members[j].name};
      return CheckNames(names);
    }
  }
  return {};
}

}  // namespace

std::string_view Describe(const JsonValue& value) {
  switch (value.index()) {
    case 0:
      return "null";
    case 1:
      return "a boolean";
    case 5:
      return "a string";
    case 6:
      return "an array";
    case 7:
      return "an object";
    default:
      return "a number";
  }
}

Result<std::span<const JsonMember>> ReadJsonObject(std::string_view body) {
  if (body.empty()) return Malformed("the body is empty; expected a JSON object");
  if (body.starts_with("\xEF\xBB\xBF")) {
    return Malformed("the body begins with a byte order mark; JSON is sent without one");
  }
  Scratch& scratch = ThreadScratch(body.size());
  scratch.members.clear();
  if (scratch.parser.max_depth() != kMaxJsonDepth) {
    if (scratch.parser.allocate(4096, kMaxJsonDepth) != simdjson::SUCCESS) return Malformed("the body is too large");
  }
  if (scratch.padded.size() < body.size() + simdjson::SIMDJSON_PADDING) {
    scratch.padded.resize(body.size() + simdjson::SIMDJSON_PADDING);
  }
  std::memcpy(scratch.padded.data(), body.data(), body.size());
  element root;
  if (const auto error = scratch.parser.parse(scratch.padded.data(), body.size(), false).get(root)) {
    return Malformed(ExplainAt(error, body));
  }
  simdjson::dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS) {
    return Malformed("the body is " + std::string(Describe(Convert(root))) + "; expected a JSON object");
  }
  for (const auto member : object) {
    if (auto inside = CheckInside(member.value); !inside) return Fail(inside.error());
    scratch.members.push_back({member.key, Convert(member.value)});
  }
  if (auto unique = CheckMembers(scratch.members); !unique) return Fail(unique.error());
  return std::span<const JsonMember>(scratch.members);
}

}  // namespace flyball::resource
