// What happens to a fleet over time: how many requests arrive, and what slows them down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"

namespace flyball::simulate {

// Piecewise linear through its knots (seconds from the start, value), constant before the first and after the last.
struct Curve {
  struct Knot {
    double at = 0, value = 0;
  };
  std::vector<Knot> knots;  // `at` never falls; two at the same time are a step

  double At(double seconds) const;  // 0 when empty
};

struct Trace {
  std::string name;
  seconds duration{0};
  Curve rps;               // first attempts a second
  Curve service_factor;    // multiplies service and CPU times; empty = 1
  Curve database;          // connections that a shared database serves at full speed; empty or 0 = not a limit
  double retry_share = 0;  // of shed first attempts that the client tries again, honouring Retry-After
};

// "flash", "diurnal", "sawtooth", "on-off", "ramp", "spikes", "capacity-half", "retry-storm", "slow-database",
// "step-noise": around `base_rps`. And those that the control gates hold out, which nothing is tuned on:
// "double-flash", "noisy-day", "stairs", "slow-recovery". kInvalid naming the known ones otherwise.
Result<Trace> MakeTrace(std::string_view name, double base_rps);
// Without those held out.
const std::vector<std::string>& TraceNames();

// "seconds,rps" a line, with or without a header; '#' begins a comment. kInvalid with the line.
Result<Trace> ReadTrace(std::string_view csv);

}  // namespace flyball::simulate
