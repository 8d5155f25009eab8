// The metrics of a program that is not Flyball's own, from the Prometheus server that scrapes it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pkg/http/client.h"
#include "pkg/service/autoscaler/ports.h"
#include "pkg/service/autoscaler/prometheus_metrics.h"
#include "pkg/spec/governor.h"
#include "pkg/telemetry/mapped_pods.h"

namespace flyball::service::autoscaler {

// Asks for the raw samples of the last three scrapes with their own times, so rates are as exact as from the pods: what
// is not new since the last call says nothing new, whatever the server's scrape interval. One thread.
class PrometheusScraper final : public PodScraper {
 public:
  // `url` of the server; `governor` has demand.
  PrometheusScraper(std::string url, const spec::Governor& governor);
  std::vector<Result<scaling::PodSample>> Scrape(const std::vector<TargetPod>& pods) override;

 private:
  struct PodSeries;  // all that the server told of one pod
  using Told = std::vector<std::vector<PrometheusSeries>>;
  static std::map<std::string, PodSeries, std::less<>> ByPod(const Told& told, const std::string& label);
  Result<Told> Ask(const std::vector<TargetPod>& pods);
  Result<scaling::PodSample> Sample(const TargetPod& target, const PodSeries* pod);
  std::vector<std::string> Queries(const std::vector<TargetPod>& pods) const;
  std::string PodValue(const TargetPod& pod) const;

  const std::string url_;
  const spec::DemandMetrics metrics_;
  const std::string pod_label_;
  const std::string window_;  // "[6000ms]"
  telemetry::MappedPageReader reader_;
  telemetry::MappedPods pods_;
  http::Client client_;
};

}  // namespace flyball::service::autoscaler
