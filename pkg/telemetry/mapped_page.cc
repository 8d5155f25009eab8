#include "pkg/telemetry/mapped_page.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

namespace flyball::telemetry {
namespace {

constexpr size_t kMostSeries = 2000;

// Seconds in the unit that a metric's name ends in.
double UnitOf(std::string_view name) {
  if (name.ends_with("_milliseconds") || name.ends_with("_ms")) return 1e-3;
  return 1;
}

class Matcher {
 public:
  explicit Matcher(const spec::LabelMatcher& matcher) : matcher_(matcher) {
    using Op = spec::LabelMatcher::Op;
    if (matcher.op == Op::kMatch || matcher.op == Op::kNoMatch) {
      regex_ = std::make_unique<re2::RE2>(matcher.value, re2::RE2::Quiet);
    }
  }
  bool Matches(const SeriesView& series) const {
    using Op = spec::LabelMatcher::Op;
    const std::string_view value = series.Label(matcher_.label);
    if (regex_ == nullptr) return (value == matcher_.value) == (matcher_.op == Op::kEqual);
    return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_) == (matcher_.op == Op::kMatch);
  }

 private:
  const spec::LabelMatcher matcher_;
  std::unique_ptr<re2::RE2> regex_;
};

class Selector {
 public:
  explicit Selector(const spec::MetricSelector& selector) : name_(selector.name) {
    for (const spec::LabelMatcher& matcher : selector.matchers) matchers_.emplace_back(matcher);
  }
  const std::string& name() const { return name_; }
  bool Labels(const SeriesView& series) const {
    return std::all_of(matchers_.begin(), matchers_.end(), [&](const Matcher& m) { return m.Matches(series); });
  }

 private:
  std::string name_;
  std::vector<Matcher> matchers_;
};

// Equal for equal sets of labels, in whatever order they came.
std::string LabelText(const SeriesView& series) {
  std::vector<const LabelView*> labels;
  for (const LabelView& label : series.labels) {
    if (label.name != "le") labels.push_back(&label);
  }
  std::sort(labels.begin(), labels.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  std::string text;
  for (const LabelView* label : labels) {
    text.append(label->name).append("=").append(label->value).push_back('\0');
  }
  return text;
}

bool ReadBound(std::string_view text, double& le) {
  if (text == "+Inf" || text == "Inf" || text == "inf" || text == "+inf") {
    le = INFINITY;
    return true;
  }
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), le);
  return error == std::errc() && stop == text.data() + text.size() && le == le;
}

}  // namespace

struct MappedPageReader::State {
  Selector requests;
  std::optional<Selector> latency, in_flight, shed;
  std::string latency_bucket, latency_sum;
  double unit = 1;

  MappedPage page;
  std::map<std::string, MappedPage::Histogram> histograms;
  std::string problem;
  bool summary = false;
  size_t series = 0;

  void Problem(std::string what) {
    if (problem.empty()) problem = std::move(what);
  }
  // False, and a problem, for what is no counter and no gauge of a load.
  bool Sane(const SeriesView& seen) {
    if (std::isfinite(seen.value) && seen.value >= 0) return true;
    Problem(std::string(seen.name) + ": " + std::to_string(seen.value) + ", expected a finite number >= 0");
    return false;
  }
  bool Room() {
    if (++series <= kMostSeries) return true;
    Problem("more than 2,000 series of one pod match; choose fewer by labels");
    return false;
  }
  void Count(const Selector& selector, const SeriesView& seen, std::vector<MappedPage::Counter>& into) {
    if (selector.Labels(seen) && Sane(seen) && Room()) into.push_back({LabelText(seen), seen.value});
  }
  void Latency(const SeriesView& seen);
  void Bucket(const SeriesView& seen);
  void FinishLatency();
};

MappedPageReader::MappedPageReader(const spec::DemandMetrics& metrics)
    : state_(new State{.requests = Selector(metrics.requests)}) {
  State& s = *state_;
  if (metrics.shed) s.shed.emplace(*metrics.shed);
  if (metrics.in_flight) s.in_flight.emplace(*metrics.in_flight);
  if (metrics.latency) {
    s.latency.emplace(*metrics.latency);
    s.latency_bucket = metrics.latency->name + "_bucket";
    s.latency_sum = metrics.latency->name + "_sum";
    s.unit = UnitOf(metrics.latency->name);
  }
}
MappedPageReader::~MappedPageReader() = default;

void MappedPageReader::Begin() {
  state_->page = {};
  state_->histograms.clear();
  state_->problem.clear();
  state_->summary = false;
  state_->series = 0;
}

