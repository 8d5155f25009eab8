// What the governors last said about themselves, and their latest decisions.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::local {

// Not thread-safe: it lives on the console's reactor.
class GovernorBoard {
 public:
  static constexpr size_t kDecisionsKept = 512;
  static constexpr int kMaxDepth = 32;

  // Takes the status of governor `name` as flyball-autoscaler PUTs it. kInvalid when it is no JSON object, nests deeper
  // than kMaxDepth, or names another governor. Its "lastDecision", when it is an object, joins the decisions.
  Result<void> Put(const std::string& name, std::string_view json);
  // Forgets governors that are not among `names` (a document was changed).
  void Keep(const std::vector<std::string>& names);

  // A JSON array of the latest statuses, by name.
  std::string Statuses() const;
  // A JSON array of {"name","decisions":[...]}, oldest decision first.
  std::string Decisions() const;

 private:
  struct Entry {
    std::string status;
    std::deque<std::string> decisions;  // each one JSON object
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace flyball::local
