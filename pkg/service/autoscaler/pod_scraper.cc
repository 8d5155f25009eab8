#include "pkg/service/autoscaler/pod_scraper.h"

#include "pkg/service/autoscaler/mapped_scraper.h"
#include "pkg/service/autoscaler/prometheus_scraper.h"
#include "pkg/service/autoscaler/supervisor_target.h"

namespace flyball::service::autoscaler {

std::unique_ptr<PodScraper> MakeScraper(const spec::Governor& governor) {
  if (!governor.demand) return std::make_unique<HttpScraper>();
  if (governor.metrics.kind == spec::MetricsSource::Kind::kPods) {
    return std::make_unique<MappedScraper>(*governor.demand);
  }
  return std::make_unique<PrometheusScraper>(governor.prometheus_url, governor);
}

}  // namespace flyball::service::autoscaler
