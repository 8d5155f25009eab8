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

// null when absent.
const json& Member(const json& object, const char* key) {
  static const json kNone;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? kNone : *found;
}

// The "data" of an answer.
Result<json> DataOf(std::string_view text) {
  json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) return Fail(ErrorCode::kCorrupt, "the answer is not JSON; is this a Prometheus server?");
  if (Member(answer, "status") != "success") {
    const json& error = Member(answer, "error");
    return Fail(ErrorCode::kInvalid,
                "the query was refused: " + (error.is_string() ? error.get<std::string>() : "no reason"));
  }
  return answer.contains("data") ? std::move(answer["data"]) : json();
}

// [time, "number"], any number.
bool ReadSample(const json& pair, std::pair<double, double>& sample) {
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_string()) return false;
  sample.first = pair[0].get<double>();
  std::string_view text = pair[1].get_ref<const std::string&>();
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), sample.second);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

bool ReadLabels(const json& metric, PrometheusSeries& series) {
  if (!metric.is_object()) return false;
  for (const auto& [name, value] : metric.items()) {
    if (!value.is_string()) return false;
    if (name == "__name__") {
      series.name = value;
    } else {
      series.labels.emplace_back(name, value);
    }
  }
  return true;
}

}  // namespace

Result<double> ReadInstant(std::string_view text) {
  if (text.size() > kMostBytes) return Fail(ErrorCode::kInvalid, "the query finds too many series; sum them");
  const auto data = DataOf(text);
  if (!data) return Fail(data.error());
  const json& result = Member(*data, "result");
  if (Member(*data, "resultType") == "scalar") return Number(result);
  if (!result.is_array() || result.empty()) return Fail(ErrorCode::kNotFound, "the query finds no series");
  double sum = 0;
  for (const json& series : result) {
    const auto value = Number(Member(series, "value"));
    if (!value) return Fail(value.error());
    sum += *value;
  }
  return sum;
}

Result<std::vector<PrometheusSeries>> ReadSeries(std::string_view text) {
  const auto data = DataOf(text);
  if (!data) return Fail(data.error());
  const auto odd = [] {
    return Fail(ErrorCode::kCorrupt, "the answer has no known form; is this a Prometheus server?");
  };
  const json& result = Member(*data, "result");
  const bool matrix = Member(*data, "resultType") == "matrix";
  if (!result.is_array() || (!matrix && Member(*data, "resultType") != "vector")) return odd();
  std::vector<PrometheusSeries> all;
  for (const json& each : result) {
    PrometheusSeries& series = all.emplace_back();
    if (!ReadLabels(Member(each, "metric"), series)) return odd();
    const json values = matrix ? Member(each, "values") : json::array({Member(each, "value")});
    if (!values.is_array()) return odd();
    for (const json& value : values) {
      if (!ReadSample(value, series.samples.emplace_back())) return odd();
    }
  }
  return all;
}

std::string_view PrometheusSeries::Label(std::string_view label) const {
  for (const auto& [key, value] : labels) {
    if (key == label) return value;
  }
  return {};
}

http::ClientRequest PrometheusQuery(const std::string& url, std::string_view promql) {
  http::ClientRequest request{.method = "POST", .url = url + "/api/v1/query"};
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.body = "query=" + PercentEncode(promql);
  request.repeatable = true;
  return request;
}

PrometheusMetrics::PrometheusMetrics(std::string url) : url_(std::move(url)) {
  while (url_.ends_with('/')) url_.pop_back();
}

std::vector<Result<double>> PrometheusMetrics::Query(const std::vector<std::string>& queries) {
  std::vector<http::ClientRequest> requests;
  for (const std::string& query : queries) requests.push_back(PrometheusQuery(url_, query));
  std::vector<Result<double>> values;
  for (auto& answer : client_.Fetch(requests, std::chrono::seconds(1))) {
    values.push_back(answer ? ReadInstant(answer->body) : Result<double>(Fail(answer.error())));
  }
  return values;
}

}  // namespace flyball::service::autoscaler
