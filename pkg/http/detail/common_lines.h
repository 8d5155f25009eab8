// The lines that every answer ends with, made once: an answer chooses one block by the scheme and the origin of its
// request, and copies it.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/http/cors.h"
#include "pkg/http/request.h"

namespace flyball::http::detail {

// Immutable; any thread.
class CommonLines {
 public:
  CommonLines() : CommonLines("", "", {}) {}
  // `always` and `when_secure` are "name: value\r\n" lines; `cors` was checked.
  CommonLines(const std::string& always, const std::string& when_secure, CorsOptions cors);

  // The block of an answer to `request`. Valid while this lives.
  std::string_view For(const Request& request) const;
  // What an OPTIONS answered by the server gets besides: nothing unless it is a preflight from an origin that may.
  std::string Preflight(const Request& request, std::string_view allow) const;

 private:
  size_t OriginOf(const Request& request) const;

  CorsOptions cors_;
  std::array<std::vector<std::string>, 2> blocks_;  // [secure][origin], the last of each: no origin of ours
};

}  // namespace flyball::http::detail
