// The command line of flyball-autoscaler.
#pragma once

#include <functional>
#include <stop_token>

#include "pkg/base/result.h"

namespace flyball::autoscaler_flags {

// What the program does until it is asked to stop: govern a local fleet, or operate and govern a cluster.
using Job = std::function<Result<void>(std::stop_token)>;

// Reads flags and environment and calls `run` with what they ask for. Returns its exit status, or that of wrong usage
// or
// --help.
int Run(int argc, char** argv, const std::function<int(const Job&)>& run);

}  // namespace flyball::autoscaler_flags
