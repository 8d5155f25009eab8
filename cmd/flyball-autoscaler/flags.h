// The command line of flyball-autoscaler.
#pragma once

#include <functional>

#include "pkg/service/autoscaler/autoscaler.h"

namespace flyball::autoscaler_flags {

// Reads flags and environment and runs `govern` with them. Returns its exit status, or that of wrong usage or --help.
int Run(int argc, char** argv, const std::function<int(const service::autoscaler::Options&)>& govern);

}  // namespace flyball::autoscaler_flags
