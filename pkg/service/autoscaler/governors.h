#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "pkg/kube/work_queue.h"
#include "pkg/service/autoscaler/governor_runner.h"
#include "pkg/service/autoscaler/governor_status.h"
#include "pkg/service/operator/app_document.h"

namespace flyball::service::autoscaler {

// Keeps one runner for each Governor of a cluster that is right and the first of its target.
class Governors {
 public:
  explicit Governors(const ClusterParts& parts) : parts_(parts) {}

  // A Governor came, changed or went: its namespace is looked at. Any thread.
  void Changed(const kube::ObjectPtr& governor) { queue_.Add(governor->name_space); }

  // Works until `stop`, on this thread; the caller leads and the cache is synced. kConflict: a newer leader publishes,
  // and nothing was written since that was seen.
  Result<void> Run(std::stop_token stop);

 private:
  struct Running {
    std::string uid;
    int64_t generation = 0;  // that the runner was told of, right or not
    std::unique_ptr<GovernorRunner> runner;
  };
  kube::Answer<void> Look(const std::string& name_space);
  kube::Answer<void> LookAt(const app_operator::Resource& governor);
  kube::Answer<void> Say(const std::string& key, GovernorNews news);
  bool Deposed() const;

  const ClusterParts parts_;
  kube::SharedWorkQueue queue_;             // of namespaces
  std::map<std::string, Running> running_;  // by key
};

}  // namespace flyball::service::autoscaler
