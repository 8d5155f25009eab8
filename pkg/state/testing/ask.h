// Asks a shared state and waits for the answer, for tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pkg/state/shared_state.h"

namespace flyball::state::testing {

// Each waits up to 60 s and aborts when no answer comes: an operation has to end.
std::vector<Result<QuotaLease>> LeaseAll(SharedState& state, std::vector<QuotaLeaseRequest> requests);
Result<QuotaLease> Lease(SharedState& state, const QuotaLeaseRequest& request);
Result<RateLease> Rate(SharedState& state, const std::string& holder, admission::PerCriticality arrivals);
Result<void> Publish(SharedState& state, const GovernorRecord& record);
Result<GovernorReading> Read(SharedState& state);

// Until the condition holds, at most `limit`; whether it did.
bool Eventually(const std::function<bool()>& condition, milliseconds limit = seconds(60));

// A request under limit "api" with the same terms now and nominally.
QuotaLeaseRequest Tokens(const std::string& principal, double rate, double burst, int need, int want);
GovernorRecord Record(uint64_t epoch, uint64_t seq, admission::PerCriticality rates = {10, 100, 20});

}  // namespace flyball::state::testing
