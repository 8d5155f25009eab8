// Service times rose and nobody can say why: are the pods slow, or something they share? Order once what the observed
// price asks, and see whether throughput follows.
#pragma once

#include <string>

#include "pkg/base/clock.h"

namespace flyball::scaling {

class Probe {
 public:
  struct Tick {
    double observed_ratio = 1;  // work by observed price / work by price
    bool congested = false;     // workers busy or requests shed
    int ordered = 0, pending = 0, ready = 0;
    int raw_by_price = 0, raw_by_observed = 0, max = 0;
    double completed_rps = 0, demand_rps = 0;
    bool shedding = false;
  };
  enum class Verdict { kNone, kHelped, kShared };

  // One tick; returns a verdict in the tick in which it is reached. `startup` is D.
  Verdict Step(const Tick& tick, SteadyTime now, milliseconds startup);

  // Replicas the running probe asks for; 0 = none is running.
  int replicas() const { return state_ == State::kRunning ? target_ : 0; }
  bool shared_bottleneck() const { return knee_rps_ > 0; }
  double knee_rps() const { return knee_rps_; }  // 0 = no shared bottleneck known
  std::string Name() const;                      // "", "running", "waiting", "shared-bottleneck"

 private:
  enum class State { kIdle, kRunning, kWaiting };
  Verdict Judge(const Tick& tick, SteadyTime now, milliseconds startup);
  void WatchKnee(const Tick& tick);

  State state_ = State::kIdle;
  int slow_ticks_ = 0, well_ticks_ = 0;
  int target_ = 0, before_ready_ = 0;
  double before_rps_ = 0, best_rps_ = 0;
  SteadyTime started_{}, settled_{}, retry_at_{};
  milliseconds wait_{std::chrono::seconds(60)};
  double knee_rps_ = 0;
};

}  // namespace flyball::scaling
