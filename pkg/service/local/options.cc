#include "pkg/service/local/options.h"

#include <charconv>

namespace flyball::local {
namespace {

std::optional<int> ParseCount(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || number > kMaxReplicas) return std::nullopt;
  return number;
}

}  // namespace

std::optional<ReplicaBounds> ParseReplicaBounds(const std::string& text) {
  const std::string_view all = text;
  const size_t colon = all.find(':');
  const auto min = ParseCount(all.substr(0, colon));
  const auto max = colon == std::string_view::npos ? min : ParseCount(all.substr(colon + 1));
  if (!min || !max || *min > *max) return std::nullopt;
  return ReplicaBounds{*min, *max};
}

}  // namespace flyball::local
