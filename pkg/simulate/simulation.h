// A discrete-event simulation of a fleet behind a load balancer: integer microseconds, one seeded generator per
// component, so one seed gives one history (its hash says so). Pods run the product's own concurrency limit, executor
// queue and fleet ceiling; the autoscaler sees what a scrape would give.
#pragma once

#include <cstdint>
#include <vector>

#include "pkg/simulate/autoscaler.h"
#include "pkg/simulate/trace.h"

namespace flyball::simulate {

struct FleetOptions {
  int pods = 2;  // Ready at the start
  int workers = 8;
  milliseconds startup{std::chrono::seconds(10)};
  double startup_spread = 0.2;     // each takes this share less or more at most
  double service_seconds = 0.020;  // mean
  enum class Service { kExponential, kLognormal, kBimodal, kFixed } service = Service::kExponential;  // cv 1, 1.5, 1.67
  double cpu_share = 0.8;  // of the service time that is CPU time
  enum class Balancing { kRandom, kRoundRobin, kTwoChoices } balancing = Balancing::kRandom;
  double critical_share = 0.2, sheddable_share = 0.2;
  milliseconds slo{250};
  // > 0: what is not critical has an adaptive quota of this many requests a second over the fleet.
  double adaptive_quota_rps = 0;
  bool limiter = true;     // the pod's concurrency limit and bounded queue; without it pods queue without bound
  double crash_share = 0;  // of new pods that never become Ready
  double slow_share = 0;   // of new pods that are three times as slow
  uint64_t seed = 1;
};

struct Second {
  double offered = 0, good = 0;  // first attempts; good = 2xx within the objective
  double critical_offered = 0, critical_served = 0;
  int ordered = 0, ready = 0;  // at its end
};

struct Outcome {
  double pod_seconds = 0;    // from order to removal
  int violated_seconds = 0;  // < 95 % of first attempts offered got a 2xx within the objective
  double offered = 0, good = 0;
  double critical_offered = 0, critical_served = 0;  // first attempts
  uint64_t events = 0;
  uint64_t hash = 0;  // of every event in order
  std::vector<Second> seconds;

  double PodHours() const { return pod_seconds / 3600; }
};

inline constexpr SteadyTime kSimulationStart{std::chrono::hours(24)};

// Runs the whole trace. About a million events a second.
Outcome Simulate(const Trace& trace, const FleetOptions& options, Autoscaler& autoscaler);

}  // namespace flyball::simulate
