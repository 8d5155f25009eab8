#pragma once

#include "pkg/scaling/decision.h"

namespace flyball::scaling {

// The fleet's ceiling, its split by criticality and the quota factor. While the offered load fits, everybody gets what
// they ask and the rest is shared by weight; in overload critical traffic comes first (with room to grow by a quarter,
// since rates lag), then normal, then sheddable. The factor falls by a tenth a tick while the ceiling or the pods shed
// more than 2 %, and recovers by 0.05 a tick.
Allocation Allocate(const AllocationInputs& in);

}  // namespace flyball::scaling
