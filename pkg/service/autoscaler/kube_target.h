// What a Governor of a cluster scales: an App's Deployment, or anything with a scale subresource.
#pragma once

#include <optional>
#include <string>

#include "pkg/kube/client.h"
#include "pkg/service/autoscaler/kube_pods.h"
#include "pkg/service/autoscaler/ports.h"
#include "pkg/service/operator/cluster_cache.h"
#include "pkg/service/operator/fenced_writer.h"
#include "pkg/spec/governor.h"

namespace flyball::service::autoscaler {

// Replicas are read from and written to /scale itself, each tick; pods come from the cache. One thread.
class KubeTarget final : public ScaleTarget {
 public:
  // All must outlive this.
  KubeTarget(kube::Client& client, app_operator::FencedWriter& writer, const app_operator::ClusterCache& cache,
             const std::string& name_space, const spec::Governor& governor, const Clock& clock);

  // kNotFound: there is no such object, or its kind cannot be scaled.
  Result<TargetView> Observe() override;
  // Refused with kConflict when somebody changed the replicas since Observe; that the object changed otherwise (its
  // status does, all the time while pods start) is no reason. kDenied: this process does not lead any more.
  // kInvalid: more pods of an App whose data is in one SQLite file.
  Result<void> SetReplicas(int replicas) override;

 private:
  Result<kube::ResourcePath> Path();
  bool CannotBeShared() const;

  kube::Client& client_;
  app_operator::FencedWriter& writer_;
  const app_operator::ClusterCache& cache_;
  const spec::Governor::Target target_;
  const Clock& clock_;
  Workload workload_;
  KubePods pods_;
  std::optional<kube::ResourcePath> path_;
  kube::Scale scale_;  // as last read
};

}  // namespace flyball::service::autoscaler
