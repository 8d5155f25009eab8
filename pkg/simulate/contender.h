// Autoscalers by name, each with the one number that people tune, so that they can be swept and compared.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/simulate/autoscaler.h"
#include "pkg/simulate/simulation.h"
#include "pkg/simulate/trace.h"
#include "pkg/spec/governor.h"

namespace flyball::simulate {

// "flyball", "oracle", "hpa" (CPU), "keda" (rate of requests), "cpu+rate" (KEDA with both triggers), "kpa" (Knative,
// concurrency), "kpa-120s" (with that scale-down delay).
const std::vector<std::string>& ContenderNames();

// One of them, for `trace` on pods as `options` has them, within the document's bounds. `target` is the utilization
// that it aims at, 0..1; flyball takes it from the document. `trace` must outlive it. kInvalid: no such name.
Result<std::unique_ptr<Autoscaler>> MakeContender(std::string_view name, const spec::Governor& document,
                                                  const Trace& trace, const FleetOptions& options, double target);

// Requests a second that one pod of `options` carries with every worker busy.
double PodRps(const FleetOptions& options);

}  // namespace flyball::simulate
