#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pkg/kube/client.h"
#include "pkg/kube/watcher.h"
#include "pkg/service/operator/reconciler.h"

namespace flyball::service::app_operator {

// What the operator and the governors know of the cluster, kept up to date by watches: Apps, Governors, the operator's
// own objects, and - for governors - ReplicaSets, pods and HorizontalPodAutoscalers. Any thread.
class ClusterCache final : public Lister {
 public:
  // What changed; the names are of Kubernetes' kinds. Called on the watches' threads and must only pass it on.
  using Changed = std::function<void(const std::string& kind, const kube::ObjectPtr& object)>;

  // Of one namespace, or of all when it is empty. Nothing is known before Start. `client` must outlive this.
  ClusterCache(kube::Client& client, const std::string& name_space);
  ~ClusterCache() override;

  // Once. `changed` is called until Stop() has returned.
  void Start(const Changed& changed);
  // Ends the watches; nobody may ask any more.
  void Stop();

  // Everything was listed once.
  bool synced() const;
  // What keeps it from being so or up to date: "pods: ..."; empty when nothing does.
  std::string trouble() const;

  kube::ObjectPtr App(const std::string& key) const override;
  std::vector<kube::ObjectPtr> Governors(const std::string& name_space) const override;
  kube::ObjectPtr Child(const std::string& kind, const std::string& key) const override;

  kube::ObjectPtr Governor(const std::string& key) const;
  std::vector<kube::ObjectPtr> Apps() const;
  std::vector<kube::ObjectPtr> AllGovernors() const;
  std::vector<kube::ObjectPtr> Pods(const std::string& name_space) const;
  std::vector<kube::ObjectPtr> ReplicaSets(const std::string& name_space) const;
  std::vector<kube::ObjectPtr> HorizontalPodAutoscalers(const std::string& name_space) const;

 private:
  struct Kind;
  const Kind& Of(const std::string& kind) const;
  kube::Client& client_;
  std::vector<std::unique_ptr<Kind>> kinds_;
};

}  // namespace flyball::service::app_operator
