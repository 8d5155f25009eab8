#include "cmd/flyballctl/prometheus_trace.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "pkg/http/client.h"

namespace flyball::ctl {
namespace {

using nlohmann::json;

std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

// Adds what one series says; NaN and Inf are no values.
void Add(const json& series, std::map<double, double>& sums) {
  if (!series.is_object() || !series.contains("values") || !series["values"].is_array()) return;
  for (const json& point : series["values"]) {
    if (!point.is_array() || point.size() != 2 || !point[0].is_number() || !point[1].is_string()) continue;
    const auto text = point[1].get<std::string>();
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || !std::isfinite(value) || value < 0) continue;
    sums[point[0].get<double>()] += value;
  }
}

}  // namespace

Result<simulate::Trace> ReadRange(std::string_view text, double start, std::chrono::seconds span) {
  const json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) return Fail(ErrorCode::kInvalid, "the answer is not JSON; is this a Prometheus server?");
  if (answer.value("status", "") != "success") {
    return Fail(ErrorCode::kInvalid, "Prometheus refused the query: " + answer.value("error", "no reason given"));
  }
  std::map<double, double> sums;
  if (answer.contains("data") && answer["data"].is_object() && answer["data"].contains("result")) {
    for (const json& series : answer["data"]["result"]) Add(series, sums);
  }
  if (sums.size() < 2) return Fail(ErrorCode::kInvalid, "the query found less than two values in that time");
  simulate::Trace trace;
  trace.name = "recorded by Prometheus";
  trace.duration = span;
  for (const auto& [at, value] : sums) trace.rps.knots.push_back({std::max(0.0, at - start), value});
  return trace;
}

Result<simulate::Trace> PrometheusTrace(const std::string& url, const std::string& query, WallTime end,
                                        std::chrono::seconds span) {
  const auto until = std::chrono::duration_cast<std::chrono::seconds>(end.time_since_epoch()).count();
  const auto start = until - span.count();
  const auto step = std::max<int64_t>(1, span.count() / 1000);
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  http::Client client;
  const auto answer =
      client.Get(base + "/api/v1/query_range?query=" + PercentEncode(query) + "&start=" + std::to_string(start) +
                     "&end=" + std::to_string(until) + "&step=" + std::to_string(step),
                 std::chrono::seconds(30));
  if (!answer) return Fail(answer.error().code, url + ": " + answer.error().message);
  auto trace = ReadRange(answer->body, static_cast<double>(start), span);
  if (!trace) return Fail(trace.error().code, url + ": " + trace.error().message);
  return trace;
}

}  // namespace flyball::ctl
