#include "pkg/service/autoscaler/supervisor_target.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "pkg/base/log.h"
#include "pkg/telemetry/pod_sample.h"

namespace flyball::service::autoscaler {
namespace {

using Json = nlohmann::json;
constexpr auto kCallTimeout = std::chrono::milliseconds(1000);
constexpr size_t kWave = 256;

// What the supervisor says of a refusal, for a person.
std::string Refusal(const http::ClientResponse& response) {
  const Json body = Json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  if (body.is_object() && body.contains("detail") && body["detail"].is_string()) return body["detail"];
  return "status " + std::to_string(response.status);
}

}  // namespace

SupervisorTarget::SupervisorTarget(std::string url, std::string token, std::string metrics_path)
    : url_(std::move(url)), token_(std::move(token)), metrics_path_(std::move(metrics_path)) {}

Result<http::ClientResponse> SupervisorTarget::Call(std::string method, const std::string& path, std::string body) {
  http::ClientRequest request{.method = std::move(method), .url = url_ + path, .body = std::move(body)};
  request.headers.emplace_back("Authorization", "Bearer " + token_);
  if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  auto response = client_.Send(request, kCallTimeout);
  if (!response) return response;
  if (response->status >= 300) {
    return Fail(response->status == 409 ? ErrorCode::kConflict : ErrorCode::kUnavailable,
                request.method + " " + path + ": " + Refusal(*response));
  }
  return response;
}

Result<TargetView> SupervisorTarget::Observe() {
  const auto response = Call("GET", "/api/pods", "");
  if (!response) return Fail(response.error());
  TargetView view;
  try {
    const Json body = Json::parse(response->body);
    view.ordered = body.at("desired").get<int>();
    for (const Json& pod : body.at("pods")) {
      TargetPod& out = view.pods.emplace_back();
      out.name = pod.at("name").get<std::string>();
      out.ready = pod.at("ready").get<bool>();
      out.terminating = pod.value("state", "") == "draining";
      const auto port = pod.find("admin");  // null until the pod said where
      const int admin = port != pod.end() && port->is_number_integer() ? port->get<int>() : 0;
      if (admin > 0) out.metrics_url = "http://127.0.0.1:" + std::to_string(admin) + metrics_path_;
    }
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kUnavailable, std::string("GET /api/pods: ") + error.what());
  }
  return view;
}

Result<void> SupervisorTarget::SetReplicas(int replicas) {
  const auto response = Call("PUT", "/api/scale", Json{{"replicas", replicas}}.dump());
  if (!response) return Fail(response.error());
  return {};
}

void SupervisorTarget::Report(const std::string& governor, const std::string& status_json) {
  const auto response = Call("PUT", "/api/governors/" + governor + "/status", status_json);
  if (!response && !report_failing_) {
    Log(LogLevel::kWarn, "the status could not be reported", {{"reason", response.error().message}});
  }
  report_failing_ = !response;
}

std::vector<Result<scaling::PodSample>> HttpScraper::Scrape(const std::vector<TargetPod>& pods) {
  std::vector<Result<scaling::PodSample>> samples(pods.size());
  std::vector<size_t> order(pods.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_partition(order.begin(), order.end(), [&](size_t i) { return !slow_.contains(pods[i].name); });
  slow_.clear();
  for (size_t begin = 0; begin < order.size(); begin += kWave) {
    const size_t end = std::min(order.size(), begin + kWave);
    std::vector<http::ClientRequest> requests;
    for (size_t i = begin; i < end; ++i) requests.push_back({.url = pods[order[i]].metrics_url});
    const auto responses = client_.Fetch(requests, kCallTimeout);
    for (size_t i = begin; i < end; ++i) {
      const auto& response = responses[i - begin];
      auto& sample = samples[order[i]];
      if (!response) {
        sample = Fail(response.error());
        if (response.error().code == ErrorCode::kTimeout) slow_.insert(pods[order[i]].name);
      } else if (response->status != 200) {
        sample = Fail(ErrorCode::kUnavailable, "status " + std::to_string(response->status));
      } else {
        sample = telemetry::ReadPodSample(response->body);
      }
    }
  }
  return samples;
}

}  // namespace flyball::service::autoscaler
