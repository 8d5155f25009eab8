#include "pkg/http/uri.h"

#include "pkg/base/utf8.h"
#include "pkg/http/detail/characters.h"

namespace flyball::http {
namespace {

using detail::HexDigit;

constexpr size_t kMaxParameters = 100;

// The byte that "%41" at the start of `text` stands for; -1 when it is no escape.
int DecodeEscape(std::string_view text) {
  if (text.size() < 3) return -1;
  const int high = HexDigit(text[1]);
  const int low = HexDigit(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Result<std::string> DecodeQueryPart(std::string_view part) {
  std::string out;
  out.reserve(part.size());
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '+') {
      out.push_back(' ');
    } else if (part[i] != '%') {
      out.push_back(part[i]);
    } else {
      const int byte = DecodeEscape(part.substr(i));
      if (byte < 0) return Fail(ErrorCode::kInvalid, "a '%' is not followed by two hex digits");
      out.push_back(static_cast<char>(byte));
      i += 2;
    }
  }
  if (out.find('\0') != std::string::npos) return Fail(ErrorCode::kInvalid, "it holds a NUL");
  if (FirstInvalidUtf8(out) != out.size()) return Fail(ErrorCode::kInvalid, "it is not UTF-8");
  return out;
}

Result<void> CheckSegments(std::string_view path) {
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") {
      return Fail(ErrorCode::kInvalid, "the path holds a \".\" or \"..\" segment: resolve it before sending");
    }
    begin = end + 1;
  }
  return {};
}

}  // namespace

Result<std::vector<QueryParameter>> ParseQuery(std::string_view query) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (parameters.size() == kMaxParameters) return Fail(ErrorCode::kInvalid, "more than 100 query parameters");
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = DecodeQueryPart(pair.substr(0, equals));
    if (!name) return Fail(ErrorCode::kInvalid, "the name of a query parameter: " + name.error().message);
    auto value = DecodeQueryPart(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) return Fail(ErrorCode::kInvalid, "query parameter \"" + *name + "\": " + value.error().message);
    parameters.push_back({std::move(*name), std::move(*value)});
  }
  return parameters;
}

Result<void> DecodePath(std::string_view path, std::string& out) {
  if (path.empty() || path[0] != '/') return Fail(ErrorCode::kInvalid, "the path does not begin with '/'");
  if (!detail::AllOf(path, detail::kPathChar)) {
    return Fail(ErrorCode::kInvalid, "the path holds a character that must be percent-encoded");
  }
  const size_t start = out.size();
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out.push_back(path[i]);
      continue;
    }
    const int byte = DecodeEscape(path.substr(i));
    if (byte < 0) return Fail(ErrorCode::kInvalid, "a '%' in the path is not followed by two hex digits");
    if (byte == 0) return Fail(ErrorCode::kInvalid, "the path holds %00");
    if (byte == '/') return Fail(ErrorCode::kInvalid, "the path holds %2F");
    out.push_back(static_cast<char>(byte));
    i += 2;
  }
  const std::string_view decoded = std::string_view(out).substr(start);
  if (FirstInvalidUtf8(decoded) != decoded.size()) return Fail(ErrorCode::kInvalid, "the path is not UTF-8");
  return CheckSegments(decoded);
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (detail::ClassesOf(c) & detail::kUnreserved) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace flyball::http
