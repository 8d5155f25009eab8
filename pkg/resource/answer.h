// What a request leads to, before any HTTP: the API service writes it as a response.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::resource {

// One thing that is wrong with a request.
struct FieldError {
  std::string pointer;  // JSON pointer into the body (RFC 6901): "/title", "" for all of it; or "query/limit"
  std::string code;     // stable, for programs: "required", "too-long"
  std::string message;  // for people: what is wrong and what would be right
};
inline constexpr size_t kMaxErrors = 100;  // reported at once

// Below 400 an answer with a body (application/json unless empty), from 400 a problem (application/problem+json) whose
// title is the status' phrase.
struct Answer {
  int status = 200;
  std::string body;      // one JSON value
  std::string etag;      // with its quotes: "\"3\""; may stand on 304
  std::string location;  // path of the created row
  std::string link;      // value of Link (RFC 8288)
  bool secret = false;   // holds a token: no cache may store it
  std::string detail;    // problems
  std::vector<FieldError> errors;
  std::string log;  // for the log only: why the store failed; set with 500, 503 and 504

  bool is_problem() const { return status >= 400; }
};

// Called exactly once, on the calling thread or on the store's writer thread.
using Done = std::function<void(Answer)>;

// `text`, which is UTF-8, for a message: cut between characters when it is longer than 80 bytes.
std::string Excerpt(std::string_view text);

Answer Refuse(int status, std::string detail, std::vector<FieldError> errors = {});

// The same for every reason a row cannot be shown: absent or hidden.
Answer NotFound();
// The one answer to who must sign in; the service adds WWW-Authenticate.
// 401: the same whatever is wrong with the token, so that nobody learns which.
inline constexpr std::string_view kBadToken = "the access token is missing, malformed, expired or revoked";
Answer SignInFirst();

// What the client sees of a store that failed: 503 for unavailable or exhausted, 504 for a deadline, 500 otherwise.
Answer StoreFailed(const Error& error);

}  // namespace flyball::resource
