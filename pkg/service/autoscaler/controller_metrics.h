#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "pkg/scaling/decision.h"

namespace flyball::service::autoscaler {

// The numbers of a controller in a cluster, in Prometheus' text format:
//   flyball_controller_leader, flyball_controller_epoch
//   flyball_controller_writes_total{verb,resource,result}
//   flyball_controller_reconciles_total{result}, flyball_controller_reconcile_seconds_total,
//   flyball_controller_queue_depth flyball_governor_decisions_total{governor},
//   flyball_governor_replicas_ordered_total{governor,direction} flyball_governor_scrape_errors_total{governor},
//   flyball_governor_desired_replicas{governor} flyball_governor_tick_seconds_total{governor},
//   flyball_governor_demand_rps{governor}
// Any thread.
class ControllerMetrics {
 public:
  void Wrote(std::string_view verb, std::string_view resource, bool good);
  // `governor` is "namespace/name".
  void Ticked(const std::string& governor, const scaling::Decision& decision, size_t scrape_errors, double seconds);
  void Ordered(const std::string& governor, int from, int to);
  void Forget(const std::string& governor);

  struct Now {
    bool leader = false;
    uint64_t epoch = 0;
    uint64_t rounds = 0, failures = 0;
    double round_seconds = 0;
    size_t queue_depth = 0;
  };
  std::string Render(const Now& now) const;

 private:
  struct OfGovernor {
    uint64_t decisions = 0, up = 0, down = 0, scrape_errors = 0;
    int desired = 0;
    double seconds = 0, demand_rps = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> writes_;  // by labels
  std::map<std::string, OfGovernor> governors_;
};

}  // namespace flyball::service::autoscaler
