#include "pkg/resource/precondition.h"

#include <algorithm>
#include <charconv>

namespace flyball::resource {
namespace {

enum class Comparison { kStrong, kWeak };

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// etagc of RFC 9110 section 8.8.3.
bool IsTagText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
  });
}

// Takes the next entity-tag off the list, with its W/ if it has one; empty at the end or at what is no entity-tag.
std::string_view NextTag(std::string_view& list) {
  while (!list.empty() && (list.front() == ' ' || list.front() == '\t' || list.front() == ',')) list.remove_prefix(1);
  const size_t open = list.starts_with("W/") ? 2 : 0;
  if (open >= list.size() || list[open] != '"') return {};
  const size_t close = list.find('"', open + 1);
  if (close == std::string_view::npos || !IsTagText(list.substr(open + 1, close - open - 1))) return {};
  const std::string_view tag = list.substr(0, close + 1);
  list.remove_prefix(close + 1);
  // A list needs its commas: "1""2" is none.
  const std::string_view rest = Trim(list);
  return rest.empty() || rest.front() == ',' ? tag : std::string_view();
}

// The version a tag names, 0 when it is none of ours.
int64_t VersionOf(std::string_view opaque) {
  int64_t version = 0;
  const auto [end, error] = std::from_chars(opaque.data(), opaque.data() + opaque.size(), version);
  const bool whole = end == opaque.data() + opaque.size() || *end == '-';
  return error == std::errc() && whole && version > 0 ? version : 0;
}

Result<EntityTags> ReadTags(std::string_view name, std::string_view field, Comparison comparison) {
  EntityTags tags;
  tags.present = !field.empty();
  if (!tags.present) return tags;
  std::string_view rest = Trim(field);
  tags.any = rest == "*";
  if (tags.any) return tags;
  bool some = false;
  for (std::string_view tag = NextTag(rest); !tag.empty(); tag = NextTag(rest)) {
    some = true;
    const bool weak = tag.front() == 'W';
    if (weak && comparison == Comparison::kStrong) {
      tags.weak = true;
      continue;
    }
    if (weak) tag.remove_prefix(2);
    if (const int64_t version = VersionOf(tag.substr(1, tag.size() - 2))) tags.versions.push_back(version);
  }
  if (!some || !rest.empty()) {
    return Fail(ErrorCode::kInvalid, std::string(name) +
                                         " is malformed; expected * or the ETag of an earlier answer with its quotes, "
                                         "as in \"3\"");
  }
  return tags;
}

}  // namespace

bool EntityTags::Matches(int64_t version) const {
  return any || std::find(versions.begin(), versions.end(), version) != versions.end();
}

bool Preconditions::Hold(int64_t version) const {
  if (match.present && !match.Matches(version)) return false;
  return !none_match.present || !none_match.Matches(version);
}

std::string Preconditions::WhyNot(int64_t version) const {
  if (match.present && !match.Matches(version)) {
    if (!match.versions.empty()) return "the row has changed since it was read; read it again";
    if (match.weak) return "If-Match compares strongly, so a W/ tag never matches; send the ETag as it was answered";
    return "If-Match names no version of this row; send the ETag of an earlier answer";
  }
  if (none_match.any) return "the row exists, and If-None-Match: * asks that it does not";
  return "the row is still at a version that If-None-Match names";
}

Result<Preconditions> ReadPreconditions(std::string_view if_match, std::string_view if_none_match) {
  auto match = ReadTags("If-Match", if_match, Comparison::kStrong);
  if (!match) return Fail(match.error());
  auto none_match = ReadTags("If-None-Match", if_none_match, Comparison::kWeak);
  if (!none_match) return Fail(none_match.error());
  return Preconditions{std::move(*match), std::move(*none_match)};
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
