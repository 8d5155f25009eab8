// Percent-encoding and query strings (RFC 3986, and application/x-www-form-urlencoded of the WHATWG URL standard).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::http {

struct QueryParameter {
  std::string name;
  std::string value;  // empty for "a" and for "a="
};

// "a=1&b=x%20y" in the order written; repeated names stay repeated, '+' is a space, empty pairs are skipped.
// kInvalid, naming the parameter: a broken escape, a NUL, bytes that are not UTF-8, more than 100 parameters.
Result<std::vector<QueryParameter>> ParseQuery(std::string_view query);

// Appends the path with its escapes decoded. kInvalid: a byte that RFC 3986 does not allow in a path, a broken escape,
// an encoded NUL or '/', bytes that are not UTF-8, a "." or ".." segment, or a path that does not begin with '/'.
Result<void> DecodePath(std::string_view path, std::string& out);

// Everything but unreserved characters (RFC 3986 section 2.3) escaped; safe as a path segment or a query value.
std::string PercentEncode(std::string_view text);

}  // namespace flyball::http
