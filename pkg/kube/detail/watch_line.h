#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pkg/kube/api_error.h"
#include "pkg/kube/object.h"

namespace flyball::kube::detail {

enum class LineKind { kPut, kDeleted, kBookmark, kError };

struct WatchLine {
  LineKind kind = LineKind::kPut;
  ObjectPtr object{};              // kPut, kDeleted
  std::string resource_version{};  // of the object or bookmark
  ApiError error{};                // kError
};

// One line of a watch: {"type": ..., "object": ...}. None when it is not that.
std::optional<WatchLine> ReadWatchLine(std::string_view line, const Asked& asked);

}  // namespace flyball::kube::detail
