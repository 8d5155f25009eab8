// How the fleet's rate is divided among those who ask for a part of it. The Redis script rate_lease.lua computes the
// same.
#pragma once

#include <vector>

#include "pkg/admission/lease.h"

namespace flyball::admission {

// `rates`: the governor's, by criticality. `demands`: arrivals a second of every holder seen in the last seconds,
// `mine` the index of the one who asks.
//
// Over the fleet critical gets what it asks for, up to the whole (it borrows from sheddable, then from normal); normal
// and sheddable get what they ask for within their own rates and what critical left, then what the others do not use,
// normal first. A holder gets of it by its share of the demand (everybody counted with at least a twentieth of the
// mean, so that a new pod can begin). What nobody asks for is spare, in equal parts. Summed over all holders this is
// the sum of the rates exactly.
RateLease ShareRates(const PerCriticality& rates, const std::vector<PerCriticality>& demands, size_t mine);

}  // namespace flyball::admission
