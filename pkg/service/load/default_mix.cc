#include "pkg/service/load/default_mix.h"

#include <algorithm>
#include <cmath>

#include "pkg/base/json_writer.h"

namespace flyball::load {
namespace {

std::string ExampleText(const spec::Field& field, const std::string& n) {
  constexpr int64_t kRoomForNumber = 24;
  if (!field.enum_values.empty()) return field.enum_values.front();
  if (field.format == spec::Format::kEmail) return "load-" + n + "@flyball.invalid";
  if (field.format == spec::Format::kUri) return "https://flyball.invalid/" + n;
  if (field.format == spec::Format::kUuid) return "00000000-0000-4000-8000-000000000000";
  std::string text = field.max_length.value_or(kRoomForNumber) < kRoomForNumber ? "load" : "load " + n;
  const auto least = static_cast<size_t>(field.min_length.value_or(0));
  if (text.size() < least) text.append(least - text.size(), 'x');
  if (field.max_length && text.size() > static_cast<size_t>(*field.max_length) && text.find(n) == std::string::npos)
    text.resize(static_cast<size_t>(*field.max_length));
  return text;
}

// Inside the bounds; 1 where it may be.
double ExampleNumber(const spec::Field& field) {
  double number = 1;
  if (field.minimum) number = std::max(number, std::ceil(*field.minimum));
  if (field.exclusive_minimum) number = std::max(number, std::floor(*field.exclusive_minimum) + 1);
  if (field.maximum) number = std::min(number, *field.maximum);
  if (field.exclusive_maximum && number >= *field.exclusive_maximum) number = std::ceil(*field.exclusive_maximum) - 1;
  return number;
}

void Write(JsonWriter& json, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return json.Value(*text);
  if (const auto* integer = std::get_if<int64_t>(&value)) return json.Value(*integer);
  if (const auto* number = std::get_if<double>(&value)) return json.Value(*number);
  if (const auto* truth = std::get_if<bool>(&value)) return json.Value(*truth);
  json.Null();
}

// The least body a create accepts; empty when a field cannot be made up.
std::optional<std::string> ExampleBody(const spec::Resource& resource) {
  std::string text;
  JsonWriter json(text);
  json.BeginObject();
  for (const spec::Field& field : resource.fields) {
    if (!field.required || field.initial || field.default_value) continue;
    const auto value = ExampleValue(field, "{n}");
    if (!value) return std::nullopt;
    json.Key(field.name);
    Write(json, *value);
  }
  json.EndObject();
  return text;
}

RequestKind Kind(double weight, std::string method, const std::string& path, const std::string& body = "") {
  RequestKind kind;
  kind.weight = weight;
  kind.method = std::move(method);
  kind.path = Template(path);
  kind.body = Template(body);
  return kind;
}

}  // namespace

std::optional<Value> ExampleValue(const spec::Field& field, const std::string& n) {
  if (!field.ref.empty()) return std::nullopt;
  switch (field.type) {
    case spec::FieldType::kString:
      return ExampleText(field, n);
    case spec::FieldType::kInteger:
      return static_cast<int64_t>(ExampleNumber(field));
    case spec::FieldType::kNumber:
      return ExampleNumber(field);
    case spec::FieldType::kBoolean:
      return false;
    case spec::FieldType::kDateTime:
      return std::string("2026-01-01T00:00:00.000Z");
    case spec::FieldType::kDate:
      return std::string("2026-01-01");
  }
  return std::nullopt;
}

Result<Mix> DefaultMix(const spec::App& app) {
  for (const spec::Resource& resource : app.resources) {
    if (resource.name == app.auth.accounts || resource.access.list.text().empty()) continue;
    const std::string path = "/" + resource.name;
    const auto body = resource.access.create.text().empty() ? std::nullopt : ExampleBody(resource);
    std::vector<RequestKind> kinds;
    if (!body) {
      kinds.push_back(Kind(1, "GET", path));
    } else {
      const bool readable = !resource.access.read.text().empty();
      kinds.push_back(Kind(readable ? 60 : 80, "GET", path));
      if (readable) kinds.push_back(Kind(20, "GET", path + "/{id}"));
      kinds.push_back(Kind(20, "POST", path, *body));
    }
    return Mix(std::move(kinds));
  }
  return Fail(ErrorCode::kInvalid, "app '" + app.name +
                                       "' has no resource that may be listed: say what to ask with --mix FILE, a list "
                                       "such as [{method: GET, path: /things}]");
}

}  // namespace flyball::load
