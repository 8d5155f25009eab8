#pragma once

#include <span>

namespace flyball::scaling {

// How much larger the load will be `lead_seconds` from now if it goes on as it did, as a share of the load now; in
// [0, 0.25]. Zero unless the least-squares slope is positive and more than 6 standard errors, and the load is a ramp,
// not a step (less than 1.25 times in the span given). `loads` are one a tick, oldest first; fewer than 8 give 0.
double Trend(std::span<const double> loads, double tick_seconds, double lead_seconds);

}  // namespace flyball::scaling
