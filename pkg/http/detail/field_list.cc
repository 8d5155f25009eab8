#include "pkg/http/detail/field_list.h"

#include <algorithm>

#include "pkg/http/detail/characters.h"

namespace flyball::http::detail {
namespace {

// qvalue: "0", "0.5", "1.000"; -1 for anything else.
int ParseWeight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  int thousandths = (text[0] - '0') * 1000;
  if (text.size() == 1) return thousandths;
  if (text[1] != '.') return -1;
  int unit = 100;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return -1;
    thousandths += (c - '0') * unit;
    unit /= 10;
  }
  return thousandths > 1000 ? -1 : thousandths;
}

bool IsValue(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '/' || (ClassesOf(c) & kTokenChar) != 0; });
}

bool ReadMember(std::string_view text, Weighted& member) {
  member.value = TakeUntil(text, ';');
  member.thousandths = 1000;
  if (!IsValue(member.value)) return false;
  while (!text.empty()) {
    const std::string_view parameter = TakeUntil(text, ';');
    if (parameter.size() < 2 || (parameter[0] | 0x20) != 'q' || parameter[1] != '=') continue;
    member.thousandths = ParseWeight(parameter.substr(2));
    return member.thousandths >= 0;
  }
  return true;
}

}  // namespace

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view TakeUntil(std::string_view& rest, char separator) {
  bool quoted = false;
  size_t at = 0;
  for (; at < rest.size(); ++at) {
    const char c = rest[at];
    if (quoted && c == '\\') {
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == separator) {
      break;
    }
  }
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(std::min(rest.size(), at + 1));
  return TrimSpace(taken);
}

bool TakeWeighted(std::string_view& rest, Weighted& member) {
  while (!rest.empty()) {
    if (ReadMember(TakeUntil(rest, ','), member)) return true;
  }
  return false;
}

}  // namespace flyball::http::detail
