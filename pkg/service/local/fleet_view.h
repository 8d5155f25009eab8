// What the supervisor's thread lets others see: one immutable value, replaced whenever something changed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/service/local/fleet.h"

namespace flyball::local {

struct PodView {
  std::string name;
  int pid = 0;  // 0 = waits to be started again
  PodState state = PodState::kWaiting;
  int admin_port = 0;  // 0 until Ready
  int restarts = 0;
  WallTime ordered_at;
  std::optional<WallTime> started_at, ready_at;
};

struct FleetView {
  int desired = 0;
  ReplicaBounds bounds;
  std::vector<PodView> pods;  // in slot order
  std::string app;
  std::string api_url, console_url;
  std::vector<std::string> governors;  // names in the documents that run
  bool autoscaler_running = false;
  std::optional<bool> redis_up;  // nullopt: it is not ours to watch
  uint64_t pod_deaths = 0;       // since the start; pods told to stop are not among them
  uint64_t redis_restarts = 0;
  uint64_t reloads = 0;
  bool rolling_out = false;  // a saved change is on its way to the pods
  std::string rejected;      // why the saved documents are not those that run; empty = they are, or soon
  bool draining = false;     // the whole fleet is stopping
};

// Fills in desired, bounds and pods. `at` gives the wall time of a moment.
void ShowPods(const Fleet& fleet, const std::function<WallTime(SteadyTime)>& at, FleetView& view);

}  // namespace flyball::local
