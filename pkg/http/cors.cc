#include "pkg/http/cors.h"

#include <algorithm>
#include <charconv>

namespace flyball::http {
namespace {

// What scripts may read of an answer besides the fields every script may read.
constexpr std::string_view kExposed =
    "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Content-Range, Accept-Ranges";
// What scripts may send besides the fields every script may send.
constexpr std::string_view kAllowed =
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Range, If-Range, X-Request-Id, traceparent";

bool IsPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0 && text.front() != '0';
}

// As a browser serialises it (RFC 6454 section 6.1): no path, no default port, lower case.
bool IsOrigin(std::string_view text) {
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://")) return false;
  std::string_view host = text.substr(secure ? 8 : 7);
  const size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && !host.ends_with(']')) {
    const std::string_view port = host.substr(colon + 1);
    if (port.empty() || !IsPort(port) || port == (secure ? "443" : "80")) return false;
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') != host.ends_with(']')) return false;
  const bool v6 = host.starts_with('[');
  if (v6) host = host.substr(1, host.size() - 2);
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    return alnum || (v6 ? c == ':' : c == '-' || c == '.' || c == '_');
  });
}

}  // namespace

Result<void> CheckCors(const CorsOptions& options) {
  const auto wrong = [](std::string why) { return Fail(ErrorCode::kInvalid, std::move(why)); };
  for (const std::string& origin : options.origins) {
    if (origin == "*") {
      if (options.origins.size() > 1) return wrong("'*' stands for every origin, so it stands alone");
      if (options.credentials) return wrong("'*' and credentials exclude each other; name the origins");
    } else if (!IsOrigin(origin)) {
      return wrong(
          "'" + origin +
          "' is not an origin as browsers send it; write it like https://app.example.org: lower case, no path, "
          "no default port");
    }
    if (std::count(options.origins.begin(), options.origins.end(), origin) > 1) {
      return wrong("'" + origin + "' is named twice");
    }
  }
  return {};
}

std::string CorsLines(const CorsOptions& options, size_t index) {
  if (!options.enabled()) return "";
  const bool any = options.origins.front() == "*";
  std::string lines;
  if (!any) lines = "Vary: Origin\r\n";
  if (index >= options.origins.size()) return lines;
  lines.append("Access-Control-Allow-Origin: ").append(options.origins[index]).append("\r\n");
  if (options.credentials) lines += "Access-Control-Allow-Credentials: true\r\n";
  lines.append("Access-Control-Expose-Headers: ").append(kExposed).append("\r\n");
  return lines;
}

std::string PreflightLines(const CorsOptions& options, std::string_view allow) {
  std::string lines = "Access-Control-Allow-Methods: ";
  lines.append(allow).append("\r\nAccess-Control-Allow-Headers: ").append(kAllowed);
  lines.append("\r\nAccess-Control-Max-Age: ").append(std::to_string(options.max_age.count())).append("\r\n");
  return lines;
}

}  // namespace flyball::http
