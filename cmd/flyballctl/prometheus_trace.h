#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/simulate/trace.h"

namespace flyball::ctl {

// The load as a Prometheus server recorded it: /api/v1/query_range of `query` over [end - span, end], the series
// summed. `url` is the server's ("http://127.0.0.1:9090"). A moment without a value has the one before it. kInvalid:
// the server refused the query, or it found nothing; kUnavailable, kTimeout: no answer.
Result<simulate::Trace> PrometheusTrace(const std::string& url, const std::string& query, WallTime end,
                                        std::chrono::seconds span);

// The answer of query_range as a trace of `span` that begins at `start` (Unix seconds).
Result<simulate::Trace> ReadRange(std::string_view json, double start, std::chrono::seconds span);

}  // namespace flyball::ctl
