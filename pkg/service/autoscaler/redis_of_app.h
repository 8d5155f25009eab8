#pragma once

#include <string>

#include "pkg/base/result.h"
#include "pkg/kube/client.h"
#include "pkg/service/operator/cluster_cache.h"
#include "pkg/service/operator/render.h"

namespace flyball::service::autoscaler {

// The address of the Redis that an App's pods share, from the Secret that its document or else `defaults` name; empty
// when neither does. Asks the API server. kNotFound: there is no such App, Secret or key; kInvalid: the App's document
// has problems.
Result<std::string> RedisOfApp(kube::Client& client, const app_operator::ClusterCache& cache,
                               const app_operator::Defaults& defaults, const std::string& name_space,
                               const std::string& app);

}  // namespace flyball::service::autoscaler
