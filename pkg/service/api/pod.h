#pragma once

#include <stop_token>

#include "pkg/base/result.h"
#include "pkg/service/api/options.h"

namespace flyball::service::api {

// Runs one API pod until `stop`, then drains: not ready -> drain_delay -> `Connection: close` -> in flight zero or
// drain_timeout. Everything acknowledged is committed before it returns. Errors: kInvalid (documents, options, key),
// kConflict (port in use), and what opening the database says.
Result<void> Run(const Options& options, std::stop_token stop);

}  // namespace flyball::service::api
