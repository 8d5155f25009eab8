#include "pkg/simulate/contender.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "pkg/simulate/governed.h"
#include "pkg/simulate/references.h"

namespace flyball::simulate {
namespace {

std::unique_ptr<Autoscaler> MakeKnative(const spec::Governor& document, const FleetOptions& options, double target,
                                        milliseconds delay) {
  Kpa::Options kpa;
  kpa.target = options.workers * target;
  kpa.min = document.replicas.min;
  kpa.max = document.replicas.max;
  kpa.scale_down_delay = delay;
  return std::make_unique<Knative>(kpa);
}

}  // namespace

const std::vector<std::string>& ContenderNames() {
  static const std::vector<std::string> names{"flyball", "oracle", "hpa", "keda", "cpu+rate", "kpa", "kpa-120s"};
  return names;
}

double PodRps(const FleetOptions& options) { return options.workers / options.service_seconds; }

Result<std::unique_ptr<Autoscaler>> MakeContender(std::string_view name, const spec::Governor& document,
                                                  const Trace& trace, const FleetOptions& options, double target) {
  const int min = document.replicas.min, max = document.replicas.max;
  const double pod_rps = PodRps(options);
  if (name == "flyball") return std::make_unique<Governed>(document, kSimulationStart);
  if (name == "oracle") {
    return std::make_unique<Oracle>(trace, kSimulationStart, options.startup, pod_rps, target, min, max);
  }
  if (name == "hpa") return std::make_unique<Hpa>(target, min, max);
  if (name == "keda") return std::make_unique<Keda>(target * pod_rps, 0, min, max);
  if (name == "cpu+rate") return std::make_unique<Keda>(target * pod_rps, target, min, max);
  if (name == "kpa") return MakeKnative(document, options, target, milliseconds(0));
  if (name == "kpa-120s") return MakeKnative(document, options, target, seconds(120));
  return Fail(ErrorCode::kInvalid, fmt::format("{}: expected one of {}", name, fmt::join(ContenderNames(), ", ")));
}

}  // namespace flyball::simulate
