#pragma once

#include <string>
#include <string_view>

#include "pkg/base/result.h"

namespace flyball::kube {

// Which resources are meant, as the API server's paths say it: a collection when `name` is empty, across all namespaces
// (or of a kind that has none) when `name_space` is empty.
//   {.group = "apps", .version = "v1", .plural = "deployments", .name_space = "shop", .name = "api"}
struct ResourcePath {
  std::string group{};  // empty: the core group
  std::string version = "v1";
  std::string plural{};
  std::string name_space{};
  std::string name{};
  std::string subresource{};  // "scale", "status"

  // The same with one part replaced.
  ResourcePath In(std::string_view other_name_space) const;
  ResourcePath Named(std::string_view other_name) const;
  ResourcePath Sub(std::string_view other_subresource) const;
  ResourcePath Collection() const { return Named("").Sub(""); }

  // "apps/v1", "v1": what objects carry as apiVersion.
  std::string ApiVersion() const;
  // "/apis/apps/v1/namespaces/shop/deployments/api/scale"; parts are percent-encoded, so none can leave its place.
  std::string ToString() const;
  // "deployments.apps shop/api": for messages.
  std::string ForPeople() const;

  bool operator==(const ResourcePath&) const = default;
};

// kInvalid when a part is missing or is none that the API server could have: empty plural or version, ".", "..", '/'.
Result<void> CheckPath(const ResourcePath& path);

}  // namespace flyball::kube
