#include "pkg/http/cors.h"

#include <algorithm>

#include "pkg/base/net_syntax.h"

namespace flyball::http {
namespace {

// What scripts may read of an answer besides the fields every script may read.
constexpr std::string_view kExposed =
    "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Content-Range, Accept-Ranges";
// What scripts may send besides the fields every script may send.
constexpr std::string_view kAllowed =
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Range, If-Range, X-Request-Id, traceparent";

}  // namespace

Result<void> CheckCors(const CorsOptions& options) {
  const auto wrong = [](std::string why) { return Fail(ErrorCode::kInvalid, std::move(why)); };
  for (const std::string& origin : options.origins) {
    if (origin == "*") {
      if (options.origins.size() > 1) return wrong("'*' stands for every origin, so it stands alone");
      if (options.credentials) return wrong("'*' and credentials exclude each other; name the origins");
    } else if (!IsWebOrigin(origin)) {
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
