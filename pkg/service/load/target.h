#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pkg/base/result.h"

namespace flyball::load {

// Where load is sent: always this machine. A generator of load that can be pointed at others is a weapon.
struct Target {
  std::string host;  // "127.0.0.1" or "::1": an address, never a name
  uint16_t port = 80;
  std::string authority;  // for the Host header: "127.0.0.1:8080", "[::1]:8080", "localhost:8080"
  std::string base;       // path prefix without trailing slash: "" or "/api/v1"

  std::string Url(std::string_view path) const;  // "http://authority/base/path"
};

// "http://127.0.0.1:8080/api/v1". localhost is taken for 127.0.0.1 without asking a resolver. kInvalid for what is no
// such URL; kDenied for a host that is not loopback (127.0.0.0/8, ::1, localhost).
Result<Target> ParseTarget(std::string_view url);

}  // namespace flyball::load
