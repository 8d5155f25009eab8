#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pkg/base/json_writer.h"
#include "pkg/service/load/mix.h"

namespace flyball::load {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxKinds = 1000;
constexpr int kMaxDepth = 32;
constexpr size_t kMaxBodyBytes = 1 << 20;  // also what ends aliases that would make a small file an endless body

// "mix.yaml:3:5: ..."
tl::unexpected<Error> Wrong(std::string_view file, const YAML::Node& at, const std::string& message) {
  const YAML::Mark mark = at.Mark();
  // An empty file has no place of its own.
  return Fail(ErrorCode::kInvalid, std::string(file) + ":" + std::to_string(std::max(0, mark.line) + 1) + ":" +
                                       std::to_string(std::max(0, mark.column) + 1) + ": " + message);
}

// A plain scalar is typed as in YAML's core schema; a quoted one is text.
void WriteScalar(JsonWriter& json, const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return json.Value(text);
  if (text == "true" || text == "false") return json.Value(text == "true");
  if (text == "null" || text == "~" || text.empty()) return json.Null();
  int64_t integer = 0;
  double number = 0;
  const char* end = text.data() + text.size();
  if (const auto r = std::from_chars(text.data(), end, integer); r.ec == std::errc() && r.ptr == end)
    return json.Value(integer);
  if (const auto r = std::from_chars(text.data(), end, number);
      r.ec == std::errc() && r.ptr == end && std::isfinite(number))
    return json.Value(number);
  json.Value(text);
}

bool WriteJson(std::string& out, JsonWriter& json, const YAML::Node& node, int depth) {
  if (depth > kMaxDepth || out.size() > kMaxBodyBytes) return false;
  if (node.IsSequence()) {
    json.BeginArray();
    for (const auto& item : node) {
      if (!WriteJson(out, json, item, depth + 1)) return false;
    }
    json.EndArray();
  } else if (node.IsMap()) {
    json.BeginObject();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) return false;
      json.Key(member.first.Scalar());
      if (!WriteJson(out, json, member.second, depth + 1)) return false;
    }
    json.EndObject();
  } else if (node.IsScalar()) {
    WriteScalar(json, node);
  } else {
    json.Null();
  }
  return true;
}

bool IsHeaderText(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool IsHeaderName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool IsKnownMethod(std::string_view text) {
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  return std::find(std::begin(kMethods), std::end(kMethods), text) != std::end(kMethods);
}

Result<void> ReadHeaders(std::string_view file, const YAML::Node& node, RequestKind& kind) {
  if (!node.IsMap()) return Wrong(file, node, "headers: expected a mapping of names to text");
  for (const auto& member : node) {
    if (!member.first.IsScalar() || !member.second.IsScalar() || !IsHeaderName(member.first.Scalar()) ||
        !IsHeaderText(member.second.Scalar()))
      return Wrong(file, member.first, "headers: expected a header name and one line of text");
    kind.headers.emplace_back(member.first.Scalar(), member.second.Scalar());
  }
  return {};
}

Result<void> ReadBody(std::string_view file, const YAML::Node& node, RequestKind& kind) {
  if (node.IsScalar()) {
    kind.body = Template(node.Scalar());
    return {};
  }
  std::string text;
  JsonWriter json(text);
  if (!WriteJson(text, json, node, 0))
    return Wrong(file, node, "body: nested too deeply, larger than 1 MiB, or a key that is no text");
  kind.body = Template(text);
  return {};
}

Result<void> ReadKey(std::string_view file, const std::string& key, const YAML::Node& node, RequestKind& kind) {
  if (key == "headers") return ReadHeaders(file, node, kind);
  if (key == "body") return ReadBody(file, node, kind);
  if (!node.IsScalar()) return Wrong(file, node, key + ": expected a single value");
  const std::string& text = node.Scalar();
  if (key == "weight") {
    const auto r = std::from_chars(text.data(), text.data() + text.size(), kind.weight);
    if (r.ec != std::errc() || r.ptr != text.data() + text.size() || !(kind.weight > 0) || kind.weight > 1e9)
      return Wrong(file, node, "weight '" + text + "': expected a number above 0");
  } else if (key == "method") {
    if (!IsKnownMethod(text))
      return Wrong(file, node, "method '" + text + "': expected GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS");
    kind.method = text;
  } else if (key == "path") {
    if (!text.starts_with('/') ||
        std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f; }))
      return Wrong(file, node, "path '" + text + "': expected '/...' without blanks, percent-encoded where needed");
    kind.path = Template(text);
  } else if (key == "anonymous") {
    if (text != "true" && text != "false") return Wrong(file, node, "anonymous '" + text + "': expected true or false");
    kind.anonymous = text == "true";
  } else {
    return Wrong(file, node, "unknown key '" + key + "': expected weight, method, path, body, headers or anonymous");
  }
  return {};
}

Result<RequestKind> ReadKind(std::string_view file, const YAML::Node& node) {
  if (!node.IsMap()) return Wrong(file, node, "expected a request such as {weight: 1, method: GET, path: /tasks}");
  RequestKind kind;
  for (const auto& member : node) {
    if (!member.first.IsScalar()) return Wrong(file, member.first, "a key is not a text");
    if (auto read = ReadKey(file, member.first.Scalar(), member.second, kind); !read) return Fail(read.error());
  }
  if (kind.path.empty()) return Wrong(file, node, "path is missing: every request needs one");
  return kind;
}

Result<Mix> ReadKinds(std::string_view file, const YAML::Node& root) {
  if (!root.IsSequence() || root.size() == 0)
    return Wrong(file, root, "expected a list of requests such as [{weight: 1, method: GET, path: /tasks}]");
  if (root.size() > kMaxKinds) return Wrong(file, root, "more than 1000 requests in a mix");
  std::vector<RequestKind> kinds;
  for (const auto& node : root) {
    auto kind = ReadKind(file, node);
    if (!kind) return Fail(kind.error());
    kinds.push_back(std::move(*kind));
  }
  if (std::all_of(kinds.begin(), kinds.end(),
                  [](const RequestKind& kind) { return kind.path.needs_id() || kind.body.needs_id(); }))
    return Wrong(file, root, "every request needs an {id}: at least one that creates or lists is needed");
  return Mix(std::move(kinds));
}

}  // namespace

Result<Mix> ReadMix(std::string_view text, std::string_view file) {
  if (text.size() > kMaxBytes) return Fail(ErrorCode::kInvalid, std::string(file) + ": larger than 1 MiB");
  try {
    return ReadKinds(file, YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    return Fail(ErrorCode::kInvalid, std::string(file) + ":" + std::to_string(error.mark.line + 1) + ":" +
                                         std::to_string(error.mark.column + 1) + ": " + error.msg);
  }
}

}  // namespace flyball::load
