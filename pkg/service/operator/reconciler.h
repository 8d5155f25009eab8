// One App in a cluster: what is there against what its document asks for. Level-based: only the name is told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/kube/client.h"
#include "pkg/kube/event_recorder.h"
#include "pkg/service/operator/app_status.h"
#include "pkg/service/operator/fenced_writer.h"
#include "pkg/service/operator/render.h"

namespace flyball::service::app_operator {

// The last known state of the cluster. Any thread may call them; null or empty when there is none.
class Lister {
 public:
  virtual ~Lister() = default;
  virtual kube::ObjectPtr App(const std::string& key) const = 0;  // "shop/api"
  virtual std::vector<kube::ObjectPtr> Governors(const std::string& name_space) const = 0;
  // An object with kAppLabel: "ConfigMap", "Deployment", "Service", "PodDisruptionBudget".
  virtual kube::ObjectPtr Child(const std::string& kind, const std::string& key) const = 0;
};

class Reconciler {
 public:
  // All must outlive this. `client` is only read from.
  Reconciler(kube::Client& client, FencedWriter& writer, const Lister& lister, kube::EventRecorder* events,
             Defaults defaults, const Clock& clock);

  // Makes the App's objects what its document says and writes its status, each only when it is not so already. An App
  // that is gone leaves nothing to do: its objects go by their owner references. A document with problems changes
  // nothing but the status. Errors are to be tried again later. One thread.
  kube::Answer<void> Reconcile(const std::string& key);

 private:
  struct Round;
  // What the server made of an object that was applied: as long as it stays so, it needs no writing.
  struct Stored {
    std::string applied, uid, version;
  };

  kube::Answer<void> ApplyAll(Round& round, const std::vector<Desired>& all);
  kube::Answer<void> ApplyOne(Round& round, const Desired& desired);
  kube::Answer<void> EnsureKey(Round& round);
  kube::Answer<void> SetReplicas(Round& round);
  kube::Answer<void> WriteStatus(Round& round);

  kube::Client& client_;
  FencedWriter& writer_;
  const Lister& lister_;
  kube::EventRecorder* const events_;
  const Defaults defaults_;
  const Clock& clock_;
  std::map<std::string, Stored> stored_;  // by kind and key
};

// The path of an App's object, and of its collection in a namespace.
kube::ResourcePath PathOf(const Desired& desired);
inline const kube::ResourcePath kApps{.group = "flyball.io", .version = "v1alpha1", .plural = "apps"};
inline const kube::ResourcePath kGovernors{.group = "flyball.io", .version = "v1alpha1", .plural = "governors"};
inline const kube::ResourcePath kDeployments{.group = "apps", .version = "v1", .plural = "deployments"};
inline const kube::ResourcePath kSecrets{.plural = "secrets"};

}  // namespace flyball::service::app_operator
