#include "pkg/spec/cron.h"

#include <charconv>
#include <optional>
#include <span>
#include <vector>

namespace flyball::spec {
namespace {

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Kind {
  std::string_view name;
  int low, high;
  std::span<const std::string_view> words{};  // of low, low + 1, ...
};

constexpr Kind kKinds[] = {{"minute", 0, 59},
                           {"hour", 0, 23},
                           {"day of month", 1, 31},
                           {"month", 1, 12, kMonths},
                           {"day of week", 0, 7, kDays}};

std::vector<std::string_view> Split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  size_t from = 0;
  for (size_t at = text.find(by); at != std::string_view::npos; at = text.find(by, from)) {
    parts.push_back(text.substr(from, at - from));
    from = at + 1;
  }
  parts.push_back(text.substr(from));
  return parts;
}

std::optional<int> Value(std::string_view text, const Kind& kind) {
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (size_t i = 0; i < kind.words.size(); ++i) {
    if (lower == kind.words[i]) return kind.low + static_cast<int>(i);
  }
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value >= kind.low && value <= kind.high ? std::optional(value) : std::nullopt;
}

// One entry of a list: "*", "5", "1-5", each with "/step".
bool AddEntry(std::string_view entry, const Kind& kind, uint64_t& bits) {
  const size_t slash = entry.find('/');
  int step = 1;
  if (slash != std::string_view::npos) {
    const std::string_view text = entry.substr(slash + 1);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), step);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || step < 1 || step > 60) return false;
    entry = entry.substr(0, slash);
  }
  int from = kind.low, to = kind.high;
  if (entry != "*") {
    const size_t dash = entry.find('-');
    const auto first = Value(entry.substr(0, dash), kind);
    const auto last = dash != std::string_view::npos ? Value(entry.substr(dash + 1), kind) : first;
    if (!first || !last || *last < *first) return false;
    from = *first;
    to = dash == std::string_view::npos && slash != std::string_view::npos ? kind.high : *last;
  }
  for (int value = from; value <= to; value += step) bits |= uint64_t{1} << value;
  return true;
}

}  // namespace

Result<Cron> Cron::Parse(std::string_view text) {
  std::vector<std::string_view> fields;
  for (const std::string_view field : Split(text, ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  if (fields.size() != 5 || text.size() > 200) {
    return Fail(ErrorCode::kInvalid, "expected five fields: minute, hour, day of month, month, day of week");
  }
  Cron cron;
  uint64_t* const bits[] = {&cron.minutes_, &cron.hours_, &cron.days_, &cron.months_, &cron.weekdays_};
  for (size_t i = 0; i < 5; ++i) {
    for (const std::string_view entry : Split(fields[i], ',')) {
      if (AddEntry(entry, kKinds[i], *bits[i])) continue;
      return Fail(ErrorCode::kInvalid, "'" + std::string(entry) + "' is no " + std::string(kKinds[i].name) + " from " +
                                           std::to_string(kKinds[i].low) + " to " + std::to_string(kKinds[i].high));
    }
  }
  if ((cron.weekdays_ >> 7 & 1) != 0) cron.weekdays_ |= 1;
  cron.any_day_ = fields[2].starts_with('*');
  cron.any_weekday_ = fields[4].starts_with('*');
  for (const std::string_view field : fields) cron.text_ += (cron.text_.empty() ? "" : " ") + std::string(field);
  return cron;
}

bool Cron::Matches(int minute, int hour, int day, int month, int weekday) const {
  const auto has = [](uint64_t bits, int value) { return (bits >> value & 1) != 0; };
  if (!has(minutes_, minute) || !has(hours_, hour) || !has(months_, month)) return false;
  const bool by_day = has(days_, day), by_weekday = has(weekdays_, weekday);
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

}  // namespace flyball::spec
