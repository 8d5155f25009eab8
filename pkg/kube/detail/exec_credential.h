#pragma once

#include <optional>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/kube/config.h"

namespace flyball::kube::detail {

struct ExecCredential {
  std::string token{}, certificate_pem{}, key_pem{};
  std::optional<WallTime> expires{};
};

// Runs the plugin and reads what it prints; its standard error is ours. Errors name the program: kUnavailable (cannot
// be started, failed), kTimeout (killed), kCorrupt (not an ExecCredential).
Result<ExecCredential> RunExecPlugin(const ExecPlugin& plugin, const Config& cluster);

Result<ExecCredential> ReadExecCredential(const std::string& printed, const ExecPlugin& plugin);

}  // namespace flyball::kube::detail
