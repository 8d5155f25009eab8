#include "pkg/kube/api_error.h"

#include <algorithm>

#include "pkg/kube/detail/json.h"

namespace flyball::kube {
namespace {

Failure FailureOf(int status, std::string_view reason) {
  if (status == 409) return reason == "AlreadyExists" ? Failure::kAlreadyExists : Failure::kConflict;
  if (status == 504 && reason == "Timeout") return Failure::kTimeout;
  switch (status) {
    case 401:
      return Failure::kUnauthorized;
    case 403:
      return Failure::kForbidden;
    case 404:
      return Failure::kNotFound;
    case 410:
      return Failure::kGone;
    case 429:
      return Failure::kTooManyRequests;
    default:
      return status >= 500 ? Failure::kServerError : Failure::kInvalid;
  }
}

// The first line of what is no Status object, for a person who has to find out who answered.
std::string FirstWords(std::string_view body) {
  std::string words(body.substr(0, std::min(body.find('\n'), size_t{200})));
  std::replace_if(
      words.begin(), words.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return words;
}

std::string MissingRule(const Asked& asked) {
  std::string rule = "the role needs {apiGroups: [\"" + asked.group + "\"], resources: [\"" + asked.resource +
                     "\"], verbs: [\"" + asked.verb + "\"]}";
  return rule + (asked.name_space.empty() ? " in a ClusterRole" : " in namespace " + asked.name_space);
}

}  // namespace

std::string_view Name(Failure failure) {
  switch (failure) {
    case Failure::kNotFound:
      return "not-found";
    case Failure::kAlreadyExists:
      return "already-exists";
    case Failure::kConflict:
      return "conflict";
    case Failure::kGone:
      return "gone";
    case Failure::kUnauthorized:
      return "unauthorized";
    case Failure::kForbidden:
      return "forbidden";
    case Failure::kInvalid:
      return "invalid";
    case Failure::kTooManyRequests:
      return "too-many-requests";
    case Failure::kServerError:
      return "server-error";
    case Failure::kUnavailable:
      return "unavailable";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kCorrupt:
      return "corrupt";
    case Failure::kStopped:
      return "stopped";
  }
  return "unknown";
}

Error ApiError::ToError() const {
  switch (failure) {
    case Failure::kNotFound:
      return {ErrorCode::kNotFound, message};
    case Failure::kAlreadyExists:
    case Failure::kConflict:
    case Failure::kGone:
      return {ErrorCode::kConflict, message};
    case Failure::kUnauthorized:
    case Failure::kForbidden:
      return {ErrorCode::kDenied, message};
    case Failure::kInvalid:
      return {ErrorCode::kInvalid, message};
    case Failure::kTooManyRequests:
      return {ErrorCode::kExhausted, message};
    case Failure::kTimeout:
      return {ErrorCode::kTimeout, message};
    case Failure::kCorrupt:
      return {ErrorCode::kCorrupt, message};
    case Failure::kServerError:
    case Failure::kUnavailable:
    case Failure::kStopped:
      break;
  }
  return {ErrorCode::kUnavailable, message};
}

ApiError ReadStatus(int status, std::string_view body, const Asked& asked) {
  const auto parsed = detail::ParseJson(body);
  const bool is_status = parsed && detail::StringAt(*parsed, {"kind"}) == "Status";
  ApiError error{.status = status};
  std::string said;
  if (is_status) {
    said = detail::StringAt(*parsed, {"message"});
    const int64_t after = detail::IntegerAt(*parsed, {"details", "retryAfterSeconds"});
    error.retry_after = std::chrono::seconds(std::clamp<int64_t>(after, 0, 60));
  } else {
    said = "status " + std::to_string(status) + ", not by an API server: " + FirstWords(body);
  }
  error.failure = FailureOf(status, is_status ? detail::StringAt(*parsed, {"reason"}) : "");
  error.message = asked.what + ": " + (said.empty() ? "status " + std::to_string(status) : said);
  if (error.failure == Failure::kForbidden) error.message += "; " + MissingRule(asked);
  return error;
}

}  // namespace flyball::kube
