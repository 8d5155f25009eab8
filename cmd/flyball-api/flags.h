#pragma once

#include <optional>

#include "pkg/base/log.h"
#include "pkg/service/api/options.h"

namespace flyball::api_flags {

struct Flags {
  service::api::Options options;
  LogFormat log_format = LogFormat::kJson;
  std::optional<int> exit_status;  // set: end with it now (help was printed, or the usage is wrong)
};

// Reads the command line, then FLYBALL_* variables for what it does not say.
Flags Parse(int argc, char** argv);

}  // namespace flyball::api_flags
