#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
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

struct PrometheusSeries {
  std::string name;                                         // __name__; empty when a query took it away
  std::vector<std::pair<std::string, std::string>> labels;  // the others, by name
  std::vector<std::pair<double, double>> samples;           // Unix seconds and value, ascending; NaN is possible

  std::string_view Label(std::string_view label) const;  // empty when absent
};

// The series in an answer of /api/v1/query that is a vector or a matrix; there may be none.
Result<std::vector<PrometheusSeries>> ReadSeries(std::string_view json);

// POST /api/v1/query of the server at `url`.
http::ClientRequest PrometheusQuery(const std::string& url, std::string_view promql);

}  // namespace flyball::service::autoscaler
