#include "pkg/service/local/fleet_view.h"

namespace flyball::local {

void ShowPods(const Fleet& fleet, const std::function<WallTime(SteadyTime)>& at, FleetView& view) {
  view.desired = fleet.desired();
  view.bounds = fleet.bounds();
  for (const Pod& pod : fleet.Pods()) {
    PodView& shown = view.pods.emplace_back();
    shown.name = pod.name;
    shown.pid = pod.pid;
    shown.state = pod.state;
    shown.admin_port = pod.admin_port;
    shown.restarts = pod.restarts;
    shown.ordered_at = at(pod.ordered_at);
    if (pod.pid != 0) shown.started_at = at(pod.started_at);
    if (pod.admin_port != 0) shown.ready_at = at(pod.ready_at);
  }
}

}  // namespace flyball::local
