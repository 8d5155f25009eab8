// What is asked: weighted kinds of requests, written as templates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/random.h"
#include "pkg/base/result.h"

namespace flyball::load {

// A text with holes: {n} is a number that is new for every request, {principal} the number of the principal that asks,
// {id} the id of something this principal created earlier in the run. Any other brace is itself.
class Template {
 public:
  Template() = default;
  explicit Template(std::string_view text);

  struct Holes {
    uint64_t n = 0;
    uint32_t principal = 0;
    std::string_view id;  // must not be empty when needs_id()
  };
  void AppendTo(std::string& out, const Holes& holes) const;

  bool needs_id() const { return needs_id_; }
  bool empty() const { return parts_.empty(); }

 private:
  struct Part {
    enum class Kind { kText, kN, kPrincipal, kId } kind = Kind::kText;
    std::string text;
  };
  std::vector<Part> parts_;
  bool needs_id_ = false;
};

struct RequestKind {
  double weight = 1;  // > 0, relative to the others
  std::string method = "GET";
  Template path;  // below the target's base, begins with '/'
  Template body;  // empty = none
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  bool anonymous = false;  // sent without a token
};

class Mix {
 public:
  // At least one kind, at least one that does not need an id.
  explicit Mix(std::vector<RequestKind> kinds);

  const std::vector<RequestKind>& kinds() const { return kinds_; }

  // Index of a kind, by weight. O(log kinds).
  size_t Pick(Random& random) const;
  // The kind to send instead of one that needs an id while nothing was created yet: the first, in document order, that
  // needs none and creates (POST); without one, the first that needs none.
  size_t without_id() const { return without_id_; }

 private:
  std::vector<RequestKind> kinds_;
  std::vector<double> up_to_;  // cumulative weights
  size_t without_id_ = 0;
};

// A list of requests in YAML or JSON:
//   - {weight: 60, method: GET, path: "/tasks?limit=20"}
//   - {weight: 20, method: GET, path: "/tasks/{id}"}
//   - {weight: 20, method: POST, path: /tasks, body: {title: "load {n}"}}
// Keys: weight, method, path, body (text, or a value that is sent as JSON), headers, anonymous. kInvalid names the
// entry, the key and what would be right; at most 1,000 entries and 1 MiB.
Result<Mix> ReadMix(std::string_view text, std::string_view file);

}  // namespace flyball::load
