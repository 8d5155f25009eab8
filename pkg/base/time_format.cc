#include "pkg/base/time_format.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>

namespace flyball {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

// Exactly `count` digits at `at`; -1 when they are not digits.
int Digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

Result<year_month_day> ParseDate(std::string_view text) {
  const int year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  if (text.size() < 10 || year < 0 || month < 0 || day < 0 || text[4] != '-' || text[7] != '-') {
    return Fail(ErrorCode::kInvalid, "expected a date such as 2026-02-28");
  }
  const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return Fail(ErrorCode::kInvalid, "no such date: " + std::string(text.substr(0, 10)));
  return date;
}

using MsTime = std::chrono::sys_time<milliseconds>;
constexpr MsTime kYear0 = sys_days(std::chrono::year(0) / 1 / 1);
constexpr MsTime kYear10000 = sys_days(std::chrono::year(10000) / 1 / 1);

// `count` digits of `value` at `at`.
void PutDigits(char* at, int count, int value) {
  for (int i = count - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

// For years 0000 to 9999.
std::string FormatMs(MsTime ms) {
  const auto day = std::chrono::floor<days>(ms);
  const year_month_day date{sys_days(day)};
  const auto rest = static_cast<int>((ms - day).count());
  std::string out = "0000-00-00T00:00:00.000Z";
  PutDigits(&out[0], 4, static_cast<int>(date.year()));
  PutDigits(&out[5], 2, static_cast<int>(static_cast<unsigned>(date.month())));
  PutDigits(&out[8], 2, static_cast<int>(static_cast<unsigned>(date.day())));
  PutDigits(&out[11], 2, rest / 3'600'000);
  PutDigits(&out[14], 2, rest / 60'000 % 60);
  PutDigits(&out[17], 2, rest / 1000 % 60);
  PutDigits(&out[20], 3, rest % 1000);
  return out;
}

// Any year from 0000 to 9999 as written; the offset may carry it a day further.
Result<MsTime> ParseMs(std::string_view text) {
  constexpr std::string_view kExpected = "expected a date-time with an offset such as 2026-02-28T09:30:00Z";
  const auto bad = [&] { return Fail(ErrorCode::kInvalid, std::string(kExpected)); };
  if (text.size() < 20 || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') return bad();
  const auto date = ParseDate(text);
  if (!date) return Fail(date.error());
  const int hour = Digits(text, 11, 2), minute = Digits(text, 14, 2), second = Digits(text, 17, 2);
  if (hour < 0 || minute < 0 || second < 0) return bad();
  if (hour > 23 || minute > 59 || second > 59) return Fail(ErrorCode::kInvalid, "no such time of day");
  size_t at = 19;
  int64_t ms = 0;
  if (text[at] == '.') {
    int64_t scale = 100;
    const size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) ms += (text[at] - '0') * scale;
    if (at == first) return bad();
  }
  if (at >= text.size()) return bad();
  int64_t offset_minutes = 0;
  if (text[at] == 'Z' || text[at] == 'z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    const int oh = Digits(text, at + 1, 2), om = Digits(text, at + 4, 2);
    if (oh < 0 || oh > 23 || om < 0 || om > 59 || text[at + 3] != ':') return bad();
    offset_minutes = (text[at] == '-' ? -1 : 1) * (oh * 60 + om);
    at += 6;
  }
  if (at != text.size() || at == 19) return bad();
  const int64_t day_ms = (int64_t{hour} * 3600 + int64_t{minute} * 60 + second) * 1000 + ms - offset_minutes * 60'000;
  return MsTime(sys_days(*date)) + milliseconds(day_ms);
}

struct Unit {
  std::string_view name;
  int64_t ms;
};
constexpr std::array<Unit, 5> kUnits{{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr int64_t kMaxDurationMs = int64_t{100} * 366 * 86'400'000;

}  // namespace

std::string FormatRfc3339(WallTime time) { return FormatMs(std::chrono::floor<milliseconds>(time)); }

Result<WallTime> ParseRfc3339(std::string_view text) {
  const auto time = ParseMs(text);
  if (!time) return Fail(time.error());
  if (*time < std::chrono::ceil<milliseconds>(WallTime::min()) ||
      *time > std::chrono::floor<milliseconds>(WallTime::max())) {
    return Fail(ErrorCode::kInvalid, "expected a time between the years 1678 and 2261");
  }
  return WallTime(*time);
}

Result<std::string> NormalizeRfc3339(std::string_view text) {
  const auto time = ParseMs(text);
  if (!time) return Fail(time.error());
  if (*time < kYear0 || *time >= kYear10000) {
    return Fail(ErrorCode::kInvalid, "expected a time between the years 0000 and 9999 in UTC");
  }
  return FormatMs(*time);
}

Result<void> CheckDate(std::string_view text) {
  const auto date = ParseDate(text);
  if (!date) return Fail(date.error());
  if (text.size() != 10) return Fail(ErrorCode::kInvalid, "expected a date such as 2026-02-28");
  return {};
}

std::string FormatHttpDate(WallTime time) {
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<days>(whole);
  const year_month_day date{sys_days(day)};
  const auto rest = static_cast<int>((whole - day).count());
  char out[64];
  const int n = std::snprintf(out, sizeof out, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                              kDays[std::chrono::weekday(sys_days(day)).c_encoding()],
                              static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                              static_cast<int>(date.year()), rest / 3600, rest / 60 % 60, rest % 60);
  return std::string(out, static_cast<size_t>(n));
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const auto bad = [&] {
    return Fail(
        ErrorCode::kInvalid,
        "'" + std::string(text) + "' is not a duration; expected a number and a unit (ms, s, m, h, d) such as 15m");
  };
  if (text.empty()) return bad();
  int64_t total = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || text.front() == '-') return bad();
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    size_t unit = next_unit;
    while (unit < kUnits.size() && kUnits[unit].name != text.substr(0, letters)) ++unit;
    if (unit == kUnits.size() || number > kMaxDurationMs / kUnits[unit].ms) return bad();
    total += number * kUnits[unit].ms;
    if (total > kMaxDurationMs) return bad();
    next_unit = unit + 1;
    text.remove_prefix(letters);
  }
  return std::chrono::milliseconds(total);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string out;
  for (const Unit& unit : kUnits) {
    if (rest < unit.ms) continue;
    out += std::to_string(rest / unit.ms);
    out += unit.name;
    rest %= unit.ms;
  }
  return out;
}

}  // namespace flyball
