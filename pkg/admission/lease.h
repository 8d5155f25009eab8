// What pods lease from the state they share. Declared here because the limits are what asks for it; the state room
// carries it (state/shared_state.h) and the service passes one to the other without looking inside.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/spec/app.h"

namespace flyball::admission {

using spec::Criticality;
inline constexpr size_t kCriticalities = 3;  // arrays are indexed by Index(criticality), most important first
using PerCriticality = std::array<double, kCriticalities>;
constexpr size_t Index(Criticality criticality) { return static_cast<size_t>(criticality); }

// Asks for tokens of one principal's bucket under one limit, and settles what was done without asking. The bucket of
// (limit, principal) is one for all pods; it starts full.
struct QuotaLeaseRequest {
  uint64_t handle = 0;  // of the asking table; not for the state
  std::string limit;    // the limit's name: no ':', '{' or '}'
  std::string principal;
  double rate = 0, burst = 0;                  // tokens a second, tokens: in force now (the factor applied)
  double nominal_rate = 0, nominal_burst = 0;  // as the document says
  int need = 0;                                // requests that wait for an answer
  int want = 0;      // the block asked for, >= need; given whole only while more than eight times as much is left
  double back = 0;   // tokens of an earlier lease that were not used
  double debt = 0;   // admitted while the state could not be asked
  double spent = 0;  // refused for the lowered factor only: they count in the nominal bucket
};

struct QuotaLease {
  int granted = 0;               // <= want; less than `need` only when the bucket is empty
  double remaining = 0;          // in the fleet's bucket afterwards
  double nominal_remaining = 0;  // in the bucket as it would be at factor 1, fed with every arrival
  nanoseconds retry_after{0};    // until the bucket holds a token again; zero when it does
};

// What one holder (a pod, or a reactor of a pod) saw arrive, in requests a second over the last 0.1 to 1 s, before the
// fleet's ceiling and behind quotas.
struct RateDemand {
  std::string holder;  // unique in the fleet: "<pod>/<reactor>"
  PerCriticality arrivals{};
};

// The part of the fleet's rate that the holder may admit until its next lease, in requests a second.
struct RateLease {
  bool published = false;  // false: there is no governor record now, the rest means nothing
  PerCriticality rates{};
  double spare = 0;  // what nobody asked for, in equal parts; any criticality may use it
};

// What the governor publishes for all pods. Lives `kRecordTtl` in the shared state.
struct GovernorRecord {
  uint64_t epoch = 0;      // of the leader: Lease transitions in a cluster, Unix ms at leader start on one machine
  uint64_t seq = 0;        // rises with every record of one epoch
  bool ceiling = true;     // false: no fleet ceiling, `rates` mean nothing
  PerCriticality rates{};  // fleet-wide, requests a second; their sum is the ceiling
  double quota_factor = 1;
  int ready = 0;                // Ready pods
  double mean_connections = 0;  // a Ready pod
  double capacity_per_pod = 0;  // c, requests a second; 0 = not known yet

  bool operator==(const GovernorRecord&) const = default;
};
inline constexpr seconds kRecordTtl{10};

}  // namespace flyball::admission
