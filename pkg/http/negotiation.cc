#include "pkg/http/negotiation.h"

#include <algorithm>
#include <array>

#include "pkg/http/detail/characters.h"
#include "pkg/http/detail/field_list.h"
#include "pkg/http/request.h"

namespace flyball::http {
namespace {

constexpr int kNotSaid = -1;

std::optional<Coding> ParseCoding(std::string_view name) {
  if (EqualsIgnoreCase(name, "gzip") || EqualsIgnoreCase(name, "x-gzip")) return Coding::kGzip;
  if (EqualsIgnoreCase(name, "br")) return Coding::kBrotli;
  if (EqualsIgnoreCase(name, "identity")) return Coding::kIdentity;
  return std::nullopt;
}

// How closely a media range names a type: 0 = not at all.
int Specificity(std::string_view range, std::string_view type) {
  if (range == "*/*" || range == "*") return 1;
  const size_t slash = type.find('/');
  if (range.ends_with("/*") && EqualsIgnoreCase(range.substr(0, range.size() - 2), type.substr(0, slash))) return 2;
  return EqualsIgnoreCase(range, type) ? 3 : 0;
}

bool IsToken(std::string_view text) { return !text.empty() && detail::AllOf(text, detail::kTokenChar); }

bool IsQuoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '"') return false;
    if (text[i] == '\\' && ++i + 1 == text.size()) return false;
  }
  return true;
}

}  // namespace

std::string_view Name(Coding coding) {
  switch (coding) {
    case Coding::kIdentity:
      return "identity";
    case Coding::kGzip:
      return "gzip";
    case Coding::kBrotli:
      return "br";
  }
  return "?";
}

CodingChoice ChooseCoding(std::string_view accept_encoding) {
  std::array<int, 3> weights = {kNotSaid, kNotSaid, kNotSaid};
  int others = kNotSaid;
  detail::Weighted member;
  bool some = false;
  while (detail::TakeWeighted(accept_encoding, member)) {
    some = true;
    if (member.value == "*") {
      others = std::max(others, member.thousandths);
    } else if (const auto coding = ParseCoding(member.value)) {
      int& weight = weights[static_cast<size_t>(*coding)];
      weight = std::max(weight, member.thousandths);
    }
  }
  CodingChoice choice;
  if (!some) return choice;
  int& identity = weights[static_cast<size_t>(Coding::kIdentity)];
  for (int& weight : weights) {
    if (weight == kNotSaid) weight = &weight == &identity && others != 0 ? kNotSaid : others;
  }
  choice.identity_acceptable = identity != 0;
  int best = identity == 0 ? kNotSaid : identity;
  for (const Coding coding : {Coding::kGzip, Coding::kBrotli}) {
    const int weight = weights[static_cast<size_t>(coding)];
    if (weight <= 0 || weight < best) continue;
    best = weight;
    choice.coding = coding;
  }
  choice.acceptable = choice.identity_acceptable || choice.coding != Coding::kIdentity;
  return choice;
}

bool Accepts(std::string_view accept, std::string_view type) {
  int closest = 0, weight = 0;
  bool some = false;
  detail::Weighted member;
  while (detail::TakeWeighted(accept, member)) {
    some = true;
    const int specificity = Specificity(member.value, type);
    if (specificity == 0 || specificity < closest) continue;
    weight = specificity > closest ? member.thousandths : std::max(weight, member.thousandths);
    closest = specificity;
  }
  return !some || weight > 0;
}

std::optional<MediaType> ParseMediaType(std::string_view content_type) {
  MediaType media;
  media.type = detail::TakeUntil(content_type, ';');
  const size_t slash = media.type.find('/');
  if (slash == std::string_view::npos || !IsToken(media.type.substr(0, slash)) ||
      !IsToken(media.type.substr(slash + 1))) {
    return std::nullopt;
  }
  while (!content_type.empty()) {
    const std::string_view parameter = detail::TakeUntil(content_type, ';');
    if (parameter.empty()) continue;
    const size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || !IsToken(parameter.substr(0, equals))) return std::nullopt;
    std::string_view value = parameter.substr(equals + 1);
    const bool quoted = IsQuoted(value);
    if (!quoted && !IsToken(value)) return std::nullopt;
    if (quoted) value = value.substr(1, value.size() - 2);
    if (EqualsIgnoreCase(parameter.substr(0, equals), "charset")) media.charset = value;
  }
  return media;
}

}  // namespace flyball::http
