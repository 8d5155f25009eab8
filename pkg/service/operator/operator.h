#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>

#include "pkg/kube/work_queue.h"
#include "pkg/service/operator/cluster_cache.h"
#include "pkg/service/operator/reconciler.h"

namespace flyball::service::app_operator {

struct OperatorCounts {
  uint64_t rounds = 0, failures = 0;
  double seconds = 0;  // in rounds
};

// Reconciles the Apps whose names it is told, failed ones again with growing waits, all of them every ten minutes.
class Operator {
 public:
  // `reconciler` and `cache` must outlive this.
  Operator(Reconciler& reconciler, const ClusterCache& cache) : reconciler_(reconciler), cache_(cache) {}

  // Something changed: the App of `object`, or what is an App's, is looked at. Any thread.
  void Changed(const std::string& kind, const kube::ObjectPtr& object);

  // Works until `stop`, on this thread; the caller leads and the cache is synced.
  void Run(std::stop_token stop);

  size_t depth() const { return queue_.depth(); }
  OperatorCounts counts() const { return {rounds_, failures_, static_cast<double>(nanoseconds_) / 1e9}; }

 private:
  Reconciler& reconciler_;
  const ClusterCache& cache_;
  kube::SharedWorkQueue queue_;
  std::atomic<uint64_t> rounds_{0}, failures_{0}, nanoseconds_{0};
};

}  // namespace flyball::service::app_operator
