#pragma once

#include <memory>

#include "pkg/base/clock.h"
#include "pkg/state/shared_state.h"

namespace flyball::state {

// Shared state of a fleet of one process: always up, gone with the process. Starts its own thread for the callbacks.
// `clock` must outlive it. The destructor runs the callbacks of what was accepted, then stops. At most 65,536
// operations wait.
std::unique_ptr<SharedState> MakeMemoryState(const Clock& clock);

}  // namespace flyball::state
