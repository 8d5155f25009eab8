// How much load is offered over time, and when each request is due. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "pkg/base/random.h"

namespace flyball::load {

// Arrival rate over time: straight lines between points. Two points at the same time are a step.
class Trace {
 public:
  struct Point {
    double at_s;  // seconds from the start
    double rps;   // >= 0
  };

  // Points in time order, the first at 0, at least two.
  explicit Trace(std::vector<Point> points);

  // The same rate throughout.
  static Trace Steady(double rps, std::chrono::milliseconds duration);
  // `rps` for a third of the duration, then 5 x rps, reached within 10 s (or a sixth of the duration, if that is less).
  static Trace Flash(double rps, std::chrono::milliseconds duration);
  // From nothing to `rps` in a straight line.
  static Trace Ramp(double rps, std::chrono::milliseconds duration);
  // `rps` and a tenth of it by turns, `rps` first; each turn 30 s (or a quarter of the duration, if that is less).
  static Trace OnOff(double rps, std::chrono::milliseconds duration);
  // By the names of the command line: steady, flash, ramp, on-off. Empty for another name.
  static std::optional<Trace> Named(std::string_view name, double rps, std::chrono::milliseconds duration);

  double RateAt(double at_s) const;  // after a step at that very time; 0 outside the trace
  double ExpectedArrivals() const;   // the integral over the whole trace
  double duration_s() const { return points_.back().at_s; }
  const std::vector<Point>& points() const { return points_; }

 private:
  std::vector<Point> points_;
};

// The arrival times of a Poisson process whose rate is the trace (unit-rate gaps mapped through the inverse of the
// integrated rate; Cinlar, Introduction to Stochastic Processes, 1975, section 4.7). The same seed gives the same
// times.
class Arrivals {
 public:
  Arrivals(Trace trace, uint64_t seed) : trace_(std::move(trace)), random_(seed) {}

  // Offset of the next arrival from the start, never decreasing; empty when the trace is over, and ever after. O(1).
  std::optional<std::chrono::nanoseconds> Next();

 private:
  Trace trace_;
  Random random_;
  size_t segment_ = 0;  // the arrivals so far lie in [points_[segment_], points_[segment_ + 1]]
  double spent_ = 0;    // arrivals of the current segment already used
};

}  // namespace flyball::load
