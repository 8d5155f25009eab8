// Errors the world can cause travel as Result<T>; bugs stop the process through Check() (check.h).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace flyball {

// What kind of failure it is, so that a caller can decide (retry, refuse, degrade) without reading the message.
enum class ErrorCode {
  kInvalid,      // the input is wrong; trying again cannot help
  kNotFound,     // the named thing does not exist (or may not be seen)
  kConflict,     // the state moved, or a uniqueness rule was hit
  kDenied,       // known, but not allowed
  kExhausted,    // a limit was reached; trying later may help
  kUnavailable,  // a dependency is down, or we are draining
  kTimeout,      // a deadline passed; the effect is unknown unless the declaration says otherwise
  kCorrupt,      // stored bytes are not what was written
  kIo,           // the operating system said no
  kInternal,     // a bug that was survived
};

// "invalid", "not-found", ...: stable, for logs and metrics.
std::string_view Name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one sentence for a person: what was wrong, where, what would be right
};

template <typename T>
using Result = tl::expected<T, Error>;

// return Fail(ErrorCode::kInvalid, "port 70000: expected 1 to 65535");
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// "<doing>: <strerror(errno)>" with kIo.
tl::unexpected<Error> FailErrno(std::string_view doing);

}  // namespace flyball
