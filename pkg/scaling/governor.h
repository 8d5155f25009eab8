// The governor's brain: one object per governed target, called once a tick (spec.scrape, 2 s by default) with what was
// scraped, answering with a Decision. Pure: no clock, thread, socket or log; the same calls give the same decisions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/scaling/decision.h"
#include "pkg/scaling/sample.h"
#include "pkg/spec/governor.h"

namespace flyball::scaling {

struct PodView {
  std::string name;  // unique while it lives; a replaced pod has another one or another start time
  bool ready = false;
  bool terminating = false;  // on its way out: neither capacity nor pending
  SteadyTime pending_since;  // when it was ordered, or stopped being Ready; only read when !ready
  // A sample that arrived since the last call, borrowed for the call; null when the scrape failed or is not due.
  const PodSample* sample = nullptr;
  SteadyTime sampled_at;  // when `sample` arrived; read only with a sample
};

struct Inputs {
  std::vector<PodView> pods;
  int ordered = 0;               // replicas the target is asked to run now, as read from it
  bool target_reachable = true;  // false: the API server is down; limits go on, replicas are not to be written
  bool shared_state_up = true;   // false: rates cannot be published
  std::string other_owner;       // "HorizontalPodAutoscaler/web" when somebody else scales the target
  std::string scaling_limited;   // quota exceeded, unschedulable: the platform's message; empty = none
  // Of document.external, in its order; none = no value now. Fewer than that are as none.
  std::vector<std::optional<double>> external;
  int schedule_floor = 0;         // schedule.h: the least that the schedules ask for now
  std::string schedule;           // which one; empty with a floor of 0
  double cpu_request_cores = 1;   // what the cpu target is a share of
  double memory_limit_bytes = 0;  // what the memory target is a share of; 0: what the pods say of themselves
  WallTime wall;                  // only printed
};

// What a new leader or a restarted controller carries over; from status.
struct Remembered {
  double capacity_per_pod_rps = 0;  // 0 = nothing known
};

// Parts of the governor that can be left out, to measure what each of them is worth. All on in production.
struct Elements {
  bool trend = true;           // a ramp is carried on for the start-up time
  bool headroom = true;        // k learns from the objective
  bool probe = true;           // pods tried when service times rise; without it no shared bottleneck is found either
  bool revoke = true;          // ordered pods that have not started are taken back
  bool learned_window = true;  // else kDefaultWindow
  bool period = true;          // a load that repeats itself is met ahead
  bool operator==(const Elements&) const = default;
};

class Governor {
 public:
  // `started` is when this process took over; replicas do not fall for one stabilization window after it.
  Governor(spec::Governor document, SteadyTime started, Remembered remembered = {}, const Elements& elements = {});
  ~Governor();
  Governor(Governor&&) noexcept;
  Governor& operator=(Governor&&) noexcept;

  // One tick. `now` never goes back; a gap of more than 3 ticks since the last call forgets the rates. The caller
  // applies decision.desired when decision.act, and publishes decision.allocation. Cost: linear in pods x endpoints.
  Decision Decide(const Inputs& inputs, SteadyTime now);

  // The document changed: bounds, targets and modes apply from the next tick; what was learnt is kept.
  void Reconfigure(spec::Governor document);

  const spec::Governor& document() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flyball::scaling
