#include "pkg/service/autoscaler/zones.h"

#include <fstream>
#include <sstream>
#include <utility>

namespace flyball::service::autoscaler {

Result<std::vector<scaling::TimeZone>> ReadZones(const std::vector<spec::Schedule>& schedules) {
  std::vector<scaling::TimeZone> zones;
  for (const spec::Schedule& schedule : schedules) {
    if (schedule.time_zone == "UTC") {
      zones.emplace_back();
      continue;
    }
    const std::string path = "/usr/share/zoneinfo/" + schedule.time_zone;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    if (file) bytes << file.rdbuf();
    auto zone = scaling::TimeZone::Parse(bytes.str());
    if (!zone) {
      return Fail(ErrorCode::kInvalid, "spec.schedule: no time zone " + schedule.time_zone + " in " + path +
                                           " (Debian's package is tzdata); UTC needs none");
    }
    zones.push_back(std::move(*zone));
  }
  return zones;
}

}  // namespace flyball::service::autoscaler
