// Cross-origin requests from browsers (the WHATWG Fetch standard, section 3.2).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::http {

struct CorsOptions {
  std::vector<std::string> origins;   // "https://app.example.org", "http://localhost:3000", or only "*"; empty: no CORS
  bool credentials = false;           // not with "*"
  std::chrono::seconds max_age{600};  // for which a browser may keep the answer to a preflight

  bool enabled() const { return !origins.empty(); }
};

// kInvalid names what is wrong: an origin that is not scheme://host[:port] in lower case, "*" beside others or with
// credentials.
Result<void> CheckCors(const CorsOptions& options);

// Lines ("name: value\r\n") for an answer to a request from `options.origins[index]`, or (index = origins.size()) from
// elsewhere or nowhere: then only Vary.
std::string CorsLines(const CorsOptions& options, size_t index);

// Lines for the answer to a preflight of a path that allows the methods `allow` ("GET, HEAD, OPTIONS").
std::string PreflightLines(const CorsOptions& options, std::string_view allow);

}  // namespace flyball::http
