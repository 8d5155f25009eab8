#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/scaling/governor.h"
#include "pkg/scaling/time_zone.h"
#include "pkg/service/autoscaler/ports.h"
#include "pkg/spec/governor.h"

namespace flyball::service::autoscaler {

// One governed target: observe, scrape, decide, act, publish, report; once a tick. One thread.
// Order matters: replicas are ordered before rates are published, because a pod takes seconds to start and a rate works
// at once; a failure of either never keeps the other from being done.
class Loop {
 public:
  // `zones[i]` is that of document.schedule[i]. `external` answers document.external; null = it has none. `remembered`
  // is what an earlier leader knew.
  Loop(spec::Governor document, ScaleTarget& target, PodScraper& scraper, RatePublisher& publisher, StatusSink& sink,
       const Clock& clock, std::vector<scaling::TimeZone> zones = {}, ExternalMetrics* external = nullptr,
       scaling::Remembered remembered = {});

  // The document changed, but for target, signals and metrics, which are other parts' to read: it counts from the next
  // tick, and what was learnt is kept.
  void Reconfigure(spec::Governor document, std::vector<scaling::TimeZone> zones);

  // One tick. The decision that was made, acted upon as far as the world allowed; an empty one before the target was
  // observed for the first time.
  scaling::Decision Tick();

  // True after the publisher reported a newer leader: nothing is written from then on.
  bool deposed() const { return deposed_; }

  // Why the target could not be observed in the last tick; empty when it could.
  const std::string& target_trouble() const { return target_trouble_; }
  // Pods whose scrape failed in the last tick.
  size_t scrape_errors() const { return scrape_errors_.size(); }

 private:
  struct Pending {
    SteadyTime since;
    bool was_ready = false;
  };

  scaling::Inputs Gather(SteadyTime now);
  void AskOutside(scaling::Inputs& inputs);
  void Act(const scaling::Decision& decision);
  void Publish(const scaling::Decision& decision);
  void Report(const scaling::Decision& decision);

  spec::Governor document_;
  std::vector<scaling::TimeZone> zones_;
  ExternalMetrics* const external_;
  ScaleTarget& target_;
  PodScraper& scraper_;
  RatePublisher& publisher_;
  StatusSink& sink_;
  const Clock& clock_;
  scaling::Governor governor_;

  bool observed_ = false;                              // ever
  TargetView view_;                                    // as last observed
  std::map<std::string, Pending> pending_;             // by pod: since when it is not Ready
  std::map<std::string, scaling::PodSample> samples_;  // of this tick; lent to the governor
  std::map<std::string, std::string> scrape_errors_;   // by pod, of this tick
  std::string target_trouble_;
  bool shared_state_up_ = true;
  bool deposed_ = false;
};

// What `flyballctl status` shows of one governor, as one JSON object: name, mode, paused, replicas {min max ready
// desired raw}, demand and rates in requests a second, latencies in ms, rates by criticality (null without a ceiling),
// conditions, connections and scrape errors by pod, and the whole last decision (scaling::ToJson).
std::string StatusJson(const spec::Governor& document, const scaling::Decision& decision, int ready,
                       const std::map<std::string, scaling::PodSample>& samples,
                       const std::map<std::string, std::string>& scrape_errors);

}  // namespace flyball::service::autoscaler
