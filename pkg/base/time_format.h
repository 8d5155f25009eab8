// Times and durations as text: RFC 3339 in UTC with milliseconds, and "15m" as documents write durations.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"

namespace flyball {

// "2026-11-21T09:30:00.125Z". Sorts as text in time order for years 0000 to 9999.
std::string FormatRfc3339(WallTime time);

// RFC 3339 section 5.6: date, 'T', time, optional fraction, and an offset that may not be absent. Refused with
// kInvalid: impossible dates (2026-02-30), second 60, hour 24, missing offset, trailing bytes, and years that WallTime
// cannot hold (before 1678, after 2261). Fractions below a millisecond are truncated.
Result<WallTime> ParseRfc3339(std::string_view text);

// The same time as FormatRfc3339 writes it, for any year from 0000 to 9999: how rows hold times.
Result<std::string> NormalizeRfc3339(std::string_view text);

// "2026-02-28": a date that exists; kInvalid otherwise.
Result<void> CheckDate(std::string_view text);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), for the Date header.
std::string FormatHttpDate(WallTime time);

// "250ms", "15m", "7d", "1h30m", "2s": whole numbers with units ms s m h d, largest first, no sign. kInvalid says what
// would be right. The bound is 100 years.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);

// The shortest text that ParseDuration reads back: "90s" -> "1m30s".
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace flyball
