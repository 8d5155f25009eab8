#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "pkg/base/result.h"
#include "pkg/service/operator/render.h"

namespace flyball::service::autoscaler {

struct ClusterOptions {
  std::string kubeconfig, context;  // both empty: in_cluster, or what kubectl would use
  bool in_cluster = false;          // only the pod's service account will do
  std::string name_space;           // whose Apps and Governors; empty: that of the kubeconfig's context, or the pod's
  bool all_namespaces = false;      // instead of one
  std::string lease_namespace;      // of the Lease; empty: name_space
  std::string identity;             // in the Lease: the pod's name; empty: the machine's
  app_operator::Defaults defaults;
  std::string admin_host = "0.0.0.0";
  uint16_t metrics_port = 9090;  // /metrics, /healthz, /readyz; 0 takes a free one
};

// Operates the Apps and governs by the Governors of a cluster until `stop`, while it is the leader among its like;
// meanwhile and otherwise it keeps a picture of the cluster, so that taking over is quick. When the leadership is lost
// nothing is written any more and it returns with kConflict, to be started anew.
// kInvalid: no usable configuration. kUnavailable: the admin port cannot be had. An API server that does not answer is
// never an error here.
Result<void> RunInCluster(const ClusterOptions& options, std::stop_token stop);

}  // namespace flyball::service::autoscaler
