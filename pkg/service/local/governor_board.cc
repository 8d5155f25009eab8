#include "pkg/service/local/governor_board.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pkg/base/json_writer.h"

namespace flyball::local {
namespace {

// Brackets outside strings; the library parses any depth but writes it out recursively.
bool DeeperThan(std::string_view json, int limit) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limit) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<void> GovernorBoard::Put(const std::string& name, std::string_view json) {
  if (DeeperThan(json, kMaxDepth)) {
    return Fail(ErrorCode::kInvalid, "the status nests deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  const auto status = nlohmann::ordered_json::parse(json, nullptr, false);
  if (!status.is_object()) return Fail(ErrorCode::kInvalid, "expected a JSON object with the status of a governor");
  const auto named = status.find("name");
  if (named == status.end() || *named != name) {
    return Fail(ErrorCode::kInvalid, "the status must carry \"name\": \"" + name + "\", as the path does");
  }
  Entry& entry = entries_[name];
  entry.status = status.dump();
  const auto decision = status.find("lastDecision");
  if (decision == status.end() || !decision->is_object()) return {};
  std::string text = decision->dump();
  if (!entry.decisions.empty() && entry.decisions.back() == text) return {};  // the same one, said again
  entry.decisions.push_back(std::move(text));
  if (entry.decisions.size() > kDecisionsKept) entry.decisions.pop_front();
  return {};
}

void GovernorBoard::Keep(const std::vector<std::string>& names) {
  std::erase_if(entries_,
                [&](const auto& entry) { return std::find(names.begin(), names.end(), entry.first) == names.end(); });
}

std::string GovernorBoard::Statuses() const {
  std::string text;
  JsonWriter json(text);
  json.BeginArray();
  for (const auto& [name, entry] : entries_) json.Raw(entry.status);
  json.EndArray();
  return text;
}

std::string GovernorBoard::Decisions() const {
  std::string text;
  JsonWriter json(text);
  json.BeginArray();
  for (const auto& [name, entry] : entries_) {
    json.BeginObject();
    json.Key("name"), json.Value(name);
    json.Key("decisions"), json.BeginArray();
    for (const std::string& decision : entry.decisions) json.Raw(decision);
    json.EndArray();
    json.EndObject();
  }
  json.EndArray();
  return text;
}

}  // namespace flyball::local
