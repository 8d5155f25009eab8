#pragma once

#include <string>

#include "pkg/base/result.h"

namespace flyball::kube::detail {

// The whole file, 1 MiB at most. kNotFound when there is none, kIo when it cannot be read; the message names the file.
Result<std::string> ReadFile(const std::string& path);

}  // namespace flyball::kube::detail
