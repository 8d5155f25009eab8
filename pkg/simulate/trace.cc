#include "pkg/simulate/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pkg/base/random.h"

namespace flyball::simulate {
namespace {

using Knots = std::vector<Curve::Knot>;

Trace Named(std::string_view name, int duration, Knots rps) {
  Trace trace;
  trace.name = name;
  trace.duration = seconds(duration);
  trace.rps.knots = std::move(rps);
  return trace;
}

// `high` for `on` seconds, then `low` for `off` seconds, from 120 s on.
Knots Pulses(double low, double high, int on, int off, int duration) {
  Knots knots{{0, low}};
  for (int at = 120; at + on <= duration; at += on + off) {
    knots.insert(knots.end(), {{double(at), low}, {double(at), high}, {double(at + on), high}, {double(at + on), low}});
  }
  return knots;
}

Knots Sawtooth(double low, double high, int period, int duration) {
  Knots knots{{0, low}};
  for (int at = 60; at + period <= duration; at += period) {
    knots.insert(knots.end(), {{double(at), low}, {double(at + period), high}, {double(at + period), low}});
  }
  return knots;
}

// Steps of 150 s at these multiples of `base`.
Knots Stairs(double base, const std::vector<double>& steps) {
  Knots knots;
  double at = 0;
  for (const double step : steps) {
    knots.insert(knots.end(), {{at, step * base}, {at + 150, step * base}});
    at += 150;
  }
  return knots;
}

// A day in half an hour, each 15 s of it up to a quarter off.
Knots NoisyDay(double peak) {
  Random random(77);
  Knots knots;
  for (int at = 0; at <= 1800; at += 15) {
    const double day = 0.6 - 0.4 * std::cos(2 * M_PI * at / 1800);
    knots.push_back({double(at), peak * day * (0.75 + 0.5 * random.Uniform())});
  }
  return knots;
}

// One day in an hour: a cosine between a fifth and the whole.
Knots Day(double peak, int duration) {
  Knots knots;
  for (int at = 0; at <= duration; at += 20) {
    knots.push_back({double(at), peak * (0.6 - 0.4 * std::cos(2 * M_PI * at / duration))});
  }
  return knots;
}

}  // namespace

double Curve::At(double seconds) const {
  if (knots.empty()) return 0;
  const auto after =
      std::upper_bound(knots.begin(), knots.end(), seconds, [](double at, const Knot& knot) { return at < knot.at; });
  if (after == knots.begin()) return knots.front().value;
  if (after == knots.end()) return knots.back().value;
  const Knot& before = *(after - 1);
  return before.value + (after->value - before.value) * (seconds - before.at) / (after->at - before.at);
}

const std::vector<std::string>& TraceNames() {
  static const std::vector<std::string> names{"flash",  "diurnal",       "sawtooth",    "on-off",        "ramp",
                                              "spikes", "capacity-half", "retry-storm", "slow-database", "step-noise"};
  return names;
}

Result<Trace> MakeTrace(std::string_view name, double base) {
  if (name == "flash") return Named(name, 720, {{0, base}, {120, base}, {130, 5 * base}, {420, 5 * base}, {430, base}});
  if (name == "diurnal") return Named(name, 3600, Day(4 * base, 3600));
  if (name == "sawtooth") return Named(name, 1260, Sawtooth(base, 4 * base, 300, 1260));
  if (name == "on-off") return Named(name, 1320, Pulses(base, 4 * base, 120, 120, 1320));
  if (name == "ramp") return Named(name, 900, {{0, base}, {120, base}, {720, 5 * base}});
  if (name == "spikes") return Named(name, 1200, Pulses(base, 4 * base, 30, 240, 1200));
  if (name == "step-noise") return Named(name, 900, {{0, 2.4 * base}});
  if (name == "capacity-half") {
    Trace trace = Named(name, 600, {{0, 2 * base}});
    trace.service_factor.knots = {{0, 1}, {180, 1}, {180, 2}, {420, 2}, {420, 1}};
    return trace;
  }
  if (name == "retry-storm") {
    Trace trace = Named(name, 600, {{0, base}, {120, base}, {120, 4 * base}, {240, 4 * base}, {240, base}});
    trace.retry_share = 0.9;
    return trace;
  }
  if (name == "slow-database") {
    Trace trace = Named(name, 900, {{0, 2 * base}});
    trace.database.knots = {{0, 0}, {180, 0}, {180, 0.03 * base}, {540, 0.03 * base}, {540, 0}};
    return trace;
  }
  if (name == "double-flash") {
    return Named(name, 720,
                 {{0, base},
                  {120, base},
                  {125, 4 * base},
                  {215, 4 * base},
                  {220, base},
                  {280, base},
                  {290, 6 * base},
                  {410, 6 * base},
                  {420, base}});
  }
  if (name == "noisy-day") return Named(name, 1800, NoisyDay(4 * base));
  if (name == "stairs") return Named(name, 1050, Stairs(base, {1, 2, 3, 4, 5, 3, 1}));
  if (name == "slow-recovery") {
    Trace trace = Named(name, 840, {{0, 2 * base}});
    trace.service_factor.knots = {{0, 1}, {120, 1}, {180, 2}, {360, 2}, {600, 1}};
    return trace;
  }
  std::string known;
  for (const std::string& each : TraceNames()) known += (known.empty() ? "" : ", ") + each;
  return Fail(ErrorCode::kInvalid, fmt::format("trace {}: expected one of {}", name, known));
}

Result<Trace> ReadTrace(std::string_view csv) {
  Trace trace;
  trace.name = "recorded";
  for (int line = 1; !csv.empty(); ++line) {
    const size_t newline = csv.find('\n');
    std::string_view row = csv.substr(0, newline);
    csv.remove_prefix(newline == std::string_view::npos ? csv.size() : newline + 1);
    if (const size_t comment = row.find('#'); comment != std::string_view::npos) row = row.substr(0, comment);
    while (!row.empty() && (row.back() == '\r' || row.back() == ' ')) row.remove_suffix(1);
    if (row.empty() || (line == 1 && row.find_first_of("0123456789") != 0)) continue;
    Curve::Knot knot;
    const char* end = row.data() + row.size();
    const auto at = std::from_chars(row.data(), end, knot.at);
    const bool comma = at.ec == std::errc() && at.ptr != end && *at.ptr == ',';
    const auto rps = comma ? std::from_chars(at.ptr + 1, end, knot.value) : at;
    if (!comma || rps.ec != std::errc() || rps.ptr != end || !(knot.value >= 0) || !(knot.at >= 0) || knot.at > 1e7) {
      return Fail(ErrorCode::kInvalid, fmt::format("line {}: expected seconds,rps as two numbers >= 0", line));
    }
    if (!trace.rps.knots.empty() && knot.at < trace.rps.knots.back().at) {
      return Fail(ErrorCode::kInvalid, fmt::format("line {}: time goes back", line));
    }
    trace.rps.knots.push_back(knot);
  }
  if (trace.rps.knots.empty()) return Fail(ErrorCode::kInvalid, "the trace is empty, expected lines of seconds,rps");
  trace.duration = seconds(static_cast<int64_t>(std::ceil(trace.rps.knots.back().at)));
  return trace;
}

}  // namespace flyball::simulate
