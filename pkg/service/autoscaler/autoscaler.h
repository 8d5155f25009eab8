#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "pkg/base/result.h"

namespace flyball::service::autoscaler {

struct Options {
  std::vector<std::string> files;  // documents; every Governor in them is run
  std::string supervisor_url;      // "http://127.0.0.1:8081"
  std::string supervisor_token;
  std::string redis;     // "unix:/path", "redis://host:port", or "none": rates are not published
  int min_replicas = 0;  // > 0 overrides the document's
  int max_replicas = 0;
};

// Runs the control loop until `stop`: one tick every spec.metrics.scrape, on this thread. kInvalid: the documents are
// wrong (all problems in the message, one a line). A world that does not answer is never an error here.
Result<void> Run(const Options& options, std::stop_token stop);

}  // namespace flyball::service::autoscaler
