// What the control loop needs of the world. Each port has an adapter for local mode (supervisor_target.h), one for
// clusters (kube_target.h, governor_sink.h) and fakes in tests.
#pragma once

#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/result.h"
#include "pkg/scaling/decision.h"
#include "pkg/scaling/sample.h"

namespace flyball::service::autoscaler {

struct TargetPod {
  std::string name;
  bool ready = false;
  bool terminating = false;
  std::string metrics_url;  // empty until the pod said where
};

struct TargetView {
  int ordered = 0;  // replicas the target is asked to run now
  std::vector<TargetPod> pods;
  std::string other_owner;        // "HorizontalPodAutoscaler/web" when somebody else scales it; empty = nobody
  std::string scaling_limited;    // why the platform makes no more pods, its own words; empty = it does
  double cpu_request_cores = 1;   // what signals.cpu is a share of
  double memory_limit_bytes = 0;  // what signals.memory is a share of; 0: what the pods say of themselves
};

// What is governed: something with a number of replicas.
class ScaleTarget {
 public:
  virtual ~ScaleTarget() = default;
  // kUnavailable, kTimeout: it cannot be reached now; the last view must not be taken for the present one.
  virtual Result<TargetView> Observe() = 0;
  // Orders `replicas`. kConflict: somebody else changed it since Observe; look again.
  virtual Result<void> SetReplicas(int replicas) = 0;
};

// Reads the metrics of many pods at once. Result i belongs to pods[i]; every pod of the target that is Ready or has a
// metrics_url is among them, so that what is remembered of the others can be forgotten.
class PodScraper {
 public:
  virtual ~PodScraper() = default;
  virtual std::vector<Result<scaling::PodSample>> Scrape(const std::vector<TargetPod>& pods) = 0;
};

// Numbers from outside of the fleet. Result i belongs to queries[i].
class ExternalMetrics {
 public:
  virtual ~ExternalMetrics() = default;
  virtual std::vector<Result<double>> Query(const std::vector<std::string>& queries) = 0;
};

// Gives the pods their rates. Best effort within a tick: a failure is a condition, not an error of the loop.
class RatePublisher {
 public:
  virtual ~RatePublisher() = default;
  // kConflict: a newer leader has published; this one must stop writing anything.
  virtual Result<void> Publish(const scaling::Decision& decision, int ready) = 0;
};

// Keeps what people ask for with `flyballctl status` and `explain`.
class StatusSink {
 public:
  virtual ~StatusSink() = default;
  virtual void Report(const std::string& governor, const std::string& status_json) = 0;
  // The target was asked to run another number of replicas; `reason` is the decision's sentence.
  virtual void Ordered(const std::string& /*governor*/, int /*from*/, int /*to*/, const std::string& /*reason*/) {}
};

}  // namespace flyball::service::autoscaler
