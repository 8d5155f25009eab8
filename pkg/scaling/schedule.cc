#include "pkg/scaling/schedule.h"

#include <algorithm>

#include "pkg/base/check.h"

namespace flyball::scaling {
namespace {

bool IsOn(const spec::Schedule& schedule, const TimeZone& zone, int64_t now_minute) {
  const int64_t minutes = std::chrono::duration_cast<std::chrono::minutes>(schedule.duration).count();
  for (int64_t minute = now_minute; minute > now_minute - std::max<int64_t>(minutes, 1); --minute) {
    const auto local = std::chrono::seconds(minute * 60 + zone.OffsetAt(minute * 60));
    const auto day = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(local));
    const std::chrono::year_month_day date(day);
    const auto time = std::chrono::duration_cast<std::chrono::minutes>(std::chrono::sys_seconds(local) - day).count();
    if (schedule.cron.Matches(static_cast<int>(time % 60), static_cast<int>(time / 60),
                              static_cast<int>(static_cast<unsigned>(date.day())),
                              static_cast<int>(static_cast<unsigned>(date.month())),
                              static_cast<int>(std::chrono::weekday(day).c_encoding()))) {
      return true;
    }
  }
  return false;
}

}  // namespace

ScheduleFloor FloorAt(std::span<const spec::Schedule> schedules, std::span<const TimeZone> zones, WallTime now) {
  Check(schedules.size() == zones.size(), "FloorAt: a zone for each schedule");
  const int64_t minute = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
  ScheduleFloor floor;
  for (size_t i = 0; i < schedules.size(); ++i) {
    if (schedules[i].min_replicas <= floor.replicas || !IsOn(schedules[i], zones[i], minute)) continue;
    floor = {schedules[i].min_replicas, schedules[i].cron.text() + " " + schedules[i].time_zone};
  }
  return floor;
}

}  // namespace flyball::scaling
