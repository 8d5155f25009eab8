#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/admission/quota_table.h"
#include "pkg/base/clock.h"
#include "pkg/http/response.h"

namespace flyball::service::api {

// The nearest quota of a request, as its answer tells it. The one place that knows the IETF draft's syntax
// (draft-ietf-httpapi-ratelimit-headers-08: `RateLimit-Policy: "api";q=100;w=900` and `RateLimit: "api";r=99;t=12`).
struct QuotaState {
  std::string_view limit;  // its name; empty = no quota applied. Lives as long as the app
  int64_t quota = 0;       // tokens
  milliseconds window{0};
  int64_t remaining = 0;
  nanoseconds reset{0};
};
void AddLimitHeaders(const QuotaState& state, http::Response& response);

// Whole seconds, at least 1, with up to a quarter more (at least one second's choice of two) drawn from `random`, so
// that those who were refused together do not come back together.
int64_t RetryAfterSeconds(nanoseconds wait, uint64_t random);

}  // namespace flyball::service::api
