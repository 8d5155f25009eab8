#include "pkg/spec/format.h"

#include <algorithm>
#include <charconv>

#include "pkg/base/ids.h"
#include "pkg/base/time_format.h"
#include "pkg/base/utf8.h"

namespace flyball::spec {
namespace {

bool IsAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool IsPrintable(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; }

bool IsDomain(std::string_view domain) {
  size_t label = 0;
  for (size_t i = 0; i < domain.size(); ++i) {
    if (domain[i] == '.') {
      if (label == 0 || domain[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    if (!IsAlnum(domain[i]) && (domain[i] != '-' || label == 0)) return false;
    if (++label > 63) return false;
  }
  return label > 0 && domain.back() != '-';
}

std::string Plain(double number) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
}

std::string Characters(int64_t count) { return std::to_string(count) + (count == 1 ? " character" : " characters"); }

std::string WhyTextRefused(const Field& field, const std::string& text) {
  if (!field.enum_values.empty()) {
    if (std::find(field.enum_values.begin(), field.enum_values.end(), text) != field.enum_values.end()) return "";
    std::string list;
    for (const std::string& member : field.enum_values) list += (list.empty() ? "'" : ", '") + member + "'";
    return "must be one of " + list;
  }
  const auto length = static_cast<int64_t>(CountCodePoints(text));
  if (field.min_length && length < *field.min_length)
    return "must be at least " + Characters(*field.min_length) + " long";
  if (field.max_length && length > *field.max_length)
    return "must be at most " + Characters(*field.max_length) + " long";
  if (text.find('\0') != std::string::npos) return "must not hold U+0000";
  if (field.type == FieldType::kDate && !CheckDate(text)) return "must be a date that exists, as in '2026-02-28'";
  if (field.type == FieldType::kDateTime && !ParseRfc3339(text)) return "must be a time, as in '2026-02-28T09:30:00Z'";
  switch (field.format) {
    case Format::kEmail:
      return IsEmail(text) ? "" : "must be an e-mail address, as in 'ada@example.org'";
    case Format::kUuid:
      return IsUuid(text) ? "" : "must be a UUID, as in '018f2f6e-7c9a-7d3e-8a51-0242ac120002'";
    case Format::kUri:
      return IsUri(text) ? "" : "must be a URI, as in 'https://example.org/x'";
    case Format::kNone:
      return "";
  }
  return "";
}

}  // namespace

bool IsEmail(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 254) return false;
  const std::string_view local = text.substr(0, at);
  if (!std::all_of(local.begin(), local.end(), IsPrintable)) return false;
  return local.find_first_of("@,;:<>()[]\\\"") == std::string_view::npos && IsDomain(text.substr(at + 1));
}

bool IsUri(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) return false;
  const std::string_view scheme = text.substr(0, colon);
  if (!IsAlnum(scheme[0]) || (scheme[0] >= '0' && scheme[0] <= '9')) return false;
  for (const char c : scheme)
    if (!IsAlnum(c) && c != '+' && c != '-' && c != '.') return false;
  const std::string_view rest = text.substr(colon + 1);
  return std::all_of(rest.begin(), rest.end(), IsPrintable) &&
         rest.find_first_of("\"<>\\^`{|}") == std::string_view::npos;
}

std::string WhyRefused(const Field& field, const Value& value) {
  if (const std::string* text = std::get_if<std::string>(&value)) return WhyTextRefused(field, *text);
  if (std::holds_alternative<bool>(value)) return "";
  const int64_t* integer = std::get_if<int64_t>(&value);
  const double number = integer != nullptr ? static_cast<double>(*integer) : std::get<double>(value);
  if (field.minimum && number < *field.minimum) return "must be at least " + Plain(*field.minimum);
  if (field.maximum && number > *field.maximum) return "must be at most " + Plain(*field.maximum);
  if (field.exclusive_minimum && number <= *field.exclusive_minimum)
    return "must be more than " + Plain(*field.exclusive_minimum);
  if (field.exclusive_maximum && number >= *field.exclusive_maximum)
    return "must be less than " + Plain(*field.exclusive_maximum);
  return "";
}

}  // namespace flyball::spec
