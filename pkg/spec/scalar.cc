#include <algorithm>
#include <string>

#include "pkg/spec/detail/tree.h"

namespace flyball::spec {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool AllOf(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}
constexpr std::string_view kDigits = "0123456789";

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

// The YAML 1.1 words for a boolean, in the spellings that its readers take: yes, Yes, YES.
std::string_view Truth(std::string_view word) {
  static constexpr std::string_view kTrue[] = {"yes", "on", "y", "true"}, kFalse[] = {"no", "off", "n", "false"};
  if (word.empty() || word.size() > 5) return {};
  const std::string lower = Lower(word);
  std::string title = lower;
  title[0] = static_cast<char>(title[0] - 'a' + 'A');
  std::string upper = lower;
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  if (word != lower && word != title && word != upper) return {};
  for (const std::string_view truth : kTrue)
    if (lower == truth) return "true";
  for (const std::string_view truth : kFalse)
    if (lower == truth) return "false";
  return {};
}

// -? (0 | [1-9][0-9]*) with an optional JSON fraction and exponent.
Node::Kind JsonNumber(std::string_view text) {
  size_t i = text.starts_with('-') ? 1 : 0;
  auto digits = [&] {
    const size_t from = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    return i - from;
  };
  const size_t first = i;
  const size_t count = digits();
  if (count == 0 || (count > 1 && text[first] == '0')) return Node::Kind::kText;
  if (i == text.size()) return Node::Kind::kInt;
  if (text[i] == '.' && (++i, digits() == 0)) return Node::Kind::kText;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return Node::Kind::kText;
  }
  return i == text.size() ? Node::Kind::kFloat : Node::Kind::kText;
}

// Groups of digits between colons, the later ones 0 to 59: YAML 1.1 reads 12:30 as 750.
bool IsSexagesimal(std::string_view text) {
  size_t groups = 0;
  while (true) {
    const size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    const bool last = end == text.size();
    const std::string_view whole = last ? group.substr(0, group.find('.')) : group;
    if (!AllOf(whole, "0123456789_")) return false;
    if (groups > 0 && (whole.size() > 2 || (whole.size() == 2 && whole[0] > '5'))) return false;
    if (last) return groups > 0;
    ++groups;
    text.remove_prefix(end + 1);
  }
}

// Numbers in a notation that not every reader knows, or that means something else to some: with what it would be.
std::string OddNumber(std::string_view text) {
  std::string_view body = text;
  if (body.starts_with('-') || body.starts_with('+')) body.remove_prefix(1);
  const std::string lower = Lower(body);
  const auto rest = [&](size_t n) { return std::string_view(lower).substr(std::min(n, lower.size())); };
  if (lower.starts_with("0x") && AllOf(rest(2), "0123456789abcdef_")) return "write the number in decimal";
  if (lower.starts_with("0b") && AllOf(rest(2), "01_")) return "write the number in decimal";
  if (lower.starts_with("0o") && AllOf(rest(2), "01234567_")) return "write the number in decimal";
  if (lower == ".inf" || lower == ".nan") return "infinity and NaN are not numbers here";
  if (IsSexagesimal(body)) return "YAML 1.1 reads it as a number to the base 60";
  if (!AllOf(body, "0123456789_.eE+-") || !AllOf(body.substr(0, 1), "0123456789.")) return "";
  if (body.size() > 1 && body[0] == '0' && AllOf(body, kDigits)) return "YAML 1.1 reads it as an octal number";
  std::string plain(body);
  plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  if (plain.starts_with('.')) plain.insert(0, "0");
  if (plain.ends_with('.')) plain.pop_back();
  if (JsonNumber(plain) == Node::Kind::kText) return "";
  return "write " + std::string(text.starts_with('-') ? "-" : "") + plain;
}

}  // namespace

Node::Kind Resolve(std::string_view plain, std::string& suggestion) {
  if (plain == "true" || plain == "false") return Node::Kind::kBool;
  const std::string quoted = "'" + std::string(plain) + "'";
  if (const std::string_view truth = Truth(plain); !truth.empty()) {
    suggestion = "write " + std::string(truth) + " for the boolean, or " + quoted + " for the text";
    return Node::Kind::kBad;
  }
  if (plain.size() > 64) return Node::Kind::kText;
  const Node::Kind number = JsonNumber(plain);
  if (number != Node::Kind::kText) return number;
  if (const std::string odd = OddNumber(plain); !odd.empty()) {
    suggestion = odd + "; for the text write " + quoted;
    return Node::Kind::kBad;
  }
  return Node::Kind::kText;
}

}  // namespace flyball::spec
