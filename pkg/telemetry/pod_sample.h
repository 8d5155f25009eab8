#pragma once

#include <string_view>

#include "pkg/base/result.h"
#include "pkg/scaling/sample.h"

namespace flyball::telemetry {

// The /metrics text of a Flyball pod (pod_metrics.h names the series) as a sample. Series of other names are skipped,
// roles are summed, buckets off the grid count in the next larger one. kInvalid when the text is malformed, when
// a number is NaN, infinite or negative, when flyball_workers or flyball_monotonic_seconds is missing (an empty answer
// is an error, never zero load), or with more than 4,000 endpoint x criticality pairs.
Result<scaling::PodSample> ReadPodSample(std::string_view text);

}  // namespace flyball::telemetry
