#include "pkg/resource/encode.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "pkg/base/json_writer.h"

namespace flyball::resource {
namespace {

template <typename Number>
void AppendNumber(std::string& out, Number number) {
  std::array<char, 32> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr);
}

void AppendValue(std::string& out, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return JsonWriter::AppendJsonString(out, *text);
  if (const auto* integer = std::get_if<int64_t>(&value)) return AppendNumber(out, *integer);
  if (const auto* truth = std::get_if<bool>(&value)) {
    out.append(*truth ? "true" : "false");
    return;
  }
  const auto* number = std::get_if<double>(&value);
  if (number != nullptr && std::isfinite(*number)) return AppendNumber(out, *number);
  out.append("null");
}

void AppendMember(std::string& out, const Model& model, int column, const Value& value) {
  if (out.back() != '{') out.push_back(',');
  out.append(model.columns()[static_cast<size_t>(column)].json_key);
  AppendValue(out, value);
}

// FNV-1a over the columns' numbers; tells selections of one resource apart.
uint32_t Fingerprint(std::span<const int> columns) {
  uint32_t hash = 2166136261u;
  for (const int column : columns) hash = (hash ^ static_cast<uint32_t>(column)) * 16777619u;
  return hash;
}

}  // namespace

void AppendRow(std::string& out, const Model& model, std::span<const int> columns, const store::Row& row) {
  out.push_back('{');
  for (size_t i = 0; i < columns.size(); ++i) AppendMember(out, model, columns[i], row[i]);
  out.push_back('}');
}

void AppendWholeRow(std::string& out, const Model& model, const store::Row& row) {
  out.push_back('{');
  for (const int column : model.visible()) AppendMember(out, model, column, row[static_cast<size_t>(column)]);
  out.push_back('}');
}

std::string EntityTag(const Model& model, int64_t version, std::span<const int> columns) {
  std::string tag = "\"";
  AppendNumber(tag, version);
  if (!columns.empty() && columns.size() < model.visible().size()) {
    char suffix[10];
    std::snprintf(suffix, sizeof(suffix), "-%08x", Fingerprint(columns));
    tag += suffix;
  }
  tag.push_back('"');
  return tag;
}

}  // namespace flyball::resource
