// The bodies the console answers with. Pure.
#pragma once

#include <string>

#include "pkg/service/local/fleet_view.h"

namespace flyball::local {

// {"desired":N,"pods":[{"name","pid","ready","admin","startedAt","readyAt","orderedAt","restarts","state"}]}. Times are
// RFC 3339; pid, admin, startedAt and readyAt are null while there is none. Pods that wait to be started again are in.
std::string PodsJson(const FleetView& view);

// {"pods":[{"name","pid","ready","admin"}],"governors":<statuses>,"documents":{"state","reason"}}; `statuses` is a JSON
// array. The state is "running", "rolling out", or "rejected": then the saved documents are not those that run, and
// reason says why.
std::string StatusJson(const FleetView& view, const std::string& statuses);

// The fleet's own metrics, Prometheus text format 0.0.4.
std::string MetricsText(const FleetView& view);

// The start page: the fleet at a glance, without any script. `statuses` as above.
std::string StatusPage(const FleetView& view, const std::string& statuses);

// RFC 9457 problem+json.
std::string ProblemJson(int status, std::string_view title, std::string_view detail);

}  // namespace flyball::local
