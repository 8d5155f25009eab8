// The ports of the control loop on a local fleet: the supervisor's small HTTP API, and scrapes over loopback.
#pragma once

#include <memory>
#include <string>

#include "pkg/http/client.h"
#include "pkg/service/autoscaler/ports.h"

namespace flyball::service::autoscaler {

// GET /api/pods, PUT /api/scale and PUT /api/governors/NAME/status of the supervisor. One thread.
class SupervisorTarget final : public ScaleTarget, public StatusSink {
 public:
  // `url` without a trailing slash; `token` is sent as a bearer token.
  SupervisorTarget(std::string url, std::string token);

  Result<TargetView> Observe() override;
  Result<void> SetReplicas(int replicas) override;
  void Report(const std::string& governor, const std::string& status_json) override;

 private:
  Result<http::ClientResponse> Call(std::string method, const std::string& path, std::string body);

  const std::string url_, token_;
  http::Client client_;
  bool report_failing_ = false;
};

// Scrapes with one second for all of them; parses what came.
class HttpScraper final : public PodScraper {
 public:
  std::vector<Result<scaling::PodSample>> Scrape(const std::vector<std::string>& urls) override;

 private:
  http::Client client_;
};

}  // namespace flyball::service::autoscaler
