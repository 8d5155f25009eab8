// A holder's part of the rate that the governor lets the fleet admit. One per reactor (or per pod); not thread-safe.
//
// Where the rate comes from, best first:
//   kLeased   a lease of the last second: what arrived here against what arrived everywhere decides the share
//   kHeld     no lease (shared state down, or the record expired): the last record's rates / Ready pods, for 30 s
//   kStatic   after that, or before there was any: 1.1 * the last capacity per pod, else the hint
//   kOff      neither is known, or the governor publishes no ceiling: only the pod's own concurrency limit binds
//
// A lease counts as no less in all than the equal part that kHeld would give; what is missing is for normal, from which
// critical may take. Demand that moves from one pod to another (a rollout hands all connections over at once) reaches
// the leases only after some tenths of a second, and the pod it moves to can carry its part. Until then the fleet may
// admit more than its rate, by what others lease beyond theirs.
//
// By criticality each class has its own bucket (0.2 s of its rate), then a spare one that all may use; critical may
// also take from sheddable's and then normal's. With a static share there is one bucket for all, in which normal leaves
// the last tenth and sheddable the last three tenths to those above.
#pragma once

#include <array>
#include <optional>

#include "pkg/admission/lease.h"
#include "pkg/admission/token_bucket.h"
#include "pkg/base/clock.h"

namespace flyball::admission {

class FleetCeiling {
 public:
  struct Options {
    double capacity_hint_rps = 0;  // of a pod; 0 = none
    int holders_in_pod = 1;        // what a pod's share is divided by when it is not leased
  };
  enum class Source : uint8_t { kLeased, kHeld, kStatic, kOff };

  static constexpr milliseconds kLeaseLife{1000};
  static constexpr seconds kHold{30};

  FleetCeiling(const Options& options, SteadyTime now);

  // Counts an arrival and says whether the ceiling lets it pass. < 100 ns.
  bool Admit(Criticality criticality, SteadyTime now);
  // Until a request of this criticality may pass, as the buckets are now; at least 100 ms, at most 10 s.
  nanoseconds RetryAfter(Criticality criticality, SteadyTime now);

  // What arrived since the last call, as an exponential mean over about 0.3 s, in requests a second. Call it every
  // 100 ms and lease with it.
  PerCriticality TakeDemand(SteadyTime now);

  void OnLease(const RateLease& lease, SteadyTime now);
  // The record as read at `now`. One of an older epoch, or of the same epoch and an older seq, is ignored.
  void OnRecord(const GovernorRecord& record, SteadyTime now);

  // Moves between the sources as time passes; Admit does it too.
  Source source(SteadyTime now);
  // What it may admit now in all, requests a second; infinite when off.
  double Rate(SteadyTime now);

 private:
  void Choose(SteadyTime now);
  void SetBuckets(const PerCriticality& rates, double spare, SteadyTime now);
  PerCriticality EqualPart() const;  // of record_, which there is

  Options options_;
  Source source_ = Source::kOff;
  std::optional<GovernorRecord> record_;
  std::optional<SteadyTime> leased_at_, confirmed_at_;
  SteadyTime next_choice_;
  std::array<TokenBucket, kCriticalities> own_;
  TokenBucket spare_;
  PerCriticality arrived_{}, demand_{};
  SteadyTime demand_at_;
};

}  // namespace flyball::admission
