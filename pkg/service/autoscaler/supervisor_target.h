// The ports of the control loop on a local fleet: the supervisor's small HTTP API, and scrapes over loopback.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "pkg/http/client.h"
#include "pkg/service/autoscaler/ports.h"

namespace flyball::service::autoscaler {

// GET /api/pods, PUT /api/scale and PUT /api/governors/NAME/status of the supervisor. One thread.
class SupervisorTarget final : public ScaleTarget, public StatusSink {
 public:
  // `url` without a trailing slash; `token` is sent as a bearer token; `metrics_path` is where pods show their metrics.
  SupervisorTarget(std::string url, std::string token, std::string metrics_path = "/metrics");

  Result<TargetView> Observe() override;
  Result<void> SetReplicas(int replicas) override;
  void Report(const std::string& governor, const std::string& status_json) override;

 private:
  Result<http::ClientResponse> Call(std::string method, const std::string& path, std::string body);

  const std::string url_, token_, metrics_path_;
  http::Client client_;
  bool report_failing_ = false;
};

// Scrapes Flyball's own pods, 256 at a time so that no more pages than that are held at once, with one second for each
// such wave. Those that did not answer in time last time are asked last: they cost a second together, not each wave
// one.
class HttpScraper final : public PodScraper {
 public:
  std::vector<Result<scaling::PodSample>> Scrape(const std::vector<TargetPod>& pods) override;

 private:
  http::Client client_;
  std::set<std::string> slow_;  // names of pods
};

}  // namespace flyball::service::autoscaler
