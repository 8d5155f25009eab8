#include <charconv>
#include <cmath>

#include "pkg/base/nearest.h"
#include "pkg/base/time_format.h"
#include "pkg/spec/detail/mapping.h"

namespace flyball::spec {
namespace {

// At most 40 bytes, never cut inside a character, one line.
std::string Shown(std::string_view text) {
  size_t cut = text.size();
  if (cut > 40) {
    cut = 40;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  }
  std::string shown(text.substr(0, cut));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return cut < text.size() ? shown + "..." : shown;
}

std::optional<double> ToDouble(std::string_view text) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// Without zeros that say nothing: 0.25, 100, 1e+300.
std::string Plain(double number) {
  char buffer[32];
  const auto written = std::to_chars(buffer, buffer + sizeof buffer, number);
  return std::string(buffer, written.ptr);
}

bool IsNumber(const Node& node) { return node.kind == Node::Kind::kInt || node.kind == Node::Kind::kFloat; }

}  // namespace

std::string Describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kBool:
      return "the boolean " + node.text;
    case Node::Kind::kInt:
    case Node::Kind::kFloat:
      return "the number " + Shown(node.text);
    case Node::Kind::kText:
      return "the text '" + Shown(node.text) + "'";
    case Node::Kind::kSequence:
      return "a list";
    default:
      return "a mapping";
  }
}

std::string Quoted(const std::vector<std::string_view>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i == 12) return text + ", ...";
    text += (i == 0 ? "'" : ", '") + Shown(names[i]) + "'";
  }
  return text;
}

std::string Suggest(std::string_view name, const std::vector<std::string_view>& candidates) {
  const std::string_view near = Nearest(name, candidates);
  if (!near.empty()) return "did you mean '" + std::string(near) + "'?";
  return candidates.empty() ? "" : "expected " + Quoted(candidates);
}

std::string NotBuilt(const std::string& what) { return what + " is not built yet in this version"; }

void Reading::Mistyped(const Node& node, const std::string& path, std::string_view wanted, std::string suggestion) {
  if (node.kind == Node::Kind::kBad) return;
  Report(node, path + " must be " + std::string(wanted) + ", not " + Describe(node), std::move(suggestion));
}

std::optional<bool> Reading::Bool(const Node& node, const std::string& path) {
  if (node.kind == Node::Kind::kBool) return node.text == "true";
  const bool quoted = node.kind == Node::Kind::kText && (node.text == "true" || node.text == "false");
  Mistyped(node, path, "true or false", quoted ? "write it without quotes" : "");
  return std::nullopt;
}

std::optional<std::string> Reading::Text(const Node& node, const std::string& path) {
  if (node.kind == Node::Kind::kText && !node.text.empty()) return node.text;
  const bool quotable = node.kind == Node::Kind::kBool || IsNumber(node);
  Mistyped(node, path, "text", quotable ? "write '" + Shown(node.text) + "'" : "");
  return std::nullopt;
}

std::optional<int64_t> Reading::Int(const Node& node, const std::string& path, int64_t least, int64_t most) {
  const std::string wanted = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  int64_t number = 0;
  const char* end = node.text.data() + node.text.size();
  const auto read = std::from_chars(node.text.data(), end, number);
  const bool whole = read.ec == std::errc() && read.ptr == end;
  if (node.kind == Node::Kind::kInt && whole && number >= least && number <= most) return number;
  Mistyped(node, path, wanted, node.kind == Node::Kind::kText && whole ? "write it without quotes" : "");
  return std::nullopt;
}

std::optional<double> Reading::Number(const Node& node, const std::string& path, double least, double most) {
  const std::optional<double> number = ToDouble(node.text);
  if (IsNumber(node) && number && *number >= least && *number <= most) return number;
  const bool bounded = std::abs(least) < 1e300 || std::abs(most) < 1e300;
  Mistyped(node, path, bounded ? "a number from " + Plain(least) + " to " + Plain(most) : "a number",
           node.kind == Node::Kind::kText && number ? "write it without quotes" : "");
  return std::nullopt;
}

std::optional<double> Reading::Fraction(const Node& node, const std::string& path, double least, double most) {
  std::optional<double> number;
  if (node.kind == Node::Kind::kText && node.text.ends_with('%')) {
    number = ToDouble(std::string_view(node.text).substr(0, node.text.size() - 1));
    if (number) *number /= 100;
  } else if (IsNumber(node)) {
    number = ToDouble(node.text);
  }
  if (number && *number >= least && *number <= most) return number;
  const std::string percent = IsNumber(node) && number && *number / 100 >= least && *number / 100 <= most
                                  ? "did you mean " + node.text + "%?"
                                  : "";
  Mistyped(node, path, "a share from " + Plain(least * 100) + "% to " + Plain(most * 100) + "%", percent);
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Reading::Duration(const Node& node, const std::string& path,
                                                           std::chrono::milliseconds least,
                                                           std::chrono::milliseconds most) {
  const std::string range = " from " + FormatDuration(least) + " to " + FormatDuration(most);
  if (node.kind != Node::Kind::kText) {
    const std::string unit =
        node.kind == Node::Kind::kInt ? "add a unit, as in " + node.text + "ms or " + node.text + "s" : "";
    Mistyped(node, path, "a duration" + range, unit);
    return std::nullopt;
  }
  const auto duration = ParseDuration(node.text);
  if (duration && *duration >= least && *duration <= most) return *duration;
  Mistyped(node, path, "a duration" + range, duration ? "" : "write it like 250ms, 90s, 15m or 1h30m");
  return std::nullopt;
}

std::optional<size_t> Reading::Choice(const Node& node, const std::string& path,
                                      const std::vector<std::string_view>& choices,
                                      const std::vector<std::string_view>& not_built) {
  if (node.kind != Node::Kind::kText) {
    Mistyped(node, path, "one of " + Quoted(choices));
    return std::nullopt;
  }
  for (size_t i = 0; i < choices.size(); ++i)
    if (node.text == choices[i]) return i;
  for (const std::string_view name : not_built) {
    if (node.text != name) continue;
    Report(node, spec::NotBuilt(path + ": " + node.text),
           choices.size() == 1 ? "write " + std::string(choices[0]) : "expected " + Quoted(choices));
    return std::nullopt;
  }
  Report(node, path + " cannot be '" + Shown(node.text) + "'", Suggest(node.text, choices));
  return std::nullopt;
}

const std::vector<Node>* Reading::List(const Node& node, const std::string& path, std::string_view example) {
  if (node.kind == Node::Kind::kSequence) return &node.items;
  Mistyped(node, path, "a list", "as in " + std::string(example));
  return nullptr;
}

}  // namespace flyball::spec
