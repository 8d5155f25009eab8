#include "pkg/service/api/front_reactor.h"

#include <algorithm>
#include <utility>

#include "pkg/base/ids.h"
#include "pkg/base/time_format.h"

namespace flyball::service::api {
namespace {

using admission::Cause;
using admission::QuotaDecision;
using admission::Verdict;
using spec::Criticality;
using telemetry::Attempt;
using telemetry::Shed;

constexpr nanoseconds kLeaseEvery = milliseconds(100);

}  // namespace

Front::Reactor::Reactor(Front& front, int index)
    : front_(front),
      index_(index),
      now_(front.parts_.clock.Now()),
      quotas_({.factor_floor = front.settings_.quota_floor}),
      ceiling_({.capacity_hint_rps = front.settings_.capacity_hint_rps, .holders_in_pod = front.settings_.reactors},
               now_),
      random_(RandomUint64()) {}

void Front::Reactor::Handle(http::Responder responder) {
  const http::Request& request = responder.request();
  const Endpoint& endpoint = front_.parts_.endpoints[request.endpoint()];
  if (endpoint.kind == Endpoint::Kind::kHealth || endpoint.kind == Endpoint::Kind::kReady) {
    return AnswerProbe(endpoint, std::move(responder));
  }
  now_ = front_.parts_.clock.Now();
  Passage passage{std::move(responder), &endpoint, front_.parts_.operations.Identify(request, index_)};
  const auto role = std::find(front_.roles_.begin(), front_.roles_.end(), passage.caller.role);
  if (role != front_.roles_.end()) passage.role = static_cast<int>(role - front_.roles_.begin());
  const bool retry = front_.IsRetry(passage, now_);
  front_.parts_.metrics.CountArrival(index_, static_cast<int>(request.endpoint()), passage.role, endpoint.criticality,
                                     retry ? Attempt::kRetry : Attempt::kFirst);
  if (passage.caller.kind == Caller::Kind::kRefused) return RefuseCredentials(std::move(passage));
  TakeQuotas(std::move(passage));
}

void Front::Reactor::Tick(SteadyTime now) {
  now_ = now;
  if (const bool up = front_.state_->health().up; up != store_up_) {
    store_up_ = up;
    quotas_.SetStoreUp(up, now, settled_);
  }
  quotas_.Tick(now, settled_);
  TakeSettled();
  SendQuotaRequests();
  if (now - last_lease_ >= kLeaseEvery) LeaseRate(now);
}

void Front::Reactor::OnRecord(const state::GovernorRecord& record, SteadyTime now) {
  ceiling_.OnRecord(record, now);
  quotas_.SetShares(std::max(1, record.ready) * front_.settings_.reactors);
}

std::vector<admission::QuotaLeaseRequest> Front::Reactor::TakeBack() {
  quotas_.ReturnAll();
  std::vector<admission::QuotaLeaseRequest> requests;
  quotas_.TakeRequests(requests);
  return requests;
}

void Front::Reactor::AnswerProbe(const Endpoint& endpoint, http::Responder responder) {
  const bool ok = endpoint.kind == Endpoint::Kind::kHealth || front_.ready_.load(std::memory_order_relaxed);
  if (!ok) {
    http::Response response = http::Problem(responder.request(), 503, "the pod is starting or draining");
    response.AddHeader("Retry-After", "1");
    return std::move(responder).Send(std::move(response));
  }
  http::Response response(200);
  response.SetFixedLines("Content-Type: application/json\r\nCache-Control: no-store\r\n");
  response.SetBody("", R"({"status":"ok"})");
  std::move(responder).Send(std::move(response));
}

void Front::Reactor::RefuseCredentials(Passage passage) {
  http::Response response = http::Problem(passage.request(), 401, Detail(Shed::kAuth));
  response.AddHeader("WWW-Authenticate", R"(Bearer realm="api", error="invalid_token")");
  response.set_tag(AnswerTag::Shed(Shed::kAuth, 0).bits());
  std::move(passage.responder).Send(std::move(response));
}

void Front::Reactor::TakeQuotas(Passage passage) {
  while (passage.next_limit < passage.endpoint->limits.size()) {
    const auto& rules = front_.rules_[static_cast<size_t>(passage.endpoint->limits[passage.next_limit])];
    const admission::QuotaRule& rule = rules[static_cast<size_t>(passage.role)];
    if (rule.quota <= 0) {
      ++passage.next_limit;
      continue;
    }
    const uint64_t ticket = next_ticket_++;
    const QuotaDecision decision = quotas_.Decide(
        rule, Principal(passage, rule), front_.quota_factor_.load(std::memory_order_relaxed), 1, ticket, now_);
    if (decision.verdict == Verdict::kWait) {
      parked_.emplace(ticket, std::move(passage));
      return FlushSoon();
    }
    if (!OnDecision(passage, rule, decision)) return;
  }
  Enter(std::move(passage));
}

bool Front::Reactor::OnDecision(Passage& passage, const admission::QuotaRule& rule, const QuotaDecision& decision) {
  if (passage.quota.limit.empty() || decision.remaining < passage.quota.remaining) {
    passage.quota = {rule.limit, decision.limit, rule.window, decision.remaining, decision.reset};
  }
  ++passage.next_limit;
  if (decision.verdict == Verdict::kAllowed) return true;
  const bool ours = decision.cause == Cause::kStoreDown;  // closed while its counters cannot be read
  const Shed shed = decision.cause == Cause::kAdaptive ? Shed::kAdaptive : Shed::kQuota;
  const std::string detail = ours ? "the limit '" + rule.limit + "' cannot be checked now"
                                  : "the limit '" + rule.limit + "' " + std::string(Detail(shed)) + "; it is " +
                                        std::to_string(decision.limit) + " requests in " + FormatDuration(rule.window);
  http::Response response = RefusalOf(passage, ours ? 503 : 429, shed, decision.retry_after, random_(), detail);
  AddLimitHeaders(passage.quota, response);
  std::move(passage.responder).Send(std::move(response));
  return false;
}

std::string_view Front::Reactor::Principal(const Passage& passage, const admission::QuotaRule& rule) {
  const spec::Limit& limit = front_.parts_.app.limits[rule.id / front_.roles_.size()];
  if (limit.by != spec::Limit::By::kIp && passage.caller.kind == Caller::Kind::kAccount) return passage.caller.id;
  principal_ = passage.request().client().ToString();
  return principal_;
}

void Front::Reactor::Enter(Passage passage) {
  const Criticality criticality = passage.endpoint->criticality;
  if (front_.settings_.limits_enforced) {
    if (!ceiling_.Admit(criticality, now_)) {
      return RefuseCapacity(std::move(passage), Shed::kCeiling, ceiling_.RetryAfter(criticality, now_));
    }
    if (!front_.Admit(criticality)) {
      return RefuseCapacity(std::move(passage), Shed::kConcurrency, std::chrono::seconds(1));
    }
  } else {
    front_.concurrency_.in_flight.fetch_add(1, std::memory_order_relaxed);
  }
  Permit permit(front_.concurrency_.in_flight);
  front_.executor_->Submit(
      MakeRequestJob(front_.parts_.operations, *front_.server_, std::move(passage), std::move(permit)));
}

void Front::Reactor::RefuseCapacity(Passage passage, Shed shed, nanoseconds wait) {
  http::Response response = CapacityRefusal(passage, shed, wait, random_(), *front_.server_);
  std::move(passage.responder).Send(std::move(response));
}

void Front::Reactor::FlushSoon() {
  if (flush_posted_) return;
  flush_posted_ = front_.server_->Post(index_, [this] {
    flush_posted_ = false;
    SendQuotaRequests();
  });
}

void Front::Reactor::SendQuotaRequests() {
  std::vector<admission::QuotaLeaseRequest> requests;
  quotas_.TakeRequests(requests);
  if (requests.empty()) return;
  std::vector<uint64_t> handles;
  handles.reserve(requests.size());
  for (const auto& request : requests) handles.push_back(request.handle);
  const bool sent = front_.state_->LeaseQuota(
      std::move(requests), [this, handles](std::vector<Result<admission::QuotaLease>> leases) {
        front_.server_->Post(index_, [this, handles, leases = std::move(leases)] { OnLeases(handles, leases); });
      });
  if (!sent) OnLeases(handles, {});
}

void Front::Reactor::OnLeases(const std::vector<uint64_t>& handles,
                              const std::vector<Result<admission::QuotaLease>>& leases) {
  now_ = front_.parts_.clock.Now();
  for (size_t i = 0; i < handles.size(); ++i) {
    if (handles[i] == 0) continue;
    if (i < leases.size() && leases[i]) {
      quotas_.OnLease(handles[i], *leases[i], now_, settled_);
    } else {
      quotas_.OnLeaseFailed(handles[i], now_, settled_);
    }
  }
  TakeSettled();
}

void Front::Reactor::TakeSettled() {
  while (!settled_.empty()) {
    const auto settled = std::exchange(settled_, {});
    for (const auto& [ticket, decision] : settled) {
      auto node = parked_.extract(ticket);
      if (node.empty()) continue;
      Passage passage = std::move(node.mapped());
      const auto& rules = front_.rules_[static_cast<size_t>(passage.endpoint->limits[passage.next_limit])];
      if (OnDecision(passage, rules[static_cast<size_t>(passage.role)], decision)) TakeQuotas(std::move(passage));
    }
  }
}

void Front::Reactor::LeaseRate(SteadyTime now) {
  last_lease_ = now;
  state::RateDemand demand{front_.settings_.pod + "/" + std::to_string(index_), ceiling_.TakeDemand(now)};
  // Not accepted or failed: the ceiling falls back by itself when its lease has run out.
  (void)front_.state_->LeaseRate(std::move(demand), [this](Result<state::RateLease> lease) {
    if (!lease) return;
    front_.server_->Post(index_, [this, lease = *lease] { ceiling_.OnLease(lease, front_.parts_.clock.Now()); });
  });
}

}  // namespace flyball::service::api
