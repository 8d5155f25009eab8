// A reader of the Prometheus text format 0.0.4 that also takes OpenMetrics 1.0 text (# EOF, # UNIT, exemplars,
// timestamps in seconds), streaming and without copies. Hostile input costs O(bytes) and no allocation but one scratch.
// https://prometheus.io/docs/instrumenting/exposition_formats/  https://openmetrics.io
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "pkg/base/result.h"

namespace flyball::telemetry {

struct LabelView {
  std::string_view name, value;  // value with its escapes resolved
};

// One line. All views are valid only during OnSeries.
struct SeriesView {
  std::string_view name;
  std::span<const LabelView> labels;  // in the order written
  double value = 0;                   // may be NaN or infinite; what that means is the reader's business

  // The value of `label`, empty when absent.
  std::string_view Label(std::string_view label) const;
};

class SeriesSink {
 public:
  virtual ~SeriesSink() = default;
  virtual void OnSeries(const SeriesView& series) = 0;
  // A line "# TYPE metric type", as it is written; valid only during the call.
  virtual void OnType(std::string_view /*metric*/, std::string_view /*type*/) {}
};

// Calls `sink` for every series in order and returns how many there were. Comments, HELP, UNIT and blank lines are
// skipped. The last line may lack its newline, so a body cut exactly at a line's end cannot be told from a whole
// one: the caller compares the length with Content-Length. Names, label names and escapes are checked; at most 64
// labels. kInvalid "line 17: ..." at the first malformed line; what the sink was given before it must then be thrown
// away.
Result<size_t> ParseExposition(std::string_view text, SeriesSink& sink);

}  // namespace flyball::telemetry
