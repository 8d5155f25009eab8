#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::scaling {

// When local time is how far from UTC.
class TimeZone {
 public:
  TimeZone() = default;  // UTC
  // The bytes of a zoneinfo file (RFC 8536, version 2 or later). Times after its last transition keep that one's
  // offset. kCorrupt for anything else.
  static Result<TimeZone> Parse(std::string_view bytes);

  // Seconds east of UTC at a Unix time. O(log transitions).
  int OffsetAt(int64_t unix_seconds) const;

 private:
  struct Transition {
    int64_t at = 0;
    int offset = 0;
  };
  int before_ = 0;
  std::vector<Transition> transitions_;  // ascending
};

}  // namespace flyball::scaling
