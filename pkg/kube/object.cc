#include "pkg/kube/object.h"

#include "pkg/kube/detail/json.h"
#include "pkg/kube/detail/read_object.h"

namespace flyball::kube {

std::string ObjectKey(std::string_view name_space, std::string_view name) {
  if (name_space.empty()) return std::string(name);
  return std::string(name_space).append("/").append(name);
}

Result<ObjectPtr> ReadObject(std::string json) {
  const auto parsed = detail::ParseJson(json);
  if (!parsed) return Fail(ErrorCode::kCorrupt, "an object of the API server is not JSON");
  auto object = detail::ObjectOf(*parsed);
  if (!object) return Fail(ErrorCode::kCorrupt, "an object of the API server has no metadata.name");
  object->json = std::move(json);
  return std::make_shared<const Object>(std::move(*object));
}

namespace detail {

std::optional<Object> ObjectOf(const Json& json) {
  Object object{.name_space = StringAt(json, {"metadata", "namespace"}),
                .name = StringAt(json, {"metadata", "name"}),
                .uid = StringAt(json, {"metadata", "uid"}),
                .resource_version = StringAt(json, {"metadata", "resourceVersion"})};
  if (object.name.empty()) return std::nullopt;
  return object;
}

}  // namespace detail
}  // namespace flyball::kube
