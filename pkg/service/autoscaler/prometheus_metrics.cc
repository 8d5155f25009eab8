#include "pkg/service/autoscaler/prometheus_metrics.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace flyball::service::autoscaler {
namespace {

using nlohmann::json;

constexpr size_t kMostBytes = 1 << 20;

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

// [time, "number"]
Result<double> Number(const json& pair) {
  if (!pair.is_array() || pair.size() != 2 || !pair[1].is_string())
    return Fail(ErrorCode::kCorrupt, "a value of no known form");
  const auto text = pair[1].get<std::string>();
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(value) || value < 0) {
    return Fail(ErrorCode::kInvalid, "the value is " + text.substr(0, 40) + ", expected a number >= 0");
  }
  return value;
}

}  // namespace

Result<double> ReadInstant(std::string_view text) {
  if (text.size() > kMostBytes) return Fail(ErrorCode::kInvalid, "the query finds too many series; sum them");
  const json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) return Fail(ErrorCode::kCorrupt, "the answer is not JSON; is this a Prometheus server?");
  const auto member = [](const json& object, const char* key) {
    return object.is_object() && object.contains(key) ? object[key] : json();
  };
  if (member(answer, "status") != "success") {
    const json error = member(answer, "error");
    return Fail(ErrorCode::kInvalid,
                "the query was refused: " + (error.is_string() ? error.get<std::string>() : "no reason"));
  }
  const json data = member(answer, "data"), result = member(data, "result");
  if (member(data, "resultType") == "scalar") return Number(result);
  if (!result.is_array() || result.empty()) return Fail(ErrorCode::kNotFound, "the query finds no series");
  double sum = 0;
  for (const json& series : result) {
    const auto value = Number(member(series, "value"));
    if (!value) return Fail(value.error());
    sum += *value;
  }
  return sum;
}

PrometheusMetrics::PrometheusMetrics(std::string url) : url_(std::move(url)) {
  while (url_.ends_with('/')) url_.pop_back();
}

std::vector<Result<double>> PrometheusMetrics::Query(const std::vector<std::string>& queries) {
  std::vector<http::ClientRequest> requests;
  for (const std::string& query : queries) {
    requests.push_back({.url = url_ + "/api/v1/query?query=" + PercentEncode(query)});
  }
  std::vector<Result<double>> values;
  for (auto& answer : client_.Fetch(requests, std::chrono::seconds(1))) {
    values.push_back(answer ? ReadInstant(answer->body) : Result<double>(Fail(answer.error())));
  }
  return values;
}

}  // namespace flyball::service::autoscaler
