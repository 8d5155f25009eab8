#include "pkg/spec/quantity.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace flyball::spec {

std::optional<double> ParseQuantity(std::string_view text) {
  static constexpr std::pair<std::string_view, double> kSuffixes[] = {
      {"", 1},        {"n", 1e-9},    {"u", 1e-6},    {"m", 1e-3},   {"k", 1e3},     {"M", 1e6},
      {"G", 1e9},     {"T", 1e12},    {"P", 1e15},    {"E", 1e18},   {"Ki", 0x1p10}, {"Mi", 0x1p20},
      {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<size_t>(read.ptr - text.data()));
  for (const auto& [name, scale] : kSuffixes)
    if (suffix == name) return number * scale;
  return std::nullopt;
}

}  // namespace flyball::spec
