// The port between the simulated fleet and whoever sizes it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/scaling/decision.h"
#include "pkg/scaling/sample.h"

namespace flyball::simulate {

struct PodSight {
  std::string name;
  bool ready = false;
  SteadyTime ordered_at, ready_at;             // ready_at means nothing while !ready
  const scaling::PodSample* sample = nullptr;  // as scraped now; null while it does not answer
};

struct FleetSight {
  std::vector<PodSight> pods;
  int ordered = 0;
  double request_cores = 1;  // the CPU request of a pod
};

class Autoscaler {
 public:
  virtual ~Autoscaler() = default;
  virtual std::string_view name() const = 0;
  // Called every scrape (2 s) with what a scrape gives; returns the replicas to order, which may be sight.ordered.
  // An autoscaler with a slower loop keeps its own time.
  virtual int Decide(const FleetSight& sight, SteadyTime now) = 0;
  // The fleet ceiling that goes with the last decision; none for those that only scale.
  virtual std::optional<scaling::Allocation> Limits() const { return std::nullopt; }
};

}  // namespace flyball::simulate
