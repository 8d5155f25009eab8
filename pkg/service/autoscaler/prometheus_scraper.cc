#include "pkg/service/autoscaler/prometheus_scraper.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "pkg/service/autoscaler/prometheus_metrics.h"

namespace flyball::service::autoscaler {
namespace {

using Op = spec::LabelMatcher::Op;

constexpr std::string_view kProcess = "process_start_time_seconds|process_cpu_seconds_total";

// What Prometheus adds to all series of a target, and so chooses the process's own series too.
bool IsOfTarget(const spec::LabelMatcher& matcher) {
  return matcher.label == "job" || matcher.label == "namespace" || matcher.label == "cluster";
}

std::string WithLabels(const std::string& name, const std::vector<spec::LabelMatcher>& matchers) {
  return ToPromQL(spec::MetricSelector{name, matchers});
}

// The latest sample that is not later than `at`.
std::optional<double> ValueAt(const PrometheusSeries& series, double at) {
  std::optional<double> value;
  for (const auto& [time, number] : series.samples) {
    if (time <= at) value = number;
  }
  return value;
}

// A series as the page reader takes it; empty labels do not exist in Prometheus.
void Tell(telemetry::MappedPageReader& reader, const PrometheusSeries& series, double value) {
  std::vector<telemetry::LabelView> labels;
  labels.reserve(series.labels.size());
  for (const auto& [name, text] : series.labels) labels.push_back({name, text});
  reader.OnSeries({.name = series.name, .labels = labels, .value = value});
}

}  // namespace

struct PrometheusScraper::PodSeries {
  std::vector<const PrometheusSeries*> series;
  double requests_at = 0, any_at = 0;  // when the newest sample was taken, Unix seconds
  bool knows_requests = false;
};

// `told` in the order of Queries().
auto PrometheusScraper::ByPod(const Told& told, const std::string& label)
    -> std::map<std::string, PodSeries, std::less<>> {
  std::map<std::string, PodSeries, std::less<>> by_pod;
  std::set<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> seen;  // selectors may overlap
  for (size_t q = 0; q < told.size(); ++q) {
    for (const PrometheusSeries& series : told[q]) {
      PodSeries& pod = by_pod[std::string(series.Label(label))];
      if (q + 1 == told.size()) {
        pod.knows_requests = true;
        continue;
      }
      if (series.samples.empty() || !seen.emplace(series.name, series.labels).second) continue;
      pod.series.push_back(&series);
      pod.any_at = std::max(pod.any_at, series.samples.back().first);
      if (q == 0) pod.requests_at = std::max(pod.requests_at, series.samples.back().first);
    }
  }
  return by_pod;
}

PrometheusScraper::PrometheusScraper(std::string url, const spec::Governor& governor)
    : url_(std::move(url)),
      metrics_(*governor.demand),
      pod_label_(governor.metrics.pod_label),
      window_("[" + std::to_string(3 * governor.scrape.count()) + "ms]"),
      reader_(metrics_),
      pods_(metrics_) {}

std::string PrometheusScraper::PodValue(const TargetPod& pod) const {
  if (pod_label_ != "instance") return pod.name;
  std::string_view address = pod.metrics_url;
  address.remove_prefix(std::min(address.size(), address.find("://") == address.npos ? 0 : address.find("://") + 3));
  return std::string(address.substr(0, address.find('/')));
}

// The last one tells which pods have series of the requests' name at all.
std::vector<std::string> PrometheusScraper::Queries(const std::vector<TargetPod>& pods) const {
  std::string names;
  for (const TargetPod& pod : pods) names += (names.empty() ? "" : "|") + re2::RE2::QuoteMeta(PodValue(pod));
  const spec::LabelMatcher of_pods{Op::kMatch, pod_label_, names};
  std::vector<std::string> queries;
  const auto ask = [&](const spec::MetricSelector& selector) {
    auto matchers = selector.matchers;
    matchers.push_back(of_pods);
    queries.push_back(WithLabels(selector.name, matchers) + window_);
  };
  ask(metrics_.requests);
  if (metrics_.shed) ask(*metrics_.shed);
  if (metrics_.in_flight) ask(*metrics_.in_flight);
  if (metrics_.latency) {
    for (const char* part : {"_bucket", "_sum"}) {
      spec::MetricSelector whole = *metrics_.latency;
      whole.name += part;
      ask(whole);
    }
  }
  std::vector<spec::LabelMatcher> target;
  std::copy_if(metrics_.requests.matchers.begin(), metrics_.requests.matchers.end(), std::back_inserter(target),
               IsOfTarget);
  target.push_back(of_pods);
  std::vector<spec::LabelMatcher> process = target;
  process.push_back({Op::kMatch, "__name__", std::string(kProcess)});
  queries.push_back(WithLabels("", process) + window_);
  queries.push_back("group by (" + pod_label_ + ") (" + WithLabels(metrics_.requests.name, target) + ")");
  return queries;
}

auto PrometheusScraper::Ask(const std::vector<TargetPod>& pods) -> Result<Told> {
  std::vector<http::ClientRequest> requests;
  for (const std::string& query : Queries(pods)) requests.push_back(PrometheusQuery(url_, query));
  Told told;
  for (const auto& answer : client_.Fetch(requests, std::chrono::seconds(1))) {
    auto series = answer ? ReadSeries(answer->body) : Result<std::vector<PrometheusSeries>>(Fail(answer.error()));
    if (!series) return Fail(series.error().code, "the Prometheus server: " + series.error().message);
    told.push_back(std::move(*series));
  }
  return told;
}

Result<scaling::PodSample> PrometheusScraper::Sample(const TargetPod& target, const PodSeries* pod) {
  if (pod == nullptr || pod->series.empty()) {
    return Fail(ErrorCode::kNotFound, "the Prometheus server has nothing new where " +
                                          ToPromQL(spec::LabelMatcher{Op::kEqual, pod_label_, PodValue(target)}) +
                                          "; is metrics.podLabel right, and metrics.scrape as long as its "
                                          "scrape_interval?");
  }
  const double at = pod->requests_at > 0 ? pod->requests_at : pod->any_at;
  reader_.Begin();
  for (const PrometheusSeries* series : pod->series) {
    if (const auto value = ValueAt(*series, at)) Tell(reader_, *series, *value);
  }
  auto page = reader_.Finish();
  if (!page) return Fail(page.error());
  page->knows_requests |= pod->knows_requests;
  page->clock_seconds = at;
  return pods_.Add(target.name, *page);
}

std::vector<Result<scaling::PodSample>> PrometheusScraper::Scrape(const std::vector<TargetPod>& pods) {
  std::vector<Result<scaling::PodSample>> samples;
  if (pods.empty()) return samples;
  const auto told = Ask(pods);
  std::map<std::string, PodSeries, std::less<>> by_pod;
  if (told) by_pod = ByPod(*told, pod_label_);
  for (const TargetPod& target : pods) {
    const auto found = by_pod.find(PodValue(target));
    samples.push_back(told ? Sample(target, found == by_pod.end() ? nullptr : &found->second)
                           : Result<scaling::PodSample>(Fail(told.error())));
  }
  if (told) pods_.ForgetOthers();
  return samples;
}

}  // namespace flyball::service::autoscaler
