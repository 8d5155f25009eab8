// What a request costs an executor worker when nothing is congested.
#pragma once

#include <vector>

#include "pkg/scaling/rates.h"

namespace flyball::scaling {

// Per endpoint S0, the service time without congestion, and for the fleet the CPU seconds of a request. S0 falls fast
// and rises at most 1 % a tick, and only in ticks without queueing: under congestion every service time is long, and a
// price learnt then buys pods that cannot help (a shared database). CPU time is not inflated by waiting, so it is
// followed both ways, and what goes beyond its usual share of S0 is added to the price; that is what notices pods that
// became slower.
class Prices {
 public:
  // One tick: the mean of the last ones for service times, the newest for CPU time, whose jumps must be seen soon.
  // `queueing`: requests waited or were shed, so service times may not raise S0.
  void Observe(const FleetTick& mean, const FleetTick& newest, bool queueing);

  // Busy worker-seconds a second that the demand in `rates` asks for, by price. Endpoints that were never served cost
  // the mean of the others.
  double Work(const FleetTick& rates) const;
  // The same by what was observed in the rate window, without memory.
  double ObservedWork(const FleetTick& rates) const;
  bool known() const { return mean_ > 0; }
  // CPU seconds a request, all endpoints together; 0 = not known.
  double cpu_seconds() const { return cpu_; }
  // Reactor busy seconds an arrival.
  double reactor_seconds() const { return reactor_; }
  // Scales every S0 to what is observed now: a probe showed that more pods do help.
  void AcceptObserved(const FleetTick& rates);

 private:
  void ObserveThreads(const FleetTick& rates);
  void LearnCpuShare(const FleetTick& rates, bool queueing);
  double PlainWork(const FleetTick& rates) const;  // by S0 alone
  void ObserveCell(size_t id, double observed, double count, bool queueing);
  double CpuFactor() const;

  std::vector<double> s0_;  // by cell id; 0 = never served
  double mean_ = 0;         // S0 over the mix last completed
  double cpu_ = 0, executor_cpu_ = 0, reactor_ = 0;
  double cpu_share_ = -1;  // CPU seconds of a second of S0 when nothing was wrong; < 0: not known
  int cpu_off_ticks_ = 0;  // in a row more than 25 % off, negative when below
};

}  // namespace flyball::scaling
