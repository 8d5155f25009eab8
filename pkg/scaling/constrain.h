#pragma once

#include <vector>

#include "pkg/scaling/decision.h"

namespace flyball::scaling {

// From what the signals ask for to what will be ordered: every rule in order, each a Step. The last step's `after` is
// the answer. The rules: signals, missing-metrics, stale-metrics, tolerance, scale-up-window, scale-up-rate,
// pods-not-ready, scale-down-blocked, scale-down-window, scale-down-rate, revoke, floor, min, max, paused.
std::vector<Step> Constrain(const ConstraintInputs& in);

}  // namespace flyball::scaling
