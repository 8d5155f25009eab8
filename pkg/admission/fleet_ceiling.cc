#include "pkg/admission/fleet_ceiling.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flyball::admission {
namespace {

constexpr double kBurstSeconds = 0.2;
constexpr double kDemandSeconds = 0.3;
constexpr double kStaticMargin = 1.1;
// What of a static share's burst a criticality must leave.
constexpr PerCriticality kReserve{0, 0.1, 0.3};

double Burst(double rate) { return rate > 0 ? std::max(1.0, rate * kBurstSeconds) : 0; }

TokenBucket Empty(SteadyTime now) { return TokenBucket(0, 0, 0, now); }

}  // namespace

FleetCeiling::FleetCeiling(const Options& options, SteadyTime now)
    : options_(options),
      next_choice_(now),
      own_{Empty(now), Empty(now), Empty(now)},
      spare_(Empty(now)),
      demand_at_(now) {}

void FleetCeiling::SetBuckets(const PerCriticality& rates, double spare, SteadyTime now) {
  for (size_t k = 0; k < kCriticalities; ++k) own_[k].SetRate(rates[k], Burst(rates[k]), now);
  spare_.SetRate(spare, Burst(spare), now);
}

PerCriticality FleetCeiling::EqualPart() const {
  PerCriticality rates = record_->rates;
  for (double& rate : rates) rate /= std::max(1, record_->ready) * std::max(1, options_.holders_in_pod);
  return rates;
}

void FleetCeiling::Choose(SteadyTime now) {
  if (now < next_choice_) return;
  const Source before = source_;
  if (record_ && !record_->ceiling) {
    source_ = Source::kOff;
    next_choice_ = SteadyTime::max();
  } else if (leased_at_ && now < *leased_at_ + kLeaseLife) {
    source_ = Source::kLeased;  // OnLease has set the buckets
    next_choice_ = *leased_at_ + kLeaseLife;
  } else if (record_ && now < *confirmed_at_ + kHold) {
    source_ = Source::kHeld;
    next_choice_ = *confirmed_at_ + kHold;
    SetBuckets(EqualPart(), 0, now);
  } else {
    const double c = record_ && record_->capacity_per_pod > 0 ? kStaticMargin * record_->capacity_per_pod
                                                              : options_.capacity_hint_rps;
    source_ = c > 0 ? Source::kStatic : Source::kOff;
    next_choice_ = SteadyTime::max();
    SetBuckets({}, c / std::max(1, options_.holders_in_pod), now);
  }
  // A pod's first rate starts with its burst: there was nothing to save it from.
  if (before == Source::kOff && source_ != Source::kOff) {
    for (TokenBucket& bucket : own_) bucket.Put(bucket.burst(), now);
    spare_.Put(spare_.burst(), now);
  }
}

void FleetCeiling::OnLease(const RateLease& lease, SteadyTime now) {
  if (!lease.published) return;
  leased_at_ = now;
  if (record_) confirmed_at_ = now;
  PerCriticality rates = lease.rates;
  if (record_) {
    double missing = -lease.spare;  // to the equal part
    const PerCriticality part = EqualPart();
    for (size_t k = 0; k < kCriticalities; ++k) missing += part[k] - rates[k];
    rates[Index(Criticality::kNormal)] += std::max(0.0, missing);
  }
  SetBuckets(rates, lease.spare, now);
  next_choice_ = now;
  Choose(now);
}

void FleetCeiling::OnRecord(const GovernorRecord& record, SteadyTime now) {
  if (record_ && std::pair(record.epoch, record.seq) < std::pair(record_->epoch, record_->seq)) return;
  record_ = record;
  confirmed_at_ = now;
  next_choice_ = now;
  Choose(now);
}

bool FleetCeiling::Admit(Criticality criticality, SteadyTime now) {
  const size_t k = Index(criticality);
  arrived_[k] += 1;
  Choose(now);
  if (source_ == Source::kOff) return true;
  if (source_ == Source::kStatic) return spare_.Take(1, now, kReserve[k] * std::max(0.0, spare_.burst() - 1));
  if (own_[k].Take(1, now) || spare_.Take(1, now)) return true;
  return criticality == Criticality::kCritical &&
         (own_[Index(Criticality::kSheddable)].Take(1, now) || own_[Index(Criticality::kNormal)].Take(1, now));
}

nanoseconds FleetCeiling::RetryAfter(Criticality criticality, SteadyTime now) {
  constexpr nanoseconds kLeast = milliseconds(100), kMost = seconds(10);
  const nanoseconds wait = std::min(own_[Index(criticality)].Until(1, now), spare_.Until(1, now));
  return std::clamp(wait, kLeast, kMost);
}

PerCriticality FleetCeiling::TakeDemand(SteadyTime now) {
  const double elapsed = ToSeconds(now - demand_at_);
  if (elapsed <= 0) return demand_;
  const double gain = 1 - std::exp(-elapsed / kDemandSeconds);
  for (size_t k = 0; k < kCriticalities; ++k) demand_[k] += gain * (arrived_[k] / elapsed - demand_[k]);
  arrived_ = {};
  demand_at_ = now;
  return demand_;
}

FleetCeiling::Source FleetCeiling::source(SteadyTime now) {
  Choose(now);
  return source_;
}

double FleetCeiling::Rate(SteadyTime now) {
  Choose(now);
  if (source_ == Source::kOff) return std::numeric_limits<double>::infinity();
  double rate = spare_.rate();
  for (const TokenBucket& bucket : own_) rate += bucket.rate();
  return rate;
}

}  // namespace flyball::admission
