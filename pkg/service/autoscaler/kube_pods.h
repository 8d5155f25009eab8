// The pods of a target and what is known of them, from the objects of the API server. Chosen by owner, never by label
// alone: a pod that carries the label of another's Deployment is nobody's to count.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/kube/object.h"
#include "pkg/service/autoscaler/ports.h"
#include "pkg/spec/governor.h"

namespace flyball::service::autoscaler {

// The workload itself: {"apps/v1", "Deployment", "web"} of a namespace.
struct Workload {
  std::string api_version, kind, name_space, name;
  std::string uid;
};

struct ClusterObjects {
  std::vector<kube::ObjectPtr> pods, replica_sets, autoscalers;  // of the workload's namespace
};

// Reads objects and remembers what it read of each until that changes. One thread.
class KubePods {
 public:
  // `metrics` and `demand`: where the pods show their numbers. Flyball's own pods have a port named "admin"; others are
  // asked at metrics.port, else at their port named "metrics" or "http-metrics", at the annotation prometheus.io/port,
  // or at the only port they have. `startup` is D: a pod unschedulable for longer than 2 D limits scaling.
  KubePods(spec::MetricsSource metrics, bool flyball, milliseconds startup);

  // The view of `workload`, but for `ordered`. Pods that have ended are left out.
  TargetView View(const Workload& workload, const ClusterObjects& objects, SteadyTime now);

 private:
  struct Owner {
    std::string kind, uid;
  };
  struct PodFacts {
    std::string resource_version;
    Owner owner;
    TargetPod pod;
    bool ended = false;
    std::string unschedulable;      // the scheduler's words
    double cpu_request_cores = 0;   // of all containers
    double memory_limit_bytes = 0;  // of the first one; 0: none
  };
  struct SetFacts {
    std::string resource_version;
    Owner owner;
    std::string failure;  // why it makes no pods
  };
  const PodFacts& ReadPod(const kube::Object& object);
  const SetFacts& ReadSet(const kube::Object& object);
  std::string MetricsUrl(const std::string& pod_json) const;

  const spec::MetricsSource metrics_;
  const bool flyball_;
  const nanoseconds patience_;
  std::map<std::string, PodFacts> pods_;  // by uid
  std::map<std::string, SetFacts> sets_;
  std::map<std::string, SteadyTime> unschedulable_since_;  // by uid
};

// "HorizontalPodAutoscaler/web", or "ScaledObject/web" when one made it, when such a one scales the workload (or the
// App of its name); empty when none does.
std::string OtherOwner(const Workload& workload, bool app, const std::vector<kube::ObjectPtr>& autoscalers);

}  // namespace flyball::service::autoscaler
