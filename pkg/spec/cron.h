#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/base/result.h"

namespace flyball::spec {

// A cron expression of five fields, as crontab(5) has them: minute, hour, day of month, month, day of week, each a list
// of values, ranges and steps, or '*'; months and days of the week by their English names too, Sunday is 0 or 7. When
// both days are restricted, either of them is enough.
class Cron {
 public:
  // kInvalid: what is wrong, and what would be right.
  static Result<Cron> Parse(std::string_view text);

  // `month` from 1, `weekday` from 0, Sunday.
  bool Matches(int minute, int hour, int day, int month, int weekday) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // bit i: value i
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace flyball::spec
