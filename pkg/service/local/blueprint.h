// What the documents ask of a fleet on one machine.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pkg/service/local/options.h"

namespace flyball::local {

struct Blueprint {
  std::string app, base;                                   // of the App: "tasks", "/api/v1"
  std::vector<std::string> governors;                      // names; at most one
  ReplicaBounds bounds;                                    // --replicas, else the Governor's, else 1:1
  int workers = 0;                                         // 0 = the pods' default
  std::vector<std::pair<std::string, std::string>> files;  // file name, text: exactly what was validated
  std::vector<std::string> problems;                       // ready to print; when not empty the rest must not be used
};

// Reads and validates the documents; reports everything that is wrong with them, and what cannot run on one machine
// (no App or several, more than kMaxReplicas pods).
Blueprint ReadBlueprint(const Options& options);

}  // namespace flyball::local