void MappedPageReader::OnType(std::string_view metric, std::string_view type) {
  State& s = *state_;
  const auto names = [&](const Selector& selector) {  // OpenMetrics writes counters without _total here
    const std::string& name = selector.name();
    return metric == name || (name.ends_with("_total") && metric == std::string_view(name).substr(0, name.size() - 6));
  };
  const auto wrong = [&](const char* wanted) {
    s.Problem(std::string(metric) + " is a " + std::string(type) + ", expected " + wanted);
  };
  if (names(s.requests) && type == "gauge") wrong("a counter");
  if (s.shed && names(*s.shed) && type == "gauge") wrong("a counter");
  if (s.in_flight && s.in_flight->name() == metric && type == "counter") wrong("a gauge");
  if (s.latency && s.latency->name() == metric) {
    s.page.knows_latency = true;
    if (type == "summary") s.summary = true;
    if (type == "counter" || type == "gauge") wrong("a histogram");
  }
}

void MappedPageReader::OnSeries(const SeriesView& series) {
  State& s = *state_;
  const std::string_view name = series.name;
  if (name == "process_start_time_seconds") {
    if (s.Sane(series)) s.page.start_time_seconds = series.value;
  } else if (name == "process_cpu_seconds_total") {
    if (s.Sane(series)) s.page.cpu_seconds = series.value;
  } else if (name == "process_resident_memory_bytes") {
    if (s.Sane(series)) s.page.memory_bytes = series.value;
  }
  if (name == s.requests.name()) {
    s.page.knows_requests = true;
    s.Count(s.requests, series, s.page.requests);
  }
  if (s.shed && name == s.shed->name()) s.Count(*s.shed, series, s.page.shed);
  if (s.in_flight && name == s.in_flight->name()) {
    s.page.knows_in_flight = true;
    if (s.in_flight->Labels(series) && s.Sane(series)) s.page.in_flight = s.page.in_flight.value_or(0) + series.value;
  }
  if (s.latency && name.starts_with(s.latency->name())) s.Latency(series);
}

void MappedPageReader::State::Latency(const SeriesView& seen) {
  if (seen.name == latency->name()) {
    summary = summary || !seen.Label("quantile").empty();
  } else if (seen.name == latency_bucket) {
    page.knows_latency = true;
    if (latency->Labels(seen) && Room()) Bucket(seen);
  } else if (seen.name == latency_sum && latency->Labels(seen)) {
    if (Sane(seen)) histograms[LabelText(seen)].sum_seconds = seen.value * unit;
  }
}

void MappedPageReader::State::Bucket(const SeriesView& seen) {
  double le = 0;
  if (!Sane(seen)) return;
  if (!ReadBound(seen.Label("le"), le)) return Problem(std::string(seen.name) + ": le is not a number");
  histograms[LabelText(seen)].buckets.push_back({std::isinf(le) ? le : std::max(0.0, le * unit), seen.value});
}

void MappedPageReader::State::FinishLatency() {
  for (auto& [labels, histogram] : histograms) {
    auto& buckets = histogram.buckets;
    std::sort(buckets.begin(), buckets.end(), [](const auto& a, const auto& b) { return a.le_seconds < b.le_seconds; });
    if (buckets.empty()) {
      summary = true;  // a sum of the name, and nothing to tell times from
      continue;
    }
    if (!std::isinf(buckets.back().le_seconds)) Problem(latency_bucket + ": the bucket le=\"+Inf\" is missing");
    if (buckets.size() == 1) Problem(latency_bucket + ": there is no bucket but le=\"+Inf\", which tells no times");
    for (size_t i = 1; i < buckets.size(); ++i) {
      if (buckets[i].count < buckets[i - 1].count) Problem(latency_bucket + ": buckets go down");
    }
    histogram.labels = labels;
    page.latency.push_back(std::move(histogram));
  }
  histograms.clear();
  if (summary && page.latency.empty()) {
    Problem(latency->name() + " is a summary, whose quantiles cannot be added up over pods; a histogram is needed");
  }
}

Result<MappedPage> MappedPageReader::Finish() {
  if (state_->latency) state_->FinishLatency();
  if (!state_->problem.empty()) return Fail(ErrorCode::kInvalid, state_->problem);
  return std::move(state_->page);
}

Result<MappedPage> ReadMappedPage(MappedPageReader& reader, std::string_view text) {
  reader.Begin();
  const Result<size_t> parsed = ParseExposition(text, reader);
  if (!parsed) return Fail(parsed.error());
  if (*parsed == 0) return Fail(ErrorCode::kInvalid, "the page has no metrics");
  return reader.Finish();
}

}  // namespace flyball::telemetry
