#include "pkg/http/detail/retry_budget.h"

#include <algorithm>
#include <string_view>

namespace flyball::http::detail {
namespace {

constexpr double kRounding = 1e-9;  // ten times a tenth is not quite one

}  // namespace

void RetryBudget::CountRequest() { saved_ = std::min(saved_ + share_, burst_); }

bool RetryBudget::TakeRetry() {
  if (saved_ < 1 - kRounding) return false;
  saved_ -= 1;
  return true;
}

bool MayRepeat(const ClientRequest& request) {
  constexpr std::string_view kIdempotent[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
  const auto* end = std::end(kIdempotent);
  return request.repeatable || std::find(std::begin(kIdempotent), end, request.method) != end;
}

bool IsWorthRepeating(const Result<ClientResponse>& outcome) {
  if (!outcome) return outcome.error().code == ErrorCode::kUnavailable;
  return outcome->status == 429 || (outcome->status >= 502 && outcome->status <= 504);
}

milliseconds RetryWait(const RetryPolicy& policy, int attempt, milliseconds retry_after, Random& random) {
  const double doubled =
      static_cast<double>(policy.first_wait.count()) * static_cast<double>(uint64_t{1} << std::min(attempt - 1, 30));
  const double longest = std::min(doubled, static_cast<double>(policy.longest_wait.count()));
  return std::max(milliseconds(static_cast<int64_t>(random.Uniform() * longest)), retry_after);
}

}  // namespace flyball::http::detail
