#pragma once

#include <vector>

#include "pkg/scaling/decision.h"

namespace flyball::scaling {

// Fills fractional and raw of every signal from its other members, and moves the one with the largest raw (then the
// largest fractional) to the front. A signal whose resource or target is 0 is taken out. A signal within its tolerance
// of `current` keeps current (the HPA's rule).
void Recommend(std::vector<Signal>& signals);

}  // namespace flyball::scaling
