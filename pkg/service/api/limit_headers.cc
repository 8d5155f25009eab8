#include "pkg/service/api/limit_headers.h"

#include <algorithm>

namespace flyball::service::api {
namespace {

int64_t CeilSeconds(nanoseconds duration) {
  return std::max<int64_t>(0, std::chrono::ceil<std::chrono::seconds>(duration).count());
}

}  // namespace

void AddLimitHeaders(const QuotaState& state, http::Response& response) {
  if (state.limit.empty()) return;
  std::string text;
  text.reserve(48);
  const std::string name = "\"" + std::string(state.limit) + "\"";
  text.append(name).append(";q=").append(std::to_string(state.quota));
  text.append(";w=").append(std::to_string(CeilSeconds(state.window)));
  response.AddHeader("RateLimit-Policy", text);
  text.assign(name).append(";r=").append(std::to_string(state.remaining));
  text.append(";t=").append(std::to_string(CeilSeconds(state.reset)));
  response.AddHeader("RateLimit", text);
}

int64_t RetryAfterSeconds(nanoseconds wait, uint64_t random) {
  const int64_t base = std::clamp<int64_t>(CeilSeconds(wait), 1, 86'400);
  const int64_t spread = base / 4 + 1;
  return base + static_cast<int64_t>(random % static_cast<uint64_t>(spread + 1));
}

}  // namespace flyball::service::api
