#pragma once

#include <functional>

#include "pkg/base/clock.h"

namespace flyball::local::testing {

// True as soon as `holds` is, asked every few milliseconds; false when the deadline came first. Long on purpose: a busy
// machine pauses a process for seconds.
bool Eventually(const std::function<bool()>& holds, milliseconds deadline = seconds(60));

}  // namespace flyball::local::testing
