// From the pages of a target's pods to samples whose counters never fall, whatever the programs' own counters do.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "pkg/base/result.h"
#include "pkg/scaling/sample.h"
#include "pkg/spec/governor.h"
#include "pkg/telemetry/mapped_page.h"

namespace flyball::telemetry {

// The samples have one endpoint, named by the requests' metric, at normal criticality; counters count from the pod's
// first page. Each series is followed by itself, as Prometheus's rate() does: one that fell was reset and its new value
// is what it counted since; one that is new after the first page counted from zero; one that vanished counts nothing
// and is remembered. When process_start_time_seconds moved, all were reset. Buckets of any bounds are spread evenly
// over the grid of scaling::LatencyHistogram.
// One thread.
class MappedPods {
 public:
  explicit MappedPods(spec::DemandMetrics metrics);

  // kNotFound: the page lacks a metric that is asked for; missing is never zero. The exception: a page that has series
  // of the name, though none with the labels, is a pod which was not asked yet, once any pod has shown that the labels
  // are right. Refusals are always zero until there are some. kConflict: the page is older than the last one.
  Result<scaling::PodSample> Add(const std::string& pod, const MappedPage& page);

  // Forgets every pod that was not added since the last call.
  void ForgetOthers();

 private:
  struct Past {
    bool seen = false;  // since ForgetOthers
    std::unordered_map<std::string, double> series;
    double start_time_seconds = 0, clock_seconds = 0;
    double requests = 0, shed = 0, answered = 0, completed = 0, cpu_seconds = 0;
    scaling::LatencyHistogram latency;
    bool first = true;
  };
  Result<void> Check(const MappedPage& page) const;
  static double Growth(Past& past, const std::string& key, double now);
  void AddLatency(Past& past, const MappedPage::Histogram& histogram);

  const spec::DemandMetrics metrics_;
  std::map<std::string, Past> pods_;
  bool requests_proven_ = false, latency_proven_ = false, in_flight_proven_ = false;
};

}  // namespace flyball::telemetry
