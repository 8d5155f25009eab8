#include "pkg/telemetry/pod_sample.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

#include "pkg/telemetry/exposition_parser.h"

namespace flyball::telemetry {
namespace {

using scaling::EndpointCounters;
using scaling::LatencyHistogram;
using scaling::PodSample;

constexpr size_t kMaxCells = 4000;

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

size_t CriticalityIndex(std::string_view name) {
  if (name == "critical") return 0;
  return name == "sheddable" ? 2 : 1;
}

class SampleSink final : public SeriesSink {
 public:
  void OnSeries(const SeriesView& series) override {
    std::string_view name = series.name;
    if (name == "process_cpu_seconds_total") return Take(sample_.cpu_seconds, series);
    if (name == "process_resident_memory_bytes") return Take(sample_.memory_bytes, series);
    if (!name.starts_with("flyball_")) return;
    name.remove_prefix(8);
    if (name.ends_with("_bucket")) {
      OnBucket(name.substr(0, name.size() - 7), series);
    } else if (series.labels.size() >= 2) {
      OnCounter(name, series);
    } else {
      OnScalar(name, series);
    }
  }

  Result<PodSample> Finish() {
    if (!problem_.empty()) return Fail(ErrorCode::kInvalid, problem_);
    if (!saw_workers_ || !saw_monotonic_) {
      return Fail(
          ErrorCode::kInvalid,
          "expected flyball_workers and flyball_monotonic_seconds: this is not a whole answer of a Flyball pod");
    }
    std::sort(sample_.endpoints.begin(), sample_.endpoints.end(), [](const auto& a, const auto& b) {
      return std::tie(a.endpoint, a.criticality) < std::tie(b.endpoint, b.criticality);
    });
    return std::move(sample_);
  }

 private:
  // False, and remembered as the problem, when the number cannot be a counter or a gauge of ours.
  bool Sane(const SeriesView& series) {
    if (series.value >= 0 && std::isfinite(series.value)) return true;
    if (problem_.empty()) {
      problem_ = std::string(series.name) + ": " + std::to_string(series.value) + ", expected a finite number >= 0";
    }
    return false;
  }
  void Take(double& field, const SeriesView& series) {
    if (Sane(series)) field = series.value;
  }
  void Add(double& field, const SeriesView& series) {
    if (Sane(series)) field += series.value;
  }

  EndpointCounters* Cell(const SeriesView& series) {
    const std::string_view endpoint = series.Label("endpoint");
    const size_t criticality = CriticalityIndex(series.Label("criticality"));
    if (last_ < sample_.endpoints.size()) {  // lines of one cell mostly follow each other
      EndpointCounters& last = sample_.endpoints[last_];
      if (last.endpoint == endpoint && static_cast<size_t>(last.criticality) == criticality) return &last;
    }
    auto found = cells_.find(endpoint);
    if (found == cells_.end()) found = cells_.emplace(endpoint, std::array<int, 3>{-1, -1, -1}).first;
    int& index = found->second[criticality];
    if (index < 0) {
      if (sample_.endpoints.size() == kMaxCells) {
        problem_ = "more than 4000 pairs of endpoint and criticality";
        return nullptr;
      }
      index = static_cast<int>(sample_.endpoints.size());
      EndpointCounters& added = sample_.endpoints.emplace_back();
      added.endpoint = endpoint;
      added.criticality = static_cast<scaling::Criticality>(criticality);
    }
    last_ = static_cast<size_t>(index);
    return &sample_.endpoints[last_];
  }

  void OnCounter(std::string_view name, const SeriesView& series) {
    if (name == "template_hash") {
      sample_.template_hash = series.Label("hash");
    } else if (name == "requests_total") {
      if (EndpointCounters* cell = Cell(series)) {
        Add(series.Label("attempt") == "retry" ? cell->retries : cell->first_attempts, series);
      }
    } else if (name == "shed_total") {
      if (EndpointCounters* cell = Cell(series)) Add(ShedField(*cell, series), series);
    } else if (name == "completed_total") {
      const std::string_view code = series.Label("code_class");
      EndpointCounters* cell = Cell(series);
      if (cell != nullptr && !code.empty() && code[0] >= '2' && code[0] <= '5')
        Add(cell->completed[code[0] - '2'], series);
    } else if (name == "service_seconds_sum") {
      if (EndpointCounters* cell = Cell(series)) Add(cell->service_seconds, series);
    } else if (name == "service_seconds_count") {
      if (EndpointCounters* cell = Cell(series)) Add(cell->service_count, series);
    } else if (name == "queue_seconds_sum") {
      Add(sample_.queue.sum_seconds, series);
    } else if (name == "request_seconds_sum") {
      Add(sample_.request[CriticalityIndex(series.Label("criticality"))].sum_seconds, series);
    }
  }

