#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pkg/base/result.h"
#include "pkg/http/request.h"

namespace flyball::http {

struct RouteOptions {
  size_t max_body_bytes = 0;  // 0: Limits::body_bytes of the server
};

// Which endpoint a path names: a tree of path segments, built once, then only read (by any number of threads).
// A literal segment wins over a parameter, a parameter over a tail, wherever they meet; the match backtracks, so
// "/tasks/new" and "/tasks/{id}/notes" live side by side.
class Router {
 public:
  Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;
  ~Router();

  // `pattern`: "/tasks/{id}/notes", "/files/{path...}" (the rest, '/' included, at least one character; only at the
  // end). Endpoint ids are the caller's; several routes may share one. GET also answers HEAD, and OPTIONS is answered
  // with Allow, unless a route says otherwise. kInvalid: a pattern that is not one, more than Request::kMaxPathParams
  // parameters or 32 segments, kOther as the method; kConflict: the route exists already.
  Result<void> Add(Method method, std::string_view pattern, uint32_t endpoint, RouteOptions options = {});

  struct Match {
    enum class Kind { kFound, kNotFound, kMethodNotAllowed };
    Kind kind = Kind::kNotFound;
    uint32_t endpoint = Request::kNoEndpoint;
    RouteOptions options;
    uint32_t param_count = 0;
    std::array<std::string_view, Request::kMaxPathParams> param_values;  // into the path given
    std::span<const std::string> param_names;                            // into the router
    std::string_view allow;  // "GET, HEAD, OPTIONS, PATCH": set for every path that exists
  };

  // `path` is decoded. No allocation; cost is the length of the path, times the ways it can match.
  Match Find(Method method, std::string_view path) const;

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;
};

}  // namespace flyball::http
