#pragma once

#include <vector>

#include "pkg/base/result.h"
#include "pkg/scaling/time_zone.h"
#include "pkg/spec/governor.h"

namespace flyball::service::autoscaler {

// The zones that the schedules name, from the machine's tz database. kInvalid when one is not there.
Result<std::vector<scaling::TimeZone>> ReadZones(const std::vector<spec::Schedule>& schedules);

}  // namespace flyball::service::autoscaler
