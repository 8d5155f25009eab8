#include "pkg/service/autoscaler/mapped_scraper.h"

#include <utility>

namespace flyball::service::autoscaler {

MappedScraper::MappedScraper(spec::DemandMetrics metrics)
    : metrics_(std::move(metrics)), reader_(metrics_), pods_(metrics_) {}

std::vector<Result<scaling::PodSample>> MappedScraper::Scrape(const std::vector<TargetPod>& pods) {
  std::vector<http::ClientRequest> requests;
  requests.reserve(pods.size());
  for (const TargetPod& pod : pods) {
    requests.push_back({.url = pod.metrics_url, .headers = {{"Accept", "text/plain;version=0.0.4"}}});
  }
  const auto answers = client_.Fetch(requests, std::chrono::seconds(1));
  std::vector<Result<scaling::PodSample>> samples;
  samples.reserve(pods.size());
  for (size_t i = 0; i < pods.size(); ++i) {
    if (!answers[i]) {
      samples.emplace_back(Fail(answers[i].error()));
    } else if (answers[i]->status != 200) {
      samples.emplace_back(Fail(ErrorCode::kUnavailable, "status " + std::to_string(answers[i]->status)));
    } else if (auto page = telemetry::ReadMappedPage(reader_, answers[i]->body); !page) {
      samples.emplace_back(Fail(page.error()));
    } else {
      samples.push_back(pods_.Add(pods[i].name, *page));
    }
  }
  pods_.ForgetOthers();
  return samples;
}

}  // namespace flyball::service::autoscaler
