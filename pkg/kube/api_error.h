// What a call to the API server can come to besides success.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "pkg/base/result.h"

namespace flyball::kube {

// So that a controller decides without reading the message.
enum class Failure {
  kNotFound,       // 404: the object, or the kind (its CRD is not installed)
  kAlreadyExists,  // 409 AlreadyExists: a create met one of this name
  kConflict,  // 409: the resourceVersion or a precondition is old, or a field belongs to another manager; read again
  kGone,      // 410: the resourceVersion or continue token is too old; list again
  kUnauthorized,     // 401: who we are was not believed, also with credentials read anew
  kForbidden,        // 403: the message says what the role is missing
  kInvalid,          // 400, 405, 406, 413, 415, 422: the request is wrong; trying again cannot help
  kTooManyRequests,  // 429, still so when the time was up
  kServerError,      // 5xx
  kUnavailable,      // no connection, or it broke; a write may have had its effect
  kTimeout,          // the deadline passed; a write may have had its effect
  kCorrupt,          // the answer is not what an API server says
  kStopped,          // the caller's stop token asked for it
};

// "not-found", ...: stable, for logs and metrics.
std::string_view Name(Failure failure);

struct ApiError {
  Failure failure = Failure::kUnavailable;
  int status = 0;                            // HTTP; 0 when there was no answer
  std::string message{};                     // what was asked and what the server said, one sentence
  std::chrono::milliseconds retry_after{0};  // as the server asked (bounded to a minute); 0 when it did not

  // For callers that speak Result<T>.
  Error ToError() const;
};

template <typename T>
using Answer = tl::expected<T, ApiError>;

// The error that an answer with `status` >= 400 stands for: `body` is a meta/v1 Status object, or anything when a proxy
// made it. `asked` is the call ("PUT deployments.apps shop/api/scale") and goes in front of the message; for 403
// `verb`, `group`, `resource` name the rule that a role would need.
struct Asked {
  std::string verb{};  // RBAC's: get, list, watch, create, update, patch, delete
  std::string group{};
  std::string resource{};  // with subresource: "deployments/scale"
  std::string name_space{};
  std::string what{};
};
ApiError ReadStatus(int status, std::string_view body, const Asked& asked);

}  // namespace flyball::kube
