// Who of several processes leads, by a coordination.k8s.io/v1 Lease: the rules alone, pure. leader_elector.h talks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pkg/base/clock.h"

namespace flyball::kube {

struct ElectionTimes {
  nanoseconds lease = seconds(15);  // a record that was not seen to change for so long has no holder
  nanoseconds renew = seconds(10);  // a leader that did not renew for so long stops leading; < lease
  nanoseconds retry = seconds(2);   // between renewals; candidates look after 75 to 95 % of it; < renew
};

// spec of the Lease.
struct LeaseRecord {
  std::string holder{};  // empty: given back
  int64_t duration_seconds = 0;
  WallTime acquired{}, renewed{};  // what people read; never compared with a clock
  int64_t transitions = 0;

  bool operator==(const LeaseRecord&) const = default;
};

struct ObservedLease {
  LeaseRecord record{};
  std::string resource_version{};
};

// May a write be made now? Between asking and the server's doing lies at most what `remaining` says: give it to the
// write as its timeout. A value; asks no clock of its own.
struct Fence {
  uint64_t epoch = 0;        // of the leadership: later leaders have larger ones
  SteadyTime leads_until{};  // not from then on

  bool MayWrite(SteadyTime now) const { return epoch != 0 && now < leads_until; }
  nanoseconds Remaining(SteadyTime now) const { return MayWrite(now) ? leads_until - now : nanoseconds(0); }
};

// Observations in, at most one thing to do out. Time passes only by `now` (steady): a machine whose clock is wrong, or
// that slept, decides right. The record's times are never compared with a clock: a holder counts as alive as long as
// its record was seen to change within `lease` (client-go's rule).
class LeaderElection {
 public:
  // `identity` must be this process's alone: two incarnations of one pod are two.
  LeaderElection(std::string identity, ElectionTimes times);

  enum class Do {
    kWait,    // until `at`
    kRead,    // the Lease, then OnRead() or OnFailed()
    kCreate,  // `record`, then OnWritten() or OnFailed()
    kUpdate,  // the same over `resource_version`
  };
  struct Action {
    Do what = Do::kWait;
    SteadyTime at{};
    LeaseRecord record{};
    std::string resource_version{};
  };
  // What to do now. `jitter` in [0, 1) spreads the attempts of candidates. `wall` goes into the record's times.
  Action Next(SteadyTime now, WallTime wall, double jitter);

  // The Lease as read (none: 404); `now` is the time at which the answer was there.
  void OnRead(SteadyTime now, const std::optional<ObservedLease>& lease);
  // The write that Next() ordered succeeded; `sent` is the time before it was sent, from which leading counts.
  void OnWritten(SteadyTime sent, const ObservedLease& lease);
  // Reading or writing failed: refused (409), or with an outcome that is not known. The Lease is read next, after a
  // wait.
  void OnFailed(SteadyTime now);

  // Stops leading at once. What to write to give the lease back, when it is held: an update whose outcome does not
  // matter.
  std::optional<Action> Release(SteadyTime now, WallTime wall);

  bool leading(SteadyTime now) const { return fence_.MayWrite(now); }
  // Lease transitions + 1 of our leadership, so never 0.
  const Fence& fence() const { return fence_; }
  // Who holds it as far as is known; empty when nobody.
  const std::string& holder() const { return observed_ ? observed_->record.holder : nobody_; }
  const std::string& identity() const { return identity_; }

 private:
  SteadyTime ExpiresAt() const;  // of another holder's record, seen from here
  Action Acquire(WallTime wall) const;
  Action Renew(WallTime wall) const;
  LeaseRecord Own(WallTime acquired, WallTime renewed, int64_t transitions) const;
  void Observe(SteadyTime now, const ObservedLease& lease);

  const std::string identity_;
  const ElectionTimes times_;
  const std::string nobody_;
  std::optional<ObservedLease> observed_;  // as last seen; none: there is no Lease, or it was never read
  SteadyTime changed_{};                   // when observed_ was first seen as it is
  bool known_ = false;                     // the Lease was read or written since the last wait or failure
  int64_t most_transitions_ = -1;          // ever seen; a Lease that was deleted goes on from here
  std::optional<SteadyTime> next_;         // no attempt before
  double jitter_ = 0;
  WallTime acquired_{};  // of our leadership
  Fence fence_;
};

}  // namespace flyball::kube
