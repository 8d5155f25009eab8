#include "pkg/scaling/probe.h"

#include <algorithm>

namespace flyball::scaling {
namespace {

constexpr double kSlow = 1.25, kWell = 1.15;  // observed price over price
constexpr int kSlowTicks = 3, kWellTicks = 5;
constexpr milliseconds kSettle = std::chrono::seconds(10), kVerdict = std::chrono::seconds(30);
constexpr milliseconds kFirstWait = std::chrono::seconds(60), kLongestWait = std::chrono::minutes(30);
constexpr double kKneeGrowth = 1.1;  // a tick, when nothing is slow any more; less the nearer to kWell

}  // namespace

std::string Probe::Name() const {
  if (state_ == State::kRunning) return "running";
  if (knee_rps_ > 0) return "shared-bottleneck";
  return state_ == State::kWaiting ? "waiting" : "";
}

// With the ceiling at the knee the shared thing recovers; then the ceiling feels its way up until it no longer matters.
void Probe::WatchKnee(const Tick& tick) {
  well_ticks_ = tick.observed_ratio < kWell ? well_ticks_ + 1 : 0;
  if (knee_rps_ == 0) return;
  if (well_ticks_ > 0 && tick.shedding) {
    const double ease = std::clamp((kWell - tick.observed_ratio) / (kWell - 1), 0.0, 1.0);
    knee_rps_ *= 1 + (kKneeGrowth - 1) * ease;
  }
  if (well_ticks_ >= kWellTicks && !tick.shedding) {
    knee_rps_ = 0;
    state_ = State::kIdle;
    wait_ = kFirstWait;
  }
}

Probe::Verdict Probe::Judge(const Tick& tick, SteadyTime now, milliseconds startup) {
  best_rps_ = std::max(best_rps_, tick.completed_rps);
  if (tick.ready > before_ready_ && tick.pending == 0 && settled_ == SteadyTime{}) settled_ = now;
  const bool settled = settled_ != SteadyTime{} && now - settled_ >= kSettle;
  const double grown = static_cast<double>(tick.ready) / std::max(before_ready_, 1);
  const double possible = std::min(grown, std::max(1.0, tick.demand_rps / std::max(before_rps_, 1e-9)));
  const bool followed = tick.completed_rps >= before_rps_ * (1 + 0.5 * (possible - 1)) && possible > 1.05;
  const bool well = tick.observed_ratio < kSlow && !tick.shedding;
  if (settled && (followed || well)) {
    state_ = State::kIdle;
    wait_ = kFirstWait;
    return Verdict::kHelped;
  }
  const milliseconds limit = tick.pending > 0 ? 3 * startup + kVerdict : startup + kVerdict;
  if (now - started_ < limit || (!settled && tick.pending == 0 && now - started_ < limit + kSettle)) {
    return Verdict::kNone;
  }
  state_ = State::kWaiting;
  retry_at_ = now + wait_;
  wait_ = std::min(2 * wait_, kLongestWait);
  knee_rps_ = std::max(best_rps_, 1e-9);
  return Verdict::kShared;
}

Probe::Verdict Probe::Step(const Tick& tick, SteadyTime now, milliseconds startup) {
  WatchKnee(tick);
  if (state_ == State::kRunning) return Judge(tick, now, startup);
  slow_ticks_ = tick.observed_ratio > kSlow && tick.congested ? slow_ticks_ + 1 : 0;
  if (state_ == State::kWaiting && now >= retry_at_) state_ = State::kIdle;
  const bool enough_by_price = tick.raw_by_price <= tick.ready && tick.pending == 0;
  if (state_ != State::kIdle || slow_ticks_ < kSlowTicks || !enough_by_price) return Verdict::kNone;
  target_ = std::min(tick.raw_by_observed, tick.max);
  if (target_ <= tick.ordered) return Verdict::kNone;
  state_ = State::kRunning;
  started_ = now;
  settled_ = SteadyTime{};
  before_ready_ = tick.ready;
  before_rps_ = best_rps_ = tick.completed_rps;
  return Verdict::kNone;
}

}  // namespace flyball::scaling
