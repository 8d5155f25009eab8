#include "pkg/spec/detail/demand_reader.h"

namespace flyball::spec {
namespace {

using std::chrono::minutes;

constexpr std::string_view kParts[] = {"_bucket", "_sum", "_count"};

std::optional<MetricSelector> ReadSelector(Reading& reading, const Node& node, const std::string& path) {
  const auto text = reading.Text(node, path);
  if (!text) return std::nullopt;
  auto selector = ParseMetricSelector(*text);
  if (selector) return std::move(*selector);
  reading.Report(node, path + ": " + selector.error().message,
                 "write a metric and its labels like http_requests_total{handler=\"/api\"}");
  return std::nullopt;
}

void ReadHistogram(Reading& reading, const Node& node, const std::string& path, DemandMetrics& demand) {
  auto selector = ReadSelector(reading, node, path);
  if (!selector) return;
  for (const std::string_view part : kParts) {
    if (!selector->name.ends_with(part)) continue;
    reading.Report(node, path + " is the name of a histogram, without " + std::string(part),
                   "write " + selector->name.substr(0, selector->name.size() - part.size()));
    return;
  }
  for (const LabelMatcher& matcher : selector->matchers)
    if (matcher.label == "le") reading.Report(node, path + " takes all buckets: the label le cannot be chosen");
  demand.latency = std::move(*selector);
}

void ReadUrl(Reading& reading, const Node& node, const std::string& path, std::string& url) {
  const auto text = reading.Text(node, path);
  if (!text) return;
  if (text->starts_with("http://") && text->size() > 7 && text->size() < 500 &&
      text->find_first_of(" ?#\t\r\n") == std::string::npos)
    url = *text;
  else
    reading.Report(node, path + ": '" + *text + "' is no URL of a server", "write it like http://127.0.0.1:9090");
}

void ReadPath(Reading& reading, const Node& node, const std::string& path, std::string& out) {
  const auto text = reading.Text(node, path);
  if (!text) return;
  const auto odd = [](char c) { return c <= ' ' || c == '#' || c == 127; };
  bool good = text->starts_with('/') && text->size() < 500;
  for (const char c : *text) good = good && !odd(c);
  if (good)
    out = *text;
  else
    reading.Report(node, path + ": '" + *text + "' is no path of a URL", "write it like /metrics");
}

}  // namespace

void ReadDemand(Reading& reading, const Node& node, const std::string& path, std::optional<DemandMetrics>& demand) {
  Mapping metrics(reading, node, path);
  if (!metrics.valid()) return;
  DemandMetrics named;
  bool any = false;
  const auto read = [&](std::string_view key, std::optional<MetricSelector>& out) {
    const Node* value = metrics.Find(key);
    if (value == nullptr) return;
    any = true;
    out = ReadSelector(reading, *value, metrics.Path(key));
  };
  std::optional<MetricSelector> requests;
  read("requests", requests);
  if (const Node* latency = metrics.Find("latency")) {
    any = true;
    ReadHistogram(reading, *latency, metrics.Path("latency"), named);
  }
  read("inFlight", named.in_flight);
  read("shed", named.shed);
  if (any && metrics.Find("requests") == nullptr) metrics.Require("requests", "requests: http_requests_total");
  metrics.Finish();
  if (!requests) return;
  named.requests = std::move(*requests);
  demand = std::move(named);
}

void ReadMetrics(Reading& reading, Mapping& metrics, Governor& governor) {
  metrics.Duration("scrape", milliseconds(100), minutes(1), governor.scrape);
  MetricsSource& source = governor.metrics;
  if (const Node* node = metrics.Find("source"))
    if (const auto choice = reading.Choice(*node, metrics.Path("source"), {"pods", "prometheus"}))
      source.kind = *choice == 0 ? MetricsSource::Kind::kPods : MetricsSource::Kind::kPrometheus;
  if (const Node* url = metrics.Find("prometheusURL"))
    ReadUrl(reading, *url, metrics.Path("prometheusURL"), governor.prometheus_url);
  metrics.Int("port", 1, 65'535, source.port);
  if (const Node* path = metrics.Find("path")) ReadPath(reading, *path, metrics.Path("path"), source.path);
  if (const Node* label = metrics.Find("podLabel"))
    if (const auto text = reading.Text(*label, metrics.Path("podLabel"))) {
      if (IsLabelName(*text))
        source.pod_label = *text;
      else
        reading.Mistyped(*label, metrics.Path("podLabel"), "the name of a label", "write it like pod or instance");
    }
}

void CheckDemand(Reading& reading, const Node& spec, const DemandNodes& nodes, Governor& governor) {
  const MetricsSource& source = governor.metrics;
  const bool app = governor.target.kind == "App";
  const Node& where = nodes.metrics != nullptr ? *nodes.metrics : spec;
  if (app) {
    if (governor.demand)
      reading.Report(*nodes.demand, "spec.signals.demand names metrics, but an App counts its own", "write demand: {}");
    if (source.kind == MetricsSource::Kind::kPrometheus)
      reading.Report(where, "spec.metrics.source: an App's pods are asked themselves", "write source: pods");
    if (source.port != 0 || source.path != MetricsSource().path)
      reading.Report(where, "spec.metrics: an App's pods say themselves where their metrics are",
                     "leave port and path away");
    return;
  }
  if (governor.target.kind.empty()) return;  // reported already
  const std::string target = governor.target.kind + " " + governor.target.name;
  if (nodes.demand == nullptr || nodes.demand->keys.empty())
    reading.Report(nodes.demand == nullptr ? spec : *nodes.demand,
                   "spec.signals.demand must say which metrics count the requests of " + target,
                   "write signals: {demand: {requests: http_requests_total}}");
  if (source.kind == MetricsSource::Kind::kPrometheus && governor.prometheus_url.empty())
    reading.Report(where, "spec.metrics.source: prometheus needs a server to ask",
                   "add prometheusURL: http://127.0.0.1:9090");
  if (nodes.enforce != nullptr && governor.enforce_limits)
    reading.Report(*nodes.enforce, "spec.limits.enforce: only Flyball's own pods obey limits, not " + target,
                   "write enforce: false");
  governor.enforce_limits = governor.fleet_ceiling = false;
}

}  // namespace flyball::spec
