#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/http/client.h"
#include "pkg/service/autoscaler/ports.h"

namespace flyball::service::autoscaler {

// Instant queries of a Prometheus server, all at once, within a second. A query that finds nothing is an error, never
// zero; so is NaN, an infinity or a negative number. One thread.
class PrometheusMetrics final : public ExternalMetrics {
 public:
  // "http://127.0.0.1:9090"
  explicit PrometheusMetrics(std::string url);
  std::vector<Result<double>> Query(const std::vector<std::string>& queries) override;

 private:
  std::string url_;
  http::Client client_;
};

// The number in an answer of /api/v1/query: a scalar, or the sum of a vector.
Result<double> ReadInstant(std::string_view json);

}  // namespace flyball::service::autoscaler
