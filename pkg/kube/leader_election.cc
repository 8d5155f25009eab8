#include "pkg/kube/leader_election.h"

#include <algorithm>

#include "pkg/base/check.h"

namespace flyball::kube {

LeaderElection::LeaderElection(std::string identity, ElectionTimes times)
    : identity_(std::move(identity)), times_(times) {
  Check(!identity_.empty(), "an identity");
  Check(times.retry > nanoseconds(0) && times.retry < times.renew && times.renew < times.lease,
        "retry < renew < lease");
}

// The record of a holder that configured longer times than ours counts for as long as it says.
SteadyTime LeaderElection::ExpiresAt() const {
  return changed_ + std::max<nanoseconds>(times_.lease, seconds(observed_->record.duration_seconds));
}

LeaseRecord LeaderElection::Own(WallTime acquired, WallTime renewed, int64_t transitions) const {
  return {.holder = identity_,
          .duration_seconds = std::max<int64_t>(1, std::chrono::ceil<seconds>(times_.lease).count()),
          .acquired = acquired,
          .renewed = renewed,
          .transitions = transitions};
}

LeaderElection::Action LeaderElection::Acquire(WallTime wall) const {
  if (!observed_) return {.what = Do::kCreate, .record = Own(wall, wall, most_transitions_ + 1)};
  return {.what = Do::kUpdate,
          .record = Own(wall, wall, most_transitions_ + 1),
          .resource_version = observed_->resource_version};
}

LeaderElection::Action LeaderElection::Renew(WallTime wall) const {
  const auto transitions = static_cast<int64_t>(fence_.epoch) - 1;
  if (!observed_) return {.what = Do::kCreate, .record = Own(acquired_, wall, transitions)};
  return {.what = Do::kUpdate,
          .record = Own(acquired_, wall, transitions),
          .resource_version = observed_->resource_version};
}

LeaderElection::Action LeaderElection::Next(SteadyTime now, WallTime wall, double jitter) {
  jitter_ = jitter;
  if (fence_.epoch != 0 && now >= fence_.leads_until) fence_ = {};
  if (next_ && now < *next_) {
    const bool ends_first = fence_.epoch != 0 && fence_.leads_until < *next_;
    return {.what = Do::kWait, .at = ends_first ? fence_.leads_until : *next_};
  }
  if (!known_) return {.what = Do::kRead};
  if (fence_.epoch != 0) return Renew(wall);
  const bool others = observed_ && !observed_->record.holder.empty() && observed_->record.holder != identity_;
  if (!others || now >= ExpiresAt()) return Acquire(wall);
  // Looked at again soon, and tried at the very moment at which it is free: its resourceVersion tells whether it still
  // is.
  const auto poll = std::chrono::duration_cast<nanoseconds>(times_.retry * (0.75 + 0.2 * jitter));
  known_ = ExpiresAt() <= now + poll;
  next_ = std::min(now + poll, ExpiresAt());
  return {.what = Do::kWait, .at = *next_};
}

void LeaderElection::Observe(SteadyTime now, const ObservedLease& lease) {
  const bool same =
      observed_ && observed_->record == lease.record && observed_->resource_version == lease.resource_version;
  if (!same) changed_ = now;
  observed_ = lease;
  most_transitions_ = std::max(most_transitions_, lease.record.transitions);
  known_ = true;
}

void LeaderElection::OnRead(SteadyTime now, const std::optional<ObservedLease>& lease) {
  next_.reset();
  if (!lease) {
    observed_.reset();
    known_ = true;
    return;
  }
  Observe(now, *lease);
  if (lease->record.holder != identity_) fence_ = {};
}

void LeaderElection::OnWritten(SteadyTime sent, const ObservedLease& lease) {
  Observe(sent, lease);
  if (fence_.epoch == 0) acquired_ = lease.record.acquired;
  fence_ = {.epoch = static_cast<uint64_t>(lease.record.transitions) + 1, .leads_until = sent + times_.renew};
  next_ = sent + times_.retry;
}

void LeaderElection::OnFailed(SteadyTime now) {
  known_ = false;
  next_ = now + std::chrono::duration_cast<nanoseconds>(times_.retry * (0.75 + 0.2 * jitter_));
}

std::optional<LeaderElection::Action> LeaderElection::Release(SteadyTime now, WallTime wall) {
  const bool held = leading(now) && observed_.has_value();
  fence_ = {};
  known_ = false;
  if (!held) return std::nullopt;
  Action action{.what = Do::kUpdate, .record = observed_->record, .resource_version = observed_->resource_version};
  action.record.holder.clear();
  action.record.duration_seconds = 1;
  action.record.renewed = wall;
  return action;
}

}  // namespace flyball::kube
