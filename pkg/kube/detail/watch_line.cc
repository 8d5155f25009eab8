#include "pkg/kube/detail/watch_line.h"

#include "pkg/kube/detail/json.h"
#include "pkg/kube/detail/read_object.h"

namespace flyball::kube::detail {

std::optional<WatchLine> ReadWatchLine(std::string_view line, const Asked& asked) {
  const auto json = ParseJson(line);
  const Json* object = json ? Find(*json, {"object"}) : nullptr;
  if (object == nullptr || !object->is_object()) return std::nullopt;
  const std::string type = StringAt(*json, {"type"});
  WatchLine read{.resource_version = StringAt(*object, {"metadata", "resourceVersion"})};
  if (type == "ERROR") {
    read.kind = LineKind::kError;
    const int64_t code = IntegerAt(*object, {"code"}, 500);
    read.error = ReadStatus(code >= 400 && code <= 599 ? static_cast<int>(code) : 500, Dump(*object), asked);
    return read;
  }
  if (type == "BOOKMARK") {
    read.kind = LineKind::kBookmark;
    if (read.resource_version.empty()) return std::nullopt;
    return read;
  }
  if (type != "ADDED" && type != "MODIFIED" && type != "DELETED") return std::nullopt;
  read.kind = type == "DELETED" ? LineKind::kDeleted : LineKind::kPut;
  auto named = ObjectOf(*object);
  if (!named) return std::nullopt;
  named->json = Dump(*object);
  read.object = std::make_shared<const Object>(std::move(*named));
  return read;
}

}  // namespace flyball::kube::detail
