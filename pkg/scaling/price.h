// What a request costs an executor worker when nothing is congested.
#pragma once

#include <vector>

#include "pkg/scaling/rates.h"

namespace flyball::scaling {

// Per endpoint S0, the service time without congestion, and for the fleet how much longer requests take because pods
// compute more for them. S0 falls fast and rises at most 1 % a tick, and only in ticks without queueing: under
// congestion every service time is long, and a price learnt then buys pods that cannot help (a shared database).
//
// CPU time only ever explains what was observed. Requests that take longer than S0 are the pods' own slowness as far as
// the CPU time spent on them grew too; that part is demand at once. So CPU that nobody waited for (timers, scrapes, an
// idle pod) adds nothing, a mix that turns to requests that compute more adds nothing, and no estimate from one moment
// is multiplied with the requests of another: work never exceeds what was used, scaled by what was asked for over what
// was served.
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
  // CPU seconds a second, and reactors' busy seconds a second, that the demand in `rates` asks for: those used in
  // `rates`, times the demand over what was handled (both by price; a refusal costs a little of an answer). Exactly
  // what was used when too few were answered to say.
  double CpuWork(const FleetTick& rates) const;
  double ReactorWork(const FleetTick& rates) const;
  bool known() const { return mean_ > 0; }
  // Scales every S0 to what is observed now: a probe showed that more pods do help.
  void AcceptObserved(const FleetTick& rates);

 private:
  double Price(const FleetTick& rates, size_t id) const;
  double PlainWork(const FleetTick& rates) const;  // by S0 alone
  double DemandOverHandled(const FleetTick& rates) const;
  void ObserveCell(size_t id, double observed, double count, bool queueing);
  double Excess(const FleetTick& tick, bool queueing);
  void LearnCpuShare(bool queueing);

  std::vector<double> s0_;  // by cell id; 0 = never served
  double mean_ = 0;         // S0 over the mix last completed
  double slowness_ = 0;     // requests take (1 + slowness_) S0, for the pods' own reasons
  int off_ticks_ = 0;       // in a row in which it was more than a quarter off, negative when below
  double intensity_ = 0;    // executor CPU seconds in a second of S0, last seen
  double cpu_share_ = -1;   // the same when nothing was wrong; < 0: not known
};

}  // namespace flyball::scaling
