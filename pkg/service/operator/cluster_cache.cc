#include "pkg/service/operator/cluster_cache.h"

#include <algorithm>

#include "pkg/base/check.h"
#include "pkg/service/operator/pod_contract.h"

namespace flyball::service::app_operator {
namespace {

struct Watched {
  const char *kind, *group, *version, *plural;
  bool ours;  // only objects with the App's label
};

constexpr Watched kWatched[] = {
    {"App", "flyball.io", "v1alpha1", "apps", false},
    {"Governor", "flyball.io", "v1alpha1", "governors", false},
    {"ConfigMap", "", "v1", "configmaps", true},
    {"Deployment", "apps", "v1", "deployments", true},
    {"Service", "", "v1", "services", true},
    {"PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", true},
    {"ReplicaSet", "apps", "v1", "replicasets", false},
    {"Pod", "", "v1", "pods", false},
    {"HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers", false},
};

std::vector<kube::ObjectPtr> In(const kube::Watcher& watcher, const std::string& name_space) {
  std::vector<kube::ObjectPtr> all = watcher.All();
  std::erase_if(all, [&](const kube::ObjectPtr& object) { return object->name_space != name_space; });
  return all;
}

}  // namespace

struct ClusterCache::Kind {
  std::string name;
  kube::WatcherOptions options;
  std::unique_ptr<kube::Watcher> watcher;  // null before Start and after Stop
};

ClusterCache::ClusterCache(kube::Client& client, const std::string& name_space) : client_(client) {
  for (const Watched& watched : kWatched) {
    auto kind = std::make_unique<Kind>();
    kind->name = watched.kind;
    kind->options.collection = {
        .group = watched.group, .version = watched.version, .plural = watched.plural, .name_space = name_space};
    if (watched.ours) kind->options.label_selector = std::string(kAppLabel);
    kind->options.longest_backoff = seconds(5);
    kinds_.push_back(std::move(kind));
  }
}

void ClusterCache::Start(const Changed& changed) {
  for (const auto& kind : kinds_) {
    kind->watcher = std::make_unique<kube::Watcher>(
        client_, kind->options,
        [changed, name = kind->name](const kube::WatchEvent& event) { changed(name, event.object); });
  }
}

void ClusterCache::Stop() {
  for (const auto& kind : kinds_) kind->watcher.reset();
}

ClusterCache::~ClusterCache() = default;

const ClusterCache::Kind& ClusterCache::Of(const std::string& kind) const {
  for (const auto& known : kinds_)
    if (known->name == kind) return *known;
  Check(false, "a kind that is watched");
  return *kinds_.front();
}

bool ClusterCache::synced() const {
  return std::all_of(kinds_.begin(), kinds_.end(),
                     [](const auto& kind) { return kind->watcher != nullptr && kind->watcher->synced(); });
}

std::string ClusterCache::trouble() const {
  for (const auto& kind : kinds_)
    if (const std::string trouble = kind->watcher != nullptr ? kind->watcher->trouble() : ""; !trouble.empty())
      return kind->name + ": " + trouble;
  return "";
}

kube::ObjectPtr ClusterCache::App(const std::string& key) const { return Of("App").watcher->Get(key); }
kube::ObjectPtr ClusterCache::Governor(const std::string& key) const { return Of("Governor").watcher->Get(key); }
kube::ObjectPtr ClusterCache::Child(const std::string& kind, const std::string& key) const {
  return Of(kind).watcher->Get(key);
}
std::vector<kube::ObjectPtr> ClusterCache::Apps() const { return Of("App").watcher->All(); }
std::vector<kube::ObjectPtr> ClusterCache::AllGovernors() const { return Of("Governor").watcher->All(); }
std::vector<kube::ObjectPtr> ClusterCache::Governors(const std::string& name_space) const {
  return In(*Of("Governor").watcher, name_space);
}
std::vector<kube::ObjectPtr> ClusterCache::Pods(const std::string& name_space) const {
  return In(*Of("Pod").watcher, name_space);
}
std::vector<kube::ObjectPtr> ClusterCache::ReplicaSets(const std::string& name_space) const {
  return In(*Of("ReplicaSet").watcher, name_space);
}
std::vector<kube::ObjectPtr> ClusterCache::HorizontalPodAutoscalers(const std::string& name_space) const {
  return In(*Of("HorizontalPodAutoscaler").watcher, name_space);
}

}  // namespace flyball::service::app_operator