  static double& ShedField(EndpointCounters& cell, const SeriesView& series) {
    const std::string_view layer = series.Label("layer");
    if (layer == "auth") return cell.refused_auth;
    if (layer == "quota") return cell.refused_quota;
    if (layer == "pod") return cell.shed_pod;
    return series.Label("reason") == "adaptive" ? cell.refused_adaptive : cell.shed_fleet;
  }

  void OnScalar(std::string_view name, const SeriesView& series) {
    struct Field {
      std::string_view name;
      double PodSample::*member;
    };
    static constexpr Field kFields[] = {
        {"in_flight", &PodSample::in_flight},
        {"concurrency_limit", &PodSample::concurrency_limit},
        {"workers", &PodSample::workers},
        {"reactors", &PodSample::reactors},
        {"cpu_quota_cores", &PodSample::cpu_quota_cores},
        {"executor_busy_seconds_total", &PodSample::executor_busy_seconds},
        {"reactor_busy_seconds_total", &PodSample::reactor_busy_seconds},
        {"memory_limit_bytes", &PodSample::memory_limit_bytes},
        {"connections", &PodSample::connections},
        {"start_time_seconds", &PodSample::start_time_seconds},
        {"monotonic_seconds", &PodSample::monotonic_seconds},
    };
    for (const Field& field : kFields) {
      if (field.name != name) continue;
      Take(sample_.*field.member, series);
      saw_workers_ |= name == "workers";
      saw_monotonic_ |= name == "monotonic_seconds";
      return;
    }
  }

  // Buckets arrive per series in ascending `le`, cumulative; a smaller `le` or another label begins the next series.
  void OnBucket(std::string_view name, const SeriesView& series) {
    LatencyHistogram* histogram = nullptr;
    if (name == "queue_seconds") {
      histogram = &sample_.queue;
    } else if (name == "request_seconds") {
      histogram = &sample_.request[CriticalityIndex(series.Label("criticality"))];
    } else {
      return;
    }
    const std::string_view text = series.Label("le");
    double le = INFINITY;
    if (text != "+Inf") {
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), le);
      if (error != std::errc() || stop != text.data() + text.size() || !(le >= 0)) {
        if (problem_.empty()) problem_ = std::string(series.name) + ": le is not a number";
        return;
      }
    }
    if (!Sane(series)) return;
    if (le <= run_le_ || histogram != run_) run_count_ = 0;
    run_ = histogram;
    run_le_ = le;
    if (series.value < run_count_ && problem_.empty()) problem_ = std::string(series.name) + ": buckets go down";
    histogram->buckets[Bucket(le)] += series.value - run_count_;
    run_count_ = series.value;
  }

  static size_t Bucket(double le) {
    size_t i = 0;
    while (i < scaling::kLatencyBounds && scaling::LatencyBound(i) < le * (1 - 1e-9)) ++i;
    return i;
  }

  PodSample sample_;
  std::string problem_;
  std::unordered_map<std::string, std::array<int, 3>, TextHash, std::equal_to<>> cells_;
  size_t last_ = ~size_t{0};
  const LatencyHistogram* run_ = nullptr;
  double run_le_ = 0, run_count_ = 0;
  bool saw_workers_ = false, saw_monotonic_ = false;
};

}  // namespace

Result<PodSample> ReadPodSample(std::string_view text) {
  SampleSink sink;
  const Result<size_t> parsed = ParseExposition(text, sink);
  if (!parsed) return Fail(parsed.error());
  Result<PodSample> sample = sink.Finish();
  if (!sample) return sample;
  // Sums of what is finite may not be, and zeros everywhere are no sample.
  if (auto sane = scaling::Validate(*sample); !sane) return Fail(sane.error());
  return sample;
}

}  // namespace flyball::telemetry
