#pragma once

#include <memory>
#include <string>

#include "pkg/base/clock.h"
#include "pkg/kube/client.h"
#include "pkg/kube/event_recorder.h"
#include "pkg/service/autoscaler/controller_metrics.h"
#include "pkg/service/operator/cluster_cache.h"
#include "pkg/service/operator/fenced_writer.h"
#include "pkg/service/operator/render.h"
#include "pkg/spec/governor.h"

namespace flyball::service::autoscaler {

// What all Governors of a leader share; every part outlives them.
struct ClusterParts {
  kube::Client& client;
  app_operator::FencedWriter& writer;  // whose calls are short: a tick waits for them
  const app_operator::ClusterCache& cache;
  kube::EventRecorder& events;
  ControllerMetrics& metrics;
  const app_operator::Defaults& defaults;
  const Clock& clock;
};

// Runs the loop of one Governor on a thread of its own.
class GovernorRunner {
 public:
  // `key` is "namespace/name"; `document` is right.
  GovernorRunner(const ClusterParts& parts, std::string key, spec::Governor document);
  ~GovernorRunner();  // ends the tick that runs, then joins
  GovernorRunner(const GovernorRunner&) = delete;
  GovernorRunner& operator=(const GovernorRunner&) = delete;

  // From the next tick on. What was learnt is kept unless target, signals or metrics are others. Any thread.
  void Change(spec::Governor document);
  // The newest document has problems, the last good one is followed; empty: it has none (any more). Any thread.
  void SetProblems(std::string problems);
  // A newer leader publishes: nothing is written any more. Any thread.
  bool deposed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flyball::service::autoscaler
