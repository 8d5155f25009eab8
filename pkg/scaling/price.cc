#include "pkg/scaling/price.h"

#include <algorithm>
#include <cmath>

namespace flyball::scaling {
namespace {

constexpr double kRise = 1.01;  // at most, a tick
constexpr double kFallGain = 0.5;
constexpr double kDriftGain = 0.02;
constexpr double kMinCount = 5;         // completions in the window below which nothing is learnt
constexpr double kMinThreadCount = 50;  // completions in one tick for CPU time to be told from it alone
constexpr double kMinBusy = 0.2;        // of the workers, below which CPU time says nothing about requests
constexpr double kSlownessGain = 0.2;
constexpr double kSlownessJump = 0.25;
constexpr double kShareRise = 1.05;  // at most, a tick
constexpr double kShedCost = 0.15;   // what refusing costs, as a share of answering

// Service seconds per completed request: cache hits are answered without a worker and make it cheaper.
double Observed(const Cell& cell) {
  const double count = std::max(cell.Completed(), cell[Cell::kServiceCount]);
  return count > 0 ? cell[Cell::kServiceSeconds] / count : 0;
}

}  // namespace

void Prices::ObserveCell(size_t id, double observed, double count, bool queueing) {
  double& s0 = s0_[id];
  if (s0 == 0) {
    s0 = observed;
    return;
  }
  // One standard error of a mean of exponential times: noise alone should neither lower nor raise the price.
  const double noise = 1 / std::sqrt(count);
  if (observed * (1 + noise) < s0) {
    s0 += kFallGain * (observed * (1 + noise) - s0);
  } else if (!queueing) {  // under queueing slow is not the request's price
    const double aim = observed * (1 - noise) > s0 ? observed : s0 + kDriftGain * (observed - s0);
    s0 = std::min(aim, s0 * kRise);
  }
}

void Prices::Observe(const FleetTick& rates, const FleetTick& newest, bool queueing) {
  if (s0_.size() < rates.cells.size()) s0_.resize(rates.cells.size(), 0);
  double work = 0, completed = 0;
  for (size_t id = 0; id < rates.cells.size(); ++id) {
    const Cell& cell = rates.cells[id];
    const double count = cell.Completed() * rates.seconds;
    if (count < kMinCount) continue;
    ObserveCell(id, Observed(cell), count, queueing);
    work += s0_[id] * cell.Completed();
    completed += cell.Completed();
  }
  if (completed > 0) mean_ = work / completed;

  const double excess = Excess(newest.CompletedCount() < kMinThreadCount ? rates : newest, queueing);
  const double off = (1 + excess) / (1 + slowness_) - 1;
  off_ticks_ = off > kSlownessJump    ? std::max(off_ticks_, 0) + 1
               : off < -kSlownessJump ? std::min(off_ticks_, 0) - 1
                                      : 0;
  slowness_ += (std::abs(off_ticks_) >= 2 ? 1 : kSlownessGain) * (excess - slowness_);
}

// How much longer than S0 the requests of this tick took because of the pods themselves: as far as their CPU time went
// beyond its usual share of S0 (beyond all of it, whatever the usual share), and never more than they were seen to
// take.
double Prices::Excess(const FleetTick& tick, bool queueing) {
  double served = 0, shed = 0;
  for (size_t id = 0; id < tick.cells.size(); ++id) {
    served += tick.cells[id].Completed() * Price(tick, id);
    shed += tick.cells[id].Shed() * Price(tick, id);
  }
  const double count = tick.CompletedCount();
  if (count < kMinCount || served <= 0 || tick.executor_busy < kMinBusy * tick.workers) return 0;
  intensity_ = std::max(0.0, tick.cpu - tick.reactor_busy) / (served + kShedCost * shed);
  LearnCpuShare(queueing);
  const double longer = std::max(0.0, tick.total[Cell::kServiceSeconds] / served - 1);
  const double excess = std::clamp(intensity_ - std::min(cpu_share_, 1.0), 0.0, longer);
  return excess > 2 / std::sqrt(count) ? excess : 0;
}

void Prices::LearnCpuShare(bool queueing) {
  if (cpu_share_ < 0) {
    cpu_share_ = intensity_;
  } else if (intensity_ < cpu_share_) {
    cpu_share_ += kFallGain * (intensity_ - cpu_share_);
  } else if (!queueing) {
    cpu_share_ = std::min(intensity_, cpu_share_ * kShareRise + 1e-3);
  }
}

double Prices::Price(const FleetTick& rates, size_t id) const {
  if (id < s0_.size() && s0_[id] > 0) return s0_[id];
  return rates.cells[id].Completed() > 0 ? Observed(rates.cells[id]) : mean_;
}

double Prices::Work(const FleetTick& rates) const { return PlainWork(rates) * (1 + slowness_); }

double Prices::PlainWork(const FleetTick& rates) const {
  double work = 0;
  for (size_t id = 0; id < rates.cells.size(); ++id) work += rates.cells[id].Demand() * Price(rates, id);
  return work;
}

double Prices::ObservedWork(const FleetTick& rates) const {
  double work = 0;
  for (size_t id = 0; id < rates.cells.size(); ++id) {
    const Cell& cell = rates.cells[id];
    const bool enough = cell.Completed() * rates.seconds >= kMinCount;
    work += cell.Demand() * (enough ? Observed(cell) : Price(rates, id));
  }
  return work;
}

double Prices::DemandOverHandled(const FleetTick& rates) const {
  const double count = rates.total.Completed() + kShedCost * rates.total.Shed();
  if (rates.CompletedCount() < kMinCount) return 1;
  const double each = rates.reactor_busy / count;  // what a request costs besides its worker's time
  double demand = 0, handled = 0;
  for (size_t id = 0; id < rates.cells.size(); ++id) {
    const Cell& cell = rates.cells[id];
    const double price = Price(rates, id) + each;
    demand += cell.Demand() * price;
    handled += (cell.Completed() + kShedCost * cell.Shed()) * price;
  }
  return handled > 0 ? demand / handled : 1;
}

double Prices::CpuWork(const FleetTick& rates) const { return rates.cpu * DemandOverHandled(rates); }

double Prices::ReactorWork(const FleetTick& rates) const { return rates.reactor_busy * DemandOverHandled(rates); }

void Prices::AcceptObserved(const FleetTick& rates) {
  const double before = PlainWork(rates);
  for (size_t id = 0; id < rates.cells.size() && id < s0_.size(); ++id) {
    if (rates.cells[id].Completed() * rates.seconds >= kMinCount) {
      s0_[id] = std::max(s0_[id], Observed(rates.cells[id]));
    }
  }
  // The mean and the CPU share go with it; otherwise CPU time would be added to a price that holds it already.
  const double grown = before > 0 ? PlainWork(rates) / before : 1;
  mean_ *= grown;
  intensity_ /= grown;
  cpu_share_ = intensity_;
  slowness_ = 0;
}

}  // namespace flyball::scaling
