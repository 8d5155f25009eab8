#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::kube {

// One object as the API server gave it, with what every controller asks of it taken out. Immutable.
struct Object {
  std::string name_space{};  // empty for kinds without
  std::string name{};
  std::string uid{};
  std::string resource_version{};
  std::string json{};  // the whole of it; list items get the apiVersion and kind that the list leaves out

  // "shop/api", or "api" for kinds without a namespace: the key of caches and work queues.
  std::string Key() const { return name_space.empty() ? name : name_space + "/" + name; }
};
using ObjectPtr = std::shared_ptr<const Object>;

// kCorrupt when `json` is no object with metadata.name.
Result<ObjectPtr> ReadObject(std::string json);

// All of a collection at one moment.
struct ObjectList {
  std::vector<ObjectPtr> items{};  // in the server's order
  std::string resource_version{};
};

std::string ObjectKey(std::string_view name_space, std::string_view name);

}  // namespace flyball::kube
