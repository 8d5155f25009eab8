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
constexpr double kCpuGain = 0.2;
constexpr double kCpuJump = 0.25;
constexpr double kShareRise = 1.05;  // at most, a tick
constexpr double kShedCost = 0.15;   // what refusing costs, as a share of answering

// Service seconds per completed request: cache hits are answered without a worker and make it cheaper.
// With few requests what a pod does anyway (timers, scrapes, leases) counts as theirs, and a mix that turns cheap
// leaves old CPU time over a small price: more than twice the price is never the requests' own.
constexpr double kMaxCpuFactor = 2;

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
  ObserveThreads(newest.CompletedCount() < kMinThreadCount ? rates : newest);
  LearnCpuShare(rates, queueing);
}

void Prices::ObserveThreads(const FleetTick& rates) {
  if (rates.CompletedCount() < kMinCount) return;
  const double handled = rates.total.Completed() + kShedCost * rates.total.Shed();
  reactor_ = rates.reactor_busy / handled;
  const double cpu = rates.cpu / handled;
  const double executor_cpu = std::max(0.0, rates.cpu - rates.reactor_busy) / handled;
  const double off = cpu_ > 0 ? cpu / cpu_ - 1 : 1;
  cpu_off_ticks_ = off > kCpuJump    ? std::max(cpu_off_ticks_, 0) + 1
                   : off < -kCpuJump ? std::min(cpu_off_ticks_, 0) - 1
                                     : 0;
  const double gain = cpu_ == 0 || std::abs(cpu_off_ticks_) >= 2 ? 1 : kCpuGain;
  cpu_ += gain * (cpu - cpu_);
  executor_cpu_ += gain * (executor_cpu - executor_cpu_);
}

// Over the same ticks as mean_, so that a change of the mix moves both.
void Prices::LearnCpuShare(const FleetTick& rates, bool queueing) {
  if (mean_ <= 0 || rates.CompletedCount() < kMinCount) return;
  const double handled = rates.total.Completed() + kShedCost * rates.total.Shed();
  const double share = std::max(0.0, rates.cpu - rates.reactor_busy) / handled / mean_;
  if (cpu_share_ < 0) {
    cpu_share_ = share;
  } else if (share < cpu_share_) {
    cpu_share_ += kFallGain * (share - cpu_share_);
  } else if (!queueing) {
    cpu_share_ = std::min(share, cpu_share_ * kShareRise + 1e-3);
  }
}

// CPU time beyond the usual share of the price occupies a worker on top of it: 1 + extra / S0.
double Prices::CpuFactor() const {
  if (mean_ <= 0 || cpu_share_ < 0) return 1;
  return std::min(kMaxCpuFactor, 1 + std::max(0.0, executor_cpu_ / mean_ - std::min(cpu_share_, 1.0)));
}

double Prices::Work(const FleetTick& rates) const { return PlainWork(rates) * CpuFactor(); }

double Prices::PlainWork(const FleetTick& rates) const {
  double work = 0;
  for (size_t id = 0; id < rates.cells.size(); ++id) {
    const double s0 = id < s0_.size() && s0_[id] > 0 ? s0_[id] : mean_;
    work += rates.cells[id].Demand() * s0;
  }
  return work;
}

double Prices::ObservedWork(const FleetTick& rates) const {
  double work = 0;
  const double mean = Observed(rates.total);
  for (const Cell& cell : rates.cells) {
    const double observed = cell.Completed() * rates.seconds < kMinCount ? mean : Observed(cell);
    work += cell.Demand() * observed;
  }
  return work;
}

void Prices::AcceptObserved(const FleetTick& rates) {
  const double before = PlainWork(rates);
  for (size_t id = 0; id < rates.cells.size() && id < s0_.size(); ++id) {
    if (rates.cells[id].Completed() * rates.seconds >= kMinCount) {
      s0_[id] = std::max(s0_[id], Observed(rates.cells[id]));
    }
  }
  // The mean and the CPU share go with it; otherwise CPU time would be added to a price that holds it already.
  const double after = before > 0 && mean_ > 0 ? PlainWork(rates) / before : 1;
  mean_ *= after;
  cpu_share_ = executor_cpu_ / mean_;
}

}  // namespace flyball::scaling
