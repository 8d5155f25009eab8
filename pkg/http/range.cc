#include "pkg/http/range.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "pkg/http/detail/field_list.h"

namespace flyball::http {
namespace {

constexpr std::string_view kUnit = "bytes=";

// Digits only; what is larger than 64 bits hold counts as the largest.
std::optional<uint64_t> ParsePosition(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc::result_out_of_range ? ~uint64_t{0} : number;
}

// "a-b", "a-" or "-n" as written: an absent number is nullopt.
struct Spec {
  std::optional<uint64_t> first, last;
};

bool ParseSpec(std::string_view text, Spec& spec) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.size() == 1) return false;
  const std::string_view first = text.substr(0, dash), last = text.substr(dash + 1);
  spec = {ParsePosition(first), ParsePosition(last)};
  if ((!first.empty() && !spec.first) || (!last.empty() && !spec.last)) return false;
  return !spec.first || !spec.last || *spec.first <= *spec.last;
}

std::optional<ByteRange> Resolve(const Spec& spec, uint64_t size) {
  if (!spec.first) {
    const uint64_t suffix = std::min(*spec.last, size);
    if (suffix == 0) return std::nullopt;
    return ByteRange{size - suffix, size - 1};
  }
  if (*spec.first >= size) return std::nullopt;
  return ByteRange{*spec.first, std::min(spec.last.value_or(size - 1), size - 1)};
}

bool Overlap(const std::vector<ByteRange>& parts) {
  for (size_t i = 1; i < parts.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (parts[i].first <= parts[j].last && parts[j].first <= parts[i].last) return true;
    }
  }
  return false;
}

}  // namespace

RangeSelection SelectRanges(std::string_view field, uint64_t size) {
  RangeSelection out;
  if (field.size() < kUnit.size() || !EqualsIgnoreCase(field.substr(0, kUnit.size()), kUnit)) return {};
  field.remove_prefix(kUnit.size());
  size_t count = 0;
  while (!field.empty()) {
    const std::string_view text = detail::TakeUntil(field, ',');
    if (text.empty()) continue;
    Spec spec;
    if (++count > kMaxRanges || !ParseSpec(text, spec)) return {};
    if (const auto part = Resolve(spec, size)) out.parts.push_back(*part);
  }
  if (count == 0 || Overlap(out.parts)) return {};
  out.kind = out.parts.empty() ? RangeSelection::Kind::kUnsatisfiable : RangeSelection::Kind::kParts;
  return out;
}

bool IfRangeHolds(const Request& request, std::string_view etag) {
  const size_t count = request.CountHeader("if-range");
  if (count == 0) return true;
  return count == 1 && etag.starts_with('"') && request.Header("if-range") == etag;
}

std::string ContentRange(const ByteRange& range, uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + std::to_string(size);
}

std::string UnsatisfiedRange(uint64_t size) { return "bytes */" + std::to_string(size); }

std::string MultipartRanges(std::string_view body, std::string_view content_type, const std::vector<ByteRange>& parts,
                            std::string_view boundary) {
  std::string out;
  for (const ByteRange& part : parts) {
    out.append("--").append(boundary).append("\r\nContent-Type: ").append(content_type);
    out.append("\r\nContent-Range: ").append(ContentRange(part, body.size())).append("\r\n\r\n");
    out.append(body.substr(part.first, part.last - part.first + 1)).append("\r\n");
  }
  return out.append("--").append(boundary).append("--\r\n");
}

}  // namespace flyball::http
