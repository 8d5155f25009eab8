#include "pkg/state/testing/ask.h"

#include <future>
#include <memory>
#include <thread>

#include "pkg/base/check.h"

namespace flyball::state::testing {
namespace {

template <typename T>
T Await(const std::function<bool(std::function<void(T)>)>& ask) {
  auto promise = std::make_shared<std::promise<T>>();
  auto answer = promise->get_future();
  Check(ask([promise](T value) { promise->set_value(std::move(value)); }), "the shared state accepts");
  Check(answer.wait_for(seconds(60)) == std::future_status::ready, "the shared state answers");
  return answer.get();
}

}  // namespace

std::vector<Result<QuotaLease>> LeaseAll(SharedState& state, std::vector<QuotaLeaseRequest> requests) {
  return Await<std::vector<Result<QuotaLease>>>(
      [&](auto done) { return state.LeaseQuota(std::move(requests), std::move(done)); });
}

Result<QuotaLease> Lease(SharedState& state, const QuotaLeaseRequest& request) {
  return LeaseAll(state, {request}).at(0);
}

Result<RateLease> Rate(SharedState& state, const std::string& holder, admission::PerCriticality arrivals) {
  return Await<Result<RateLease>>([&](auto done) { return state.LeaseRate({holder, arrivals}, std::move(done)); });
}

Result<void> Publish(SharedState& state, const GovernorRecord& record) {
  return Await<Result<void>>([&](auto done) { return state.Publish(record, std::move(done)); });
}

Result<GovernorReading> Read(SharedState& state) {
  return Await<Result<GovernorReading>>([&](auto done) { return state.ReadRecord(std::move(done)); });
}

bool Eventually(const std::function<bool()>& condition, milliseconds limit) {
  const auto give_up = RealClock().Now() + limit;
  while (!condition()) {
    if (RealClock().Now() > give_up) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

QuotaLeaseRequest Tokens(const std::string& principal, double rate, double burst, int need, int want) {
  QuotaLeaseRequest q;
  q.limit = "api";
  q.principal = principal;
  q.rate = q.nominal_rate = rate;
  q.burst = q.nominal_burst = burst;
  q.need = need;
  q.want = want;
  return q;
}

GovernorRecord Record(uint64_t epoch, uint64_t seq, admission::PerCriticality rates) {
  GovernorRecord record;
  record.epoch = epoch;
  record.seq = seq;
  record.rates = rates;
  record.quota_factor = 0.625;
  record.ready = 3;
  record.mean_connections = 21.5;
  record.capacity_per_pod = 387.25;
  return record;
}

}  // namespace flyball::state::testing
