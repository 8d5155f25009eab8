#include "pkg/scaling/decision.h"

#include <algorithm>

#include "pkg/scaling/allocate.h"
#include "pkg/scaling/constrain.h"
#include "pkg/scaling/recommend.h"

namespace flyball::scaling {

Recomputed Recompute(const Decision& decision) {
  Recomputed again;
  std::vector<Signal> signals = decision.signals;
  Recommend(signals);
  ConstraintInputs in = decision.constraint_inputs;
  in.raw = in.raw_down = 0;
  for (const Signal& signal : signals) {
    in.raw = std::max(in.raw, signal.raw);
    in.raw_down = std::max(in.raw_down, signal.raw_down);
  }
  again.raw = in.raw;
  again.desired = Constrain(in).back().after;
  again.allocation = Allocate(decision.allocation_inputs);
  return again;
}

}  // namespace flyball::scaling
