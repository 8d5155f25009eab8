#include "pkg/state/shared_state.h"

#include <cmath>

namespace flyball::state {

Result<void> CheckRequest(const QuotaLeaseRequest& q) {
  for (double number : {q.rate, q.burst, q.nominal_rate, q.nominal_burst, q.back, q.debt, q.spent})
    if (!std::isfinite(number) || number < 0)
      return Fail(ErrorCode::kInvalid, "a quota lease of limit " + q.limit + ": its numbers must be finite and >= 0");
  if (q.need < 0 || q.want < q.need)
    return Fail(ErrorCode::kInvalid, "a quota lease of limit " + q.limit + ": expected 0 <= need <= want");
  return {};
}

}  // namespace flyball::state
