// The metrics of a program that is not Flyball's own, from its pods themselves.
#pragma once

#include "pkg/http/client.h"
#include "pkg/service/autoscaler/ports.h"
#include "pkg/spec/governor.h"
#include "pkg/telemetry/mapped_pods.h"

namespace flyball::service::autoscaler {

// Scrapes all pods at once, within a second. Remembers their last pages, for the samples count from there. One thread.
class MappedScraper final : public PodScraper {
 public:
  explicit MappedScraper(spec::DemandMetrics metrics);
  std::vector<Result<scaling::PodSample>> Scrape(const std::vector<TargetPod>& pods) override;

 private:
  const spec::DemandMetrics metrics_;
  telemetry::MappedPageReader reader_;
  telemetry::MappedPods pods_;
  http::Client client_;
};

}  // namespace flyball::service::autoscaler
