// What an App is in a cluster: from its document to the objects that the operator applies. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pkg/base/result.h"
#include "pkg/service/operator/app_document.h"
#include "pkg/spec/app.h"
#include "pkg/spec/governor.h"

namespace flyball::service::app_operator {

// For Apps that say nothing else.
struct Defaults {
  std::string image;                        // empty: every App has to name one
  std::string image_pull_policy;            // empty: Kubernetes' default
  std::optional<spec::SecretRef> database;  // Secrets in the App's namespace
  std::optional<spec::SecretRef> redis;
};

// An App that is right, and the Governor that targets it, if there is one and it is right.
struct AppWorld {
  const Resource& resource;
  const spec::App& app;
  const Resource* governor_resource = nullptr;
  const spec::Governor* governor = nullptr;
};

// One object to apply.
struct Desired {
  std::string api_version, kind, plural;  // "apps/v1", "Deployment", "deployments"
  std::string name_space, name;
  std::string json;     // with owner reference and annotations, keys sorted, without spec.replicas
  std::string applied;  // the value of kAppliedAnnotation
};

// The ConfigMap, the Deployment, the Service and the PodDisruptionBudget, in the order in which they are applied.
// The same input gives the same bytes. kInvalid, with what would be right: no image is named anywhere; more than one
// replica without a database that they can share.
Result<std::vector<Desired>> Render(const AppWorld& world, const Defaults& defaults);

// Why that App's data or limits are less than they could be, for people; empty when nothing is.
std::string Caveats(const AppWorld& world, const Defaults& defaults);

// The Secret with `key` (64 hex digits) that the App's pods sign tokens with.
Desired KeySecret(const Resource& app, const std::string& key);

// The document that pods read: the App without what only the cluster needs (so that it changing restarts nothing), and
// the Governor.
std::string PodDocument(const AppWorld& world);

// Hex SHA-256 of what a pod reads of these documents once, at its start.
std::string Checksum(const AppWorld& world);

// Whether `live`, an object of the API server, is what was applied: it carries `desired.applied`, and every value of
// `desired` is in it. Both JSON. Values that the server writes differently (1000m as 1) look changed.
bool IsApplied(const Desired& desired, const std::string& live);

// Whether the object `live` is owned by the one with `uid` as its controller; `other` is set to its controller ("App
// shop", or "nobody") when not.
bool IsOwnedBy(const std::string& live, const std::string& uid, std::string& other);

// Whether the pods of the Deployment `live` have a database that more than one of them can use.
bool HasSharedDatabase(const std::string& live);

}  // namespace flyball::service::app_operator
