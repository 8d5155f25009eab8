#include "pkg/http/detail/common_lines.h"

#include <algorithm>
#include <utility>

namespace flyball::http::detail {

CommonLines::CommonLines(const std::string& always, const std::string& when_secure, CorsOptions cors)
    : cors_(std::move(cors)) {
  for (size_t origin = 0; origin <= cors_.origins.size(); ++origin) {
    const std::string lines = CorsLines(cors_, origin);
    blocks_[0].push_back(always + lines);
    blocks_[1].push_back(always + when_secure + lines);
  }
}

std::string_view CommonLines::For(const Request& request) const {
  return blocks_[request.secure() ? 1 : 0][OriginOf(request)];
}

std::string CommonLines::Preflight(const Request& request, std::string_view allow) const {
  if (allow.empty() || request.Header("access-control-request-method").empty()) return "";
  return OriginOf(request) == cors_.origins.size() ? "" : PreflightLines(cors_, allow);
}

size_t CommonLines::OriginOf(const Request& request) const {
  if (!cors_.enabled()) return 0;
  const std::string_view origin = request.Header("origin");
  if (cors_.origins.front() == "*") return origin.empty() ? 1 : 0;
  return static_cast<size_t>(std::find(cors_.origins.begin(), cors_.origins.end(), origin) - cors_.origins.begin());
}

}  // namespace flyball::http::detail
