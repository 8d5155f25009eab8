#pragma once

#include <span>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/scaling/time_zone.h"
#include "pkg/spec/governor.h"

namespace flyball::scaling {

struct ScheduleFloor {
  int replicas = 0;      // 0 = no schedule is on
  std::string schedule;  // "0 8 * * 1-5 Europe/Paris"; of the largest
};

// The largest minReplicas of the schedules that are on at `now`: those of which a minute that their cron expression
// names began less than `duration` ago, in their time zone. A local time that a clock change skips does not come; one
// that comes twice comes twice. `zones[i]` belongs to `schedules[i]`. Cost: a tenth of a microsecond for each minute of
// the durations.
ScheduleFloor FloorAt(std::span<const spec::Schedule> schedules, std::span<const TimeZone> zones, WallTime now);

}  // namespace flyball::scaling
