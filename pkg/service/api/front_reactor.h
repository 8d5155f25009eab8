// The reactor half of the front: what one reactor thread owns. Private to front.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pkg/admission/fleet_ceiling.h"
#include "pkg/admission/quota_table.h"
#include "pkg/base/random.h"
#include "pkg/service/api/front.h"
#include "pkg/service/api/passage.h"

namespace flyball::service::api {

// Used on its own reactor's thread alone, but for the constructor, and TakeBack after the server has stopped.
class Front::Reactor {
 public:
  // Borrows the front.
  Reactor(Front& front, int index);

  void Handle(http::Responder responder);
  void Tick(SteadyTime now);
  void OnRecord(const state::GovernorRecord& record, SteadyTime now);
  // What returns every leased token.
  std::vector<admission::QuotaLeaseRequest> TakeBack();

 private:
  void AnswerProbe(const Endpoint& endpoint, http::Responder responder);
  void RefuseCredentials(Passage passage);
  // Goes on with the limits of the endpoint from where the request stands.
  void TakeQuotas(Passage passage);
  // Takes in one limit's decision; false when the request was answered with a refusal.
  bool OnDecision(Passage& passage, const admission::QuotaRule& rule, const admission::QuotaDecision& decision);
  // Whose bucket it is: the account's, or the address's for those who have none and for limits by address.
  std::string_view Principal(const Passage& passage, const admission::QuotaRule& rule);
  // Behind the quotas: capacity.
  void Enter(Passage passage);
  void RefuseCapacity(Passage passage, telemetry::Shed shed, nanoseconds wait);

  // Requests to the shared state leave once a turn, not once a request.
  void FlushSoon();
  void SendQuotaRequests();
  // An empty `leases`: none was given.
  void OnLeases(const std::vector<uint64_t>& handles, const std::vector<Result<admission::QuotaLease>>& leases);
  // Requests that waited for tokens go on.
  void TakeSettled();
  void LeaseRate(SteadyTime now);

  Front& front_;
  const int index_;
  SteadyTime now_;  // of the request or turn at hand
  admission::QuotaTable quotas_;
  admission::FleetCeiling ceiling_;
  Random random_;
  std::unordered_map<uint64_t, Passage> parked_;
  uint64_t next_ticket_ = 1;
  std::vector<admission::Settled> settled_;
  std::string principal_;
  SteadyTime last_lease_{};
  bool flush_posted_ = false;
  bool store_up_ = true;
};

}  // namespace flyball::service::api
