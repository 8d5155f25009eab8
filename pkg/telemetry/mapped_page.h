// What one scrape of one pod of a program that is not Flyball's own says, by the metrics that a Governor's
// signals.demand names. Cumulative values as they stand; what they mean against the scrape before is mapped_pods.h's
// business.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/spec/governor.h"
#include "pkg/telemetry/exposition_parser.h"

namespace flyball::telemetry {

struct MappedPage {
  // One series: its labels (without le), written so that equal label sets are equal texts.
  struct Counter {
    std::string labels;
    double value = 0;
  };
  struct Histogram {
    struct Bucket {
      double le_seconds = 0;  // +infinity in the last
      double count = 0;       // cumulative over the buckets
    };
    std::string labels;
    std::vector<Bucket> buckets;  // ascending, the last one infinite, not empty
    double sum_seconds = 0;
  };
  std::vector<Counter> requests, shed;
  std::vector<Histogram> latency;
  std::optional<double> in_flight;
  // The page has series of that name, though none with the labels asked for.
  bool knows_requests = false, knows_latency = false, knows_in_flight = false;
  // process_start_time_seconds, process_cpu_seconds_total, process_resident_memory_bytes
  std::optional<double> start_time_seconds, cpu_seconds, memory_bytes;
  double clock_seconds = 0;  // when the numbers were true, by a clock that never goes back; 0 = when they were read
};

// Collects the series of one pod into a page.
class MappedPageReader final : public SeriesSink {
 public:
  // `metrics` must outlive it. Compiles its regular expressions, so keep it for the next page.
  explicit MappedPageReader(const spec::DemandMetrics& metrics);
  ~MappedPageReader() override;

  // Begins the next page.
  void Begin();
  void OnSeries(const SeriesView& series) override;
  void OnType(std::string_view metric, std::string_view type) override;

  // The page since Begin. kInvalid names the metric when a number is NaN, infinite or negative, buckets go down, the
  // last bucket is not +Inf, `latency` is a summary or has no buckets, `requests` or `shed` is a gauge, or more than
  // 2,000 series match. That nothing matched is no error here.
  Result<MappedPage> Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A whole page in the text format.
Result<MappedPage> ReadMappedPage(MappedPageReader& reader, std::string_view text);

}  // namespace flyball::telemetry
