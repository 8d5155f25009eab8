#include "pkg/resource/precondition.h"

#include <algorithm>
#include <charconv>

namespace flyball::resource {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the next entity-tag off the list, with its W/ if it has one; empty at the end or at what is no entity-tag.
std::string_view NextTag(std::string_view& list) {
  while (!list.empty() && (list.front() == ' ' || list.front() == '\t' || list.front() == ',')) list.remove_prefix(1);
  const size_t open = list.starts_with("W/") ? 2 : 0;
  if (open >= list.size() || list[open] != '"') return {};
  const size_t close = list.find('"', open + 1);
  if (close == std::string_view::npos) return {};
  const std::string_view tag = list.substr(0, close + 1);
  list.remove_prefix(close + 1);
  return tag;
}

}  // namespace

bool EntityTags::Matches(int64_t version) const {
  return any || std::find(versions.begin(), versions.end(), version) != versions.end();
}

EntityTags ReadIfMatch(std::string_view field) {
  EntityTags tags;
  field = Trim(field);
  tags.present = !field.empty();
  tags.any = field == "*";
  if (tags.any) return tags;
  for (std::string_view tag = NextTag(field); !tag.empty(); tag = NextTag(field)) {
    if (tag.front() != '"') continue;
    const std::string_view text = tag.substr(1, tag.size() - 2);
    int64_t version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    const bool whole = end == text.data() + text.size() || *end == '-';
    if (error == std::errc() && whole && version > 0) tags.versions.push_back(version);
  }
  return tags;
}

bool NoneMatchHits(std::string_view field, std::string_view tag) {
  field = Trim(field);
  if (field == "*") return true;
  for (std::string_view given = NextTag(field); !given.empty(); given = NextTag(field)) {
    if (given.starts_with("W/")) given.remove_prefix(2);
    if (given == tag) return true;
  }
  return false;
}

}  // namespace flyball::resource
